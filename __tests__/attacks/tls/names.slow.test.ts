/** Names of a certificate that look like another's once they are printed, split, folded or cut at a NUL. */
import { closeGrounds } from '../../support/attack-ground.js';
import {
  altName,
  commonName,
  derCertificate,
  name,
  oid,
  STRING,
  subjectAltName,
  tlv,
  TYPE,
  type DerOrder,
} from '../../support/der-certificates.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
beforeAll(async () => {
  tls = await openTlsGround({
    routes: `
  - { id: san, path: /san, upstream: backend, auth: { mtls: { sans: ["DNS:admin", "IP:127.0.0.1", "email:admin@example.com", "URI:spiffe://example/admin"] } } }
  - { id: cn, path: /cn, upstream: backend, auth: { mtls: { subjects: ["CN=admin"] } } }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

const svc = altName('DNS', 'svc-a');
const CN = (value: string) => ({ type: TYPE.CN, value });
const utf8Name = (type: string, value: string): Buffer =>
  Buffer.concat([oid(type), tlv(0xa0, tlv(0x0c, Buffer.from(value)))]);

async function status(path: '/san' | '/cn', order: DerOrder): Promise<number | 'refused'> {
  const pair = derCertificate({ ...order, issuer: { cert: tls.made.ca, key: tls.made.caKey } });
  return tls.status(tls.demanding, path, pair);
}

/**
 * 403: another name. 401: a certificate that no honest authority issues. `refused`: a certificate that OpenSSL does not
 * read.
 */
type Safe = 401 | 403 | 'refused';

describe('TLS-10 names that are injected into the text of others', () => {
  const SANS: readonly (readonly [string, readonly Buffer[], Safe])[] = [
    ['a URI that continues in the way Node prints the next name', [altName('URI', 'http://x, DNS:admin')], 401],
    ['a URI with a comma', [altName('URI', 'http://x,DNS:admin')], 403],
    ['a DNS name with a comma', [altName('DNS', 'x,DNS:admin')], 403],
    ['a DNS name with a comma and a space', [altName('DNS', 'x, DNS:admin')], 401],
    ['an address of mail with a comma', [altName('email', 'x@x,DNS:admin')], 403],
    ['a DNS name in quotes', [altName('DNS', '"admin"')], 403],
    ['a DNS name with a line break', [altName('DNS', 'x\nDNS:admin')], 401],
    ['a DNS name that begins with its type', [altName('DNS', 'DNS:admin')], 403],
    ['a URI with that text', [altName('URI', 'DNS:admin')], 403],
    ['a URI with the bare name', [altName('URI', 'admin')], 403],
    ['an address of mail of the bare name', [altName('email', 'admin')], 403],
    ['another name (UPN)', [svc, tlv(0xa0, utf8Name('1.3.6.1.4.1.311.20.2.3', 'admin'))], 403],
    ['another name alone', [tlv(0xa0, utf8Name('1.3.6.1.5.5.7.8.9', 'admin@example.com'))], 403],
    ['a directory name', [svc, altName('directoryName', commonName('admin'))], 403],
    ['a longer name', [altName('DNS', 'admin.example')], 403],
    ['a name with a dot at its end', [altName('DNS', 'admin.')], 403],
    ['a wildcard', [altName('DNS', '*')], 403],
    ['a matching wildcard', [altName('DNS', '*.example'), altName('DNS', 'a*')], 403],
    ['an address written as a DNS name', [altName('DNS', '127.0.0.1')], 403],
    ['an address written as a URI', [altName('URI', '127.0.0.1')], 403],
    ['an IPv4 address within IPv6', [altName('IP', Buffer.from('00000000000000000000ffff7f000001', 'hex'))], 403],
    ['an address with a mask', [altName('IP', Buffer.from('7f000001ffffffff', 'hex'))], 401],
    ['an address too short', [altName('IP', Buffer.from('7f0001', 'hex'))], 401],
    ['a letter of another alphabet', [altName('DNS', Buffer.from('аdmin'))], 401],
    ['full-width letters', [altName('DNS', Buffer.from('ａｄｍｉｎ'))], 401],
    ['a soft hyphen', [altName('DNS', Buffer.from('ad\u00admin'))], 401],
    ['an empty name', [altName('DNS', ''), altName('DNS', 'admin')], 401],
    ['a URI in another case', [altName('URI', 'SPIFFE://example/admin')], 403],
    ['a URI whose path is encoded', [altName('URI', 'spiffe://example/%61dmin')], 403],
    ['a URI with dots', [altName('URI', 'spiffe://example/x/../admin')], 403],
    ['mail in another case', [altName('email', 'Admin@example.com')], 403],
  ];

  test.each(SANS)('%s is not the alternative name', async (_what, sans, safe) => {
    expect(await status('/san', { sans })).toBe(safe);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each<[string, DerOrder, Safe]>([
    ['in the subject alone', { subject: commonName('admin') }, 403],
    ['in a second list', { sans: [svc], extensions: [subjectAltName(altName('DNS', 'admin'))] }, 401],
    [
      'in a list twice',
      { sans: [altName('DNS', 'admin')], extensions: [subjectAltName(altName('DNS', 'admin'))] },
      401,
    ],
  ])('%s is not the alternative name', async (_what, order, safe) => {
    // Some versions of OpenSSL refuse two extensions of one kind themselves.
    expect([safe, ...(order.extensions ? ['refused'] : [])]).toContain(await status('/san', order));
    expect(tls.ground.arrived()).toEqual([]);
  });

  const SUBJECTS: readonly (readonly [string, Buffer])[] = [
    ['a slash as openssl prints it', commonName('a/CN=admin')],
    ['a slash before it', name([CN('x/CN=admin/CN=y')])],
    ['a comma', commonName('a,CN=admin')],
    ['a comma at its end', commonName('admin,')],
    ['a line break as Node prints it', commonName('a\nCN=admin')],
    ['a plus', commonName('a+CN=admin')],
    ['two values in one RDN', name([CN('admin'), CN('x')])],
    ['two RDNs, the right one first', name([CN('admin')], [CN('x')])],
    ['two RDNs, the right one last', name([CN('x')], [CN('admin')])],
    ['an organisation beside it', name([{ type: TYPE.O, value: 'Evil' }], [CN('admin')])],
    ['another attribute of that value', name([{ type: TYPE.OU, value: 'admin' }])],
    ['a text that reads as the whole', name([{ type: TYPE.OU, value: 'CN=admin' }])],
    ['capitals', commonName('Admin')],
    ['a space behind', commonName('admin ')],
    ['a space before', commonName(' admin')],
    ['a letter of another alphabet', commonName('аdmin')],
    ['full-width letters', commonName('ａｄｍｉｎ')],
    ['a zero-width space', commonName('ad\u200bmin')],
    ['quotes', commonName('"admin"')],
    ['its own hex form', commonName('#0C0561646D696E')],
    ['nothing', name()],
  ];

  test.each(SUBJECTS)('%s is not the subject', async (_what, subject) => {
    expect(await status('/cn', { subject, sans: [svc] })).toBe(403);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each<[string, DerOrder]>([
    ['the DNS name', { sans: [altName('DNS', 'admin')] }],
    ['the DNS name in capitals, after another', { sans: [svc, altName('DNS', 'ADMIN')] }],
    ['the address', { sans: [altName('IP', Buffer.from([127, 0, 0, 1]))] }],
    ['mail', { sans: [altName('email', 'admin@example.com')] }],
    ['the URI', { sans: [altName('URI', 'spiffe://example/admin')] }],
  ])('twin: %s passes', async (_what, order) => {
    expect(await status('/san', order)).toBe(200);
    expect(tls.ground.arrived()).toHaveLength(1);
  });

  test.each([STRING.utf8, STRING.printable, STRING.t61, STRING.ia5])(
    'twin: the subject passes, as a string of tag %i',
    async (tag) => {
      expect(await status('/cn', { subject: commonName('admin', tag), sans: [svc] })).toBe(200);
      expect(tls.ground.arrived()).toHaveLength(1);
    },
  );
});

describe('TLS-11 a NUL in a name', () => {
  test.each(['DNS', 'URI', 'email'] as const)('of kind %s: the whole certificate is refused', async (kind) => {
    const wanted = { DNS: 'admin', URI: 'spiffe://example/admin', email: 'admin@example.com' }[kind];
    for (const text of [`${wanted}\0.evil`, `${wanted}\0`, `\0${wanted}`]) {
      expect(await status('/san', { sans: [altName(kind, text)] })).toBe(401);
      expect(await status('/san', { sans: [altName('DNS', 'admin'), altName(kind, text)] })).toBe(401);
    }
    expect(tls.ground.arrived()).toEqual([]);
  });

  test.each(['admin\0.evil', 'admin\0', '\0admin'])('in a subject (%j) is another subject', async (text) => {
    for (const tag of [STRING.utf8, STRING.printable, STRING.ia5, STRING.t61])
      expect(await status('/cn', { subject: commonName(text, tag), sans: [svc] })).toBe(403);
    const utf16 = Buffer.from(text, 'utf16le').swap16();
    expect(await status('/cn', { subject: commonName(utf16, STRING.bmp), sans: [svc] })).toBe(403);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('twin: the names without it pass', async () => {
    expect(await status('/san', { sans: [altName('DNS', 'admin')] })).toBe(200);
    expect(await status('/cn', { subject: commonName('admin'), sans: [svc] })).toBe(200);
    expect(tls.ground.arrived()).toHaveLength(2);
  });
});
