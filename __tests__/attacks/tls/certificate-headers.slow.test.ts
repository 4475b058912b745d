/** Certificate headers for the upstream: only from the verified certificate, in one spelling, as ASCII on one line. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { loom } from '../../../src/loom.js';
import { closeGrounds } from '../../support/attack-ground.js';
import {
  altName,
  commonName,
  derCertificate,
  name,
  STRING,
  TYPE,
  type DerOrder,
  type PemPair,
} from '../../support/der-certificates.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';
import { quietLog } from '../../support/quiet-log.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
beforeAll(async () => (tls = await openTlsGround()));
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

const issued = (order: DerOrder): PemPair & { readonly der: Buffer } =>
  derCertificate({ ...order, issuer: { cert: tls.made.ca, key: tls.made.caKey } });

/** The one message that arrived with a certificate, or the status of the refusal. */
async function told(pair: PemPair, port = tls.demanding): Promise<Message | number | 'refused'> {
  const status = await tls.status(port, '/service/x', pair);
  const [message] = tls.ground.arrived();
  return status === 200 && message ? message : status;
}

async function header(field: string, order: DerOrder): Promise<string | undefined> {
  const message = await told(issued({ sans: [altName('DNS', 'svc-odd')], ...order }));
  if (typeof message !== 'object') throw new Error(`not admitted: ${message}`);
  const values = valuesOf(message, field);
  expect(values.length).toBeLessThan(2);
  return values[0];
}

const FIELDS = ['X-Client-Subject', 'X-Client-Issuer', 'X-Client-Serial', 'X-Client-Fingerprint'];

describe('TLS-08 certificate headers from a client', () => {
  const FORGED = [
    ...FIELDS,
    ...FIELDS.map((field) => field.replaceAll('-', '_')),
    ...FIELDS.map((field) => field.toUpperCase().replaceAll('-', '.')),
  ];
  /** The names that other proxies use. */
  const FOREIGN = [
    ...['X-SSL-Client-Cert', 'X-SSL-Client-Verify', 'X-SSL-Client-S-DN', 'X_SSL_CLIENT_CN', 'Ssl-Client-Cert'],
    ...['Ssl-Client-Verify', 'SSL_CLIENT_SUBJECT_DN', 'X-Forwarded-Client-Cert', 'X-Forwarded-Tls-Client-Cert'],
    ...['X-Forwarded-Tls-Client-Cert-Info', 'Client-Cert', 'Client-Cert-Chain', 'X-Client-Cert', 'X-ARR-ClientCert'],
    ...['X-Amzn-Mtls-Clientcert-Subject', 'X-Client-Cert-Serial-Number', 'Cf-Client-Cert-Sha256'],
  ];
  const headers = Object.fromEntries([...FORGED, ...FOREIGN].map((field) => [field, 'CN=root']));

  test.each(['plain', 'asking'] as const)('set no identity over the %s listener', async (listener) => {
    const port = listener === 'asking' ? tls.asking : undefined;
    const ask = (path: string) => (port ? tls.ask(port, path, { headers }) : tls.ground.ask(path, { headers }));
    expect((await ask('/service/x')).status).toBe(401);
    expect(tls.ground.arrived()).toEqual([]);
    expect((await ask('/open/x')).status).toBe(200);
    const [message] = tls.ground.arrived();
    expect(message?.raw).not.toContain('CN=root');
    for (const field of FIELDS) expect(lookalikesOf(message as Message, field)).toEqual([]);
  });

  test.each(['asking', 'demanding'] as const)('are not sent beside the real one over the %s listener', async (port) => {
    for (const path of ['/service/x', '/open/x', '/public/x']) {
      expect((await tls.ask(tls[port], path, { headers, pair: tls.made.client })).status).toBe(200);
      const [message] = tls.ground.arrived();
      expect(message?.raw).not.toContain('CN=root');
      for (const field of FIELDS) expect(lookalikesOf(message as Message, field)).toHaveLength(1);
    }
  });

  test('twin: the verified certificate is sent, and a header with a similar name is kept', async () => {
    await tls.ask(tls.asking, '/open/x', { headers: { 'X-Client-Version': '7' }, pair: tls.made.client });
    const [message] = tls.ground.arrived();
    expect(valuesOf(message as Message, 'X-Client-Subject')).toEqual(['CN=svc-a,O=Example']);
    expect(valuesOf(message as Message, 'X-Client-Version')).toEqual(['7']);
  });
});

