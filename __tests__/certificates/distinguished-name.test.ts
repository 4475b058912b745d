/** @needs openssl */
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { readCertificateFields } from '../../src/certificates/fields.js';
import { CertificateOffice, CLIENT, type Pair } from '../support/certificates.js';

let office: CertificateOffice;
let issuer: Pair;

beforeAll(async () => {
  office = await CertificateOffice.open();
  issuer = await office.issue('issuer', {
    subject: '/O=Example/CN=Issuer',
    extensions: ['basicConstraints=critical,CA:TRUE'],
  });
});
afterAll(() => office.remove());

async function derOf(
  name: string,
  order: { subject: string; extensions?: readonly string[]; serial?: string },
): Promise<Buffer> {
  const { cert } = await office.issue(name, { issuer, ...order });
  return new X509Certificate(await readFile(cert)).raw;
}

const subjects: readonly (readonly [string, string, string])[] = [
  ['two attributes', '/O=Example/CN=svc-a', 'CN=svc-a,O=Example'],
  ['a multi-valued RDN', '/O=Example/CN=svc-a+UID=7', 'UID=7+CN=svc-a,O=Example'],
  ['letters beyond ASCII', '/CN=日本', 'CN=\\E6\\97\\A5\\E6\\9C\\AC'],
  ['a comma, a quote and a semicolon', '/CN=a,b"c;d', 'CN=a\\,b\\"c\\;d'],
  ['an attribute forged in a value', '/CN=a\\/CN=admin', 'CN=a/CN=admin'],
  ['a plus sign and angle brackets', '/CN=a\\+b<c>', 'CN=a\\+b\\<c\\>'],
  ['a line break', '/CN=a\nCN=admin', 'CN=a\\0ACN=admin'],
  ['a leading number sign', '/CN=#x', 'CN=\\#x'],
  ['spaces at the ends', '/CN= x ', 'CN=\\ x\\ '],
  [
    'domain components and mail',
    '/DC=example/DC=org/emailAddress=a@b.example',
    'emailAddress=a@b.example,DC=org,DC=example',
  ],
];

test.each(subjects)('a subject with %s is one RFC 4514 line, as openssl writes it', async (name, subject, expected) => {
  const der = await derOf(`s${name.length}${name.slice(0, 3).replaceAll(' ', '')}`, { subject });
  expect(readCertificateFields(der).subject).toBe(expected);
  const { stdout } = spawnSync('openssl', [...'x509 -inform DER -noout -subject -nameopt RFC2253'.split(' ')], {
    input: der,
  });
  expect(stdout.toString().replace(/^subject=|\n$/g, '')).toBe(expected);
});

test('an attribute that has no registered name is its number with the value in hex', async () => {
  const der = await derOf('oid', { subject: '/exampleAttribute=x/CN=a' });
  expect(readCertificateFields(der).subject).toMatch(/^CN=a,1\.3\.6\.1\.4\.1\.99999\.1=#[0-9A-F]+$/);
});

test('an empty subject is an empty string', async () => {
  expect(readCertificateFields(await derOf('empty', { subject: '/' })).subject).toBe('');
});

test('a subject of four kilobytes is read whole', async () => {
  const subject = Array.from({ length: 64 }, (_each, i) => `/OU=${String(i).padStart(60, 'x')}`).join('');
  expect(readCertificateFields(await derOf('long', { subject })).subject).toHaveLength(64 * 64 - 1);
});

test.each([
  ['0x00ff', 'FF'],
  ['0x0a', '0A'],
  ['0x7fffffffffffffffffffffffffffffffffffffff', '7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF'],
])('the serial number %s is %s', async (serial, expected) => {
  expect(readCertificateFields(await derOf(`serial${serial.length}`, { subject: '/CN=a', serial })).serial).toBe(
    expected,
  );
});

const hex = (text: string) =>
  Buffer.from(text, 'latin1')
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');
const dns = (text: string) =>
  `subjectAltName=DER:30:${hexLength(text.length + 2)}:82:${hexLength(text.length)}:${hex(text)}`;
const hexLength = (length: number) => length.toString(16).padStart(2, '0');

test('alternative names keep their kind and order; an address is canonical', async () => {
  const names = 'subjectAltName=URI:spiffe://x/a,DNS:SVC-A.example,IP:2001:db8:0:0::1,IP:10.0.0.7,email:a@b.example';
  const der = await derOf('names', { subject: '/CN=a', extensions: [...CLIENT, names] });
  expect(readCertificateFields(der).sans).toEqual([
    'URI:spiffe://x/a',
    'DNS:svc-a.example',
    'IP:2001:db8::1',
    'IP:10.0.0.7',
    'email:a@b.example',
  ]);
});

test('a name that contains another kind of name stays one name', async () => {
  const der = await derOf('forged', { subject: '/CN=a', extensions: [...CLIENT, dns('x,DNS:admin')] });
  expect(readCertificateFields(der).sans).toEqual(['DNS:x,dns:admin']);
});

test('the same name without a NUL is read, with a NUL the certificate is refused', async () => {
  const honest = await derOf('honest', { subject: '/CN=a', extensions: [...CLIENT, dns('svc-a.evil')] });
  expect(readCertificateFields(honest).sans).toEqual(['DNS:svc-a.evil']);
  const nul = await derOf('nul', { subject: '/CN=a', extensions: [...CLIENT, dns('svc-a\0.evil')] });
  expect(() => readCertificateFields(nul)).toThrow('bad name');
});

test('no truncation or changed byte of a certificate makes the reader do anything but answer or throw a DerError', async () => {
  const der = await derOf('fuzz', { subject: '/CN=a', extensions: [...CLIENT, dns('svc-a')] });
  for (let i = 0; i < der.length; i += 1) {
    for (const bytes of [
      der.subarray(0, i),
      Buffer.concat([der.subarray(0, i), Buffer.from([0xff]), der.subarray(i + 1)]),
    ]) {
      try {
        readCertificateFields(bytes);
      } catch (cause) {
        expect((cause as Error).name).toBe('DerError');
      }
    }
  }
});