describe('TLS-09 names that break lines', () => {
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
  const NAMES: readonly (readonly [string, Buffer, string | undefined])[] = [
    ['two RDNs', name([{ type: TYPE.O, value: 'Example' }], [{ type: TYPE.CN, value: 'svc' }]), 'CN=svc,O=Example'],
    ['UTF-8', commonName('日本'), 'CN=\\E6\\97\\A5\\E6\\9C\\AC'],
    ['a newline', commonName('a\nCN=admin'), 'CN=a\\0ACN=admin'],
    ['a header line', commonName('a\r\nX-User-ID: admin'), 'CN=a\\0D\\0AX-User-ID: admin'],
    ['a NUL', commonName('a\0admin'), 'CN=a\\00admin'],
    ['DEL and C1', commonName('a\u007f\u009bb'), 'CN=a\\7F\\C2\\9Bb'],
    ['every special', commonName('a,b+c"d\\e<f>g;h=i'), 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h=i'],
    ['a comma that looks like an RDN', commonName('svc,O=Example'), 'CN=svc\\,O=Example'],
    ['spaces at both ends', commonName(' a '), 'CN=\\ a\\%20'],
    ['a leading #', commonName('#61'), 'CN=\\#61'],
    ['a percent sign', commonName('50%0A'), 'CN=50%250A'],
    [
      'several values in one RDN',
      name([
        { type: TYPE.CN, value: 'a' },
        { type: TYPE.OU, value: 'b' },
      ]),
      'OU=b+CN=a',
    ],
    ['a BMPString', commonName(utf16('日a'), STRING.bmp), 'CN=\\E6\\97\\A5a'],
    ['a T61String', commonName(Buffer.from('é', 'latin1'), STRING.t61), 'CN=\\C3\\A9'],
    ['a UniversalString', commonName(Buffer.from('0000006100000062', 'hex'), STRING.universal), 'CN=ab'],
    ['a byte too many in an IA5String', commonName(Buffer.from('61e9', 'hex'), STRING.ia5), 'CN=#160261E9'],
    ['an attribute without a name', name([{ type: '1.3.6.1.4.1.99999.1', value: 'x' }]), '1.3.6.1.4.1.99999.1=#0C0178'],
    ['nothing', name(), undefined],
    ['an empty value', commonName(''), 'CN='],
    ['3 KB', commonName('x'.repeat(3_000)), `CN=${'x'.repeat(3_000)}`],
    ['more than 4 KB', commonName('x'.repeat(4_200)), undefined],
    ['more than 4 KB once it is escaped', commonName('é'.repeat(700)), undefined],
  ];

  test.each(NAMES)('%s: one line of ASCII, or none', async (_what, subject, line) => {
    expect(await header('X-Client-Subject', { subject })).toBe(line);
  });

  test.each([
    ['a BMPString of half a character', commonName(Buffer.from('d800', 'hex'), STRING.bmp)],
    ['bytes that are not UTF-8', commonName(Buffer.from('fffe', 'hex'))],
  ])('%s: no handshake, because OpenSSL reads no such name', async (_what, subject) => {
    expect(await told(issued({ subject, sans: [altName('DNS', 'odd')] }))).toBe('refused');
    expect(await tls.status(tls.demanding, '/service/x', tls.made.client)).toBe(200);
    tls.ground.arrived();
  });

  test('no two names share a line', () => {
    const lines = NAMES.map(([, , line]) => line).filter((line) => line !== undefined);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test('sixty names of random bytes: sent in ASCII or not at all, and the gateway stays alive', async () => {
    const bytes = (seed: number, length: number): Buffer =>
      createHash('shake256', { outputLength: length }).update(`name ${seed}`).digest();
    const tags = [...Object.values(STRING), 0x12, 0x1a, 0x04, 0x30];
    let passed = 0;
    for (let seed = 0; seed < 60; seed++) {
      const tag = tags[seed % tags.length] as number;
      const message = await told(
        issued({ subject: commonName(bytes(seed, 1 + (seed % 40)), tag), sans: [altName('DNS', 'odd')] }),
      );
      // OpenSSL may not read an invalid string. Then there is no handshake.
      if (typeof message !== 'object') expect(['refused', 401]).toContain(message);
      else {
        expect(valuesOf(message, 'X-Client-Subject')).toEqual([expect.stringMatching(/^CN=[\x20-\x7e]+$/)]);
        passed += 1;
      }
    }
    expect(passed).toBeGreaterThan(20);
    expect(await tls.status(tls.demanding, '/service/x', tls.made.client)).toBe(200);
    tls.ground.arrived();
  });

  test('twin: an ordinary name is the one that openssl prints', async () => {
    const subject = name([{ type: TYPE.O, value: 'Example, Inc.' }], [{ type: TYPE.CN, value: 'svc-ä' }]);
    const pair = issued({ subject, sans: [altName('DNS', 'x')] });
    writeFileSync(tls.made.office.path('twin.pem'), pair.cert);
    const printed = await tls.made.office.openssl(
      'x509',
      '-in',
      'twin.pem',
      '-noout',
      '-subject',
      '-nameopt',
      'RFC2253',
    );
    const message = await told(pair);
    expect(valuesOf(message as Message, 'X-Client-Subject')).toEqual([printed.replace('subject=', '').trim()]);
  });
});

describe('TLS-12 which fingerprint', () => {
  const compile = (fingerprint: string) => {
    const text = `
middleware: { auth: { mtls: { ca_file: ${tls.made.ca} } } }
routes: [{ path: /*, auth: { mtls: { fingerprints: ["${fingerprint}"] } } }]`;
    return loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  };
  const digest = (algorithm: string): string => createHash(algorithm).update('a certificate').digest('hex');

  test.each([
    ['SHA-1', () => digest('sha1')],
    ['MD5', () => digest('md5')],
    ['SHA-512', () => digest('sha512')],
    ['a part of SHA-256', () => digest('sha256').slice(0, 40)],
    ['SHA-256 with a name before it', () => `sha256:${digest('sha256')}`],
    ['SHA-256 with some of its colons', () => digest('sha256').replace(/^(..)/, '$1:')],
    ['SHA-256 in base64', () => createHash('sha256').update('x').digest('base64')],
  ])('%s pins nothing: an error of the file', (_what, fingerprint) => {
    expect(() => compile(fingerprint())).toThrow(/SHA-256/);
  });

  test('twin: SHA-256 of the certificate, in lower-case hex without colons; the file may use other spellings', async () => {
    const pair = issued({ sans: [altName('DNS', 'x')] });
    const hex = createHash('sha256').update(pair.der).digest('hex');
    expect(valuesOf((await told(pair)) as Message, 'X-Client-Fingerprint')).toEqual([hex]);
    const colons = hex.toUpperCase().replace(/(..)(?!$)/g, '$1:');
    for (const spelling of [hex, hex.toUpperCase(), colons]) expect(() => compile(spelling)).not.toThrow();
  });
});

describe('TLS-13 serial numbers', () => {
  test.each([
    ['-1', 'ff'],
    ['-128', '80'],
    ['a negative one of twenty bytes', 'f1'.repeat(20)],
  ])('%s is refused: FF would be 255, which is another serial number', async (_what, contents) => {
    expect(await header('X-Client-Serial', { serial: Buffer.from(contents, 'hex') })).toBeUndefined();
  });

  test.each([
    ['255', '00ff', 'FF'],
    ['zero', '00', '00'],
    ['one', '01', '01'],
    ['lower case', '0a', '0A'],
    ['twenty bytes', '7b'.repeat(20), '7B'.repeat(20)],
    ['twenty bytes behind a sign', `00${'f1'.repeat(20)}`, 'F1'.repeat(20)],
    ['inner zeros', '0100', '0100'],
  ])('twin: %s is the one that openssl prints', async (_what, contents, hex) => {
    const serial = Buffer.from(contents, 'hex');
    expect(await header('X-Client-Serial', { serial })).toBe(hex);
  });
});
