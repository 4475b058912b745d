import { readFileSync } from 'node:fs';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type https from 'node:https';
import { mtls } from '../../../../src/auth/methods/mtls/mtls.js';
import type { MethodDeps } from '../../../../src/auth/method.js';
import type { Verdict } from '../../../../src/auth/verdict.js';
import { certificateClaims, type CertificateClaims } from '../../../../src/certificates/certificate.js';
import { CLIENT, makeCertificates, type Certificates, type Pair } from '../../../support/certificates.js';
import { askRaw, atWork, serveMethod, serveTlsMethod } from '../../../support/method-server.js';

let made: Certificates;
const text = (path: string) => readFileSync(path, 'utf8');
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  made = await makeCertificates();
});
afterAll(async () => {
  await Promise.all(closing.map((each) => each()));
  await made.remove();
});

interface Serving {
  readonly block?: object;
  readonly tls?: https.ServerOptions;
  readonly given?: Partial<MethodDeps>;
  readonly watch?: Parameters<typeof serveTlsMethod>[2];
}

/** A TLS server in mode `request`: it asks for a certificate and takes any. */
async function serve({ block = {}, tls = {}, given, watch }: Serving = {}) {
  const server = await serveTlsMethod(
    atWork(mtls, block, given),
    {
      cert: text(made.server.cert),
      key: text(made.server.key),
      ca: text(made.ca),
      requestCert: true,
      rejectUnauthorized: false,
      ...tls,
    },
    watch,
  );
  closing.push(server.close);
  return server;
}

async function ask(port: number, pair?: Pair, options: ConnectionOptions = {}): Promise<Verdict> {
  const own = pair ? { cert: text(pair.cert), key: text(pair.key) } : {};
  const socket = connect({ port, host: '127.0.0.1', ca: text(made.ca), servername: 'localhost', ...own, ...options });
  await once(socket, 'secureConnect');
  return askRaw(socket, []);
}

const challenges = [{ scheme: 'ClientCertificate', params: { realm: 'loom' } }];
const untrusted = { kind: 'rejected', status: 401, reason: 'certificate_untrusted', challenges };

test('a verified certificate is an identity: its first alternative name, and the facts of the certificate', async () => {
  const { port } = await serve();
  const verdict = await ask(port, made.client);
  const printed = await made.office.openssl(
    'x509',
    '-in',
    made.client.cert,
    '-noout',
    '-serial',
    '-fingerprint',
    '-sha256',
  );
  const [, serial = '', fingerprint = ''] = /serial=(\w+)\n.*=([\w:]+)/.exec(printed) ?? [];
  expect(verdict).toEqual({
    kind: 'granted',
    identities: [
      {
        method: 'mtls',
        subject: 'svc-a',
        issuer: 'CN=Example CA,O=Example',
        scopes: [],
        claims: {
          subject: 'CN=svc-a,O=Example',
          issuer: 'CN=Example CA,O=Example',
          serial,
          fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
          sans: ['DNS:svc-a', 'URI:spiffe://example/svc-a'],
        },
        expiresAt: expect.any(Number) as number,
      },
    ],
  });
});

test('a certificate without alternative names is its RFC 4514 subject', async () => {
  const { port } = await serve();
  expect(await ask(port, made.clientWithoutNames)).toMatchObject({ identities: [{ subject: 'CN=svc-b,O=Example' }] });
});

test('no certificate, and no TLS, are absent', async () => {
  const absent = { kind: 'absent', challenges };
  const { port } = await serve();
  expect(await ask(port)).toEqual(absent);
  const plain = await serveMethod(atWork(mtls, {}));
  expect(await plain.ask(['X-Forwarded-Client-Cert: Subject="CN=svc-a"', 'X-Client-Subject: CN=svc-a'])).toEqual(
    absent,
  );
  await plain.close();
});

test('what the handshake did not verify is no identity', async () => {
  const { port } = await serve();
  expect(await ask(port, made.wrongCa)).toEqual(untrusted);
  expect(await ask(port, made.selfSigned)).toEqual(untrusted);
  expect(await ask(port, made.wrongUsage)).toEqual(untrusted);
  expect(await ask(port, made.notYetValid)).toEqual(untrusted);
  expect(await ask(port, made.expired)).toEqual({ ...untrusted, reason: 'certificate_expired' });
  expect(await ask(port, made.client)).toMatchObject({ kind: 'granted' });
});

test('a revoked certificate is refused where the list is given, its twin is not', async () => {
  const { port } = await serve({ tls: { crl: text(made.crl) } });
  expect(await ask(port, made.revoked)).toEqual(untrusted);
  expect(await ask(port, made.client)).toMatchObject({ kind: 'granted' });
});

test('a certificate of an authority is no client, nor is a weak one', async () => {
  const order = { subject: '/CN=svc-a', issuer: { cert: made.ca, key: made.caKey } };
  const authority = await made.office.issue('authority', { ...order, extensions: ['basicConstraints=CA:TRUE'] });
  const weak = await made.office.issue('weak', { ...order, key: 'rsa1024' });
  const strong = await made.office.issue('strong', { ...order, key: 'rsa2048' });
  const sha1 = await made.office.issue('sha1', { ...order, digest: 'sha1' });
  const lax = { ciphers: 'DEFAULT@SECLEVEL=0' };
  const { port } = await serve({ tls: lax });
  for (const pair of [authority, weak, sha1]) expect(await ask(port, pair, lax)).toEqual(untrusted);
  expect(await ask(port, strong, lax)).toMatchObject({ kind: 'granted' });
});

test('a name with a NUL, an empty name and one of more than 1,024 characters are refused', async () => {
  const issuer = { cert: made.ca, key: made.caKey };
  const nul = 'subjectAltName=DER:30:0c:82:0a:73:76:63:2d:61:00:65:76:69:6c';
  const pairs = [
    await made.office.issue('nul', { subject: '/CN=x', extensions: [...CLIENT, nul], issuer }),
    await made.office.issue('empty', { subject: '/', issuer }),
    await made.office.issue('long', {
      subject: Array.from({ length: 24 }, () => `/OU=${'x'.repeat(40)}`).join(''),
      issuer,
    }),
  ];
  const long = await made.office.issue('fitting', {
    subject: Array.from({ length: 22 }, () => `/OU=${'x'.repeat(40)}`).join(''),
    issuer,
  });
  const { port } = await serve();
  const reasons = [];
  for (const pair of pairs) {
    const verdict = await ask(port, pair);
    reasons.push(verdict.kind === 'rejected' ? verdict.reason : verdict.kind);
  }
  expect(reasons).toEqual(['certificate_untrusted', 'subject_missing', 'subject_invalid']);
  expect(await ask(port, long)).toMatchObject({ kind: 'granted' });
});

test('a certificate that ends while its connection lives is refused from then on', async () => {
  let now = Date.now();
  const { port } = await serve({ given: { now: () => now } });
  expect(await ask(port, made.client)).toMatchObject({ kind: 'granted' });
  now += 31 * 86_400_000;
  expect(await ask(port, made.client)).toMatchObject({ kind: 'rejected', reason: 'certificate_expired' });
});

test('authorized is asked on each request, not remembered', async () => {
  let revoke = false;
  const { port } = await serve({
    watch: ({ socket }) => {
      if (certificateClaims(socket) && revoke) (socket as unknown as { authorized: boolean }).authorized = false;
    },
  });
  expect(await ask(port, made.client)).toMatchObject({ kind: 'granted' });
  revoke = true;
  expect(await ask(port, made.client)).toEqual(untrusted);
});

describe('authorities of the block', () => {
  test('a client of another authority that the host trusts is refused', async () => {
    const tls = () => ({ ca: [text(made.ca), text(made.otherCa)] });
    const lax = await serve({ tls: tls() });
    const strict = await serve({ tls: tls(), block: { ca: text(made.ca) } });
    expect(await ask(lax.port, made.wrongCa)).toMatchObject({ kind: 'granted' });
    // Both authorities have one name: the signature decides.
    expect(await ask(strict.port, made.wrongCa)).toEqual(untrusted);
    expect(await ask(strict.port, made.client)).toMatchObject({ kind: 'granted' });
  });

  test('a ca_file that was never read trusts no certificate', async () => {
    const { port } = await serve({ block: { ca_file: '/nowhere.pem' } });
    expect(await ask(port, made.client)).toEqual(untrusted);
  });

  test('a chain leads up through intermediates of the file', async () => {
    const { port } = await serve({ block: { ca: text(made.ca) + text(made.intermediateCa) } });
    expect(await ask(port, made.viaIntermediate)).toMatchObject({ kind: 'granted' });
    expect(await ask(port, made.client)).toMatchObject({ kind: 'granted' });
    expect(await ask(port, made.selfSigned)).toEqual(untrusted);
  });

  test('a chain leads up through what the client presents, where Node shows it, also when its session is resumed', async () => {
    const shown: boolean[] = [];
    const { port } = await serve({
      block: { ca: text(made.ca) },
      watch: ({ socket }) => shown.push((socket as TLSSocket).getPeerCertificate(true).issuerCertificate !== undefined),
    });
    const alone = { ...made.viaIntermediate, cert: made.office.path('leaf.pem') };
    await made.office.openssl('x509', '-in', made.viaIntermediate.cert, '-out', alone.cert);
    expect(await ask(port, alone)).toEqual(untrusted);
    const [full, session] = await askForSession(port, made.viaIntermediate);
    // Some Node releases show a server the leaf alone (nodejs/node#65579): then the door stays closed.
    const kind = shown[1] === true ? 'granted' : 'rejected';
    expect(full.kind).toBe(kind);
    expect((await ask(port, made.viaIntermediate, { session })).kind).toBe(kind);
  });

  test('a leaf does not issue', async () => {
    const issuer = made.client;
    const below = await made.office.issue('forged', { subject: '/CN=admin', issuer });
    const { port } = await serve({ block: { ca: text(made.ca) } });
    expect(await ask(port, { cert: below.cert, key: below.key })).toEqual(untrusted);
  });

  test.each([
    ['a key', () => text(made.client.key)],
    ['a certificate of no authority', () => text(made.client.cert)],
    ['words', () => 'hello'],
    ['broken base64', () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ])('%s in place of them is an error at ca_file', (_what, ca) => {
    expect(mtls.findings(mtls.options.parse({ ca: ca() }))).toEqual([
      expect.objectContaining({ level: 'error', path: ['ca_file'] }),
    ]);
    expect(mtls.findings(mtls.options.parse({ ca: text(made.ca) }))).toEqual([]);
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)('a resumed %s session is judged by its own certificate', async (version) => {
  const tls = { minVersion: version, maxVersion: version } as const;
  const { port } = await serve({ tls });
  const [, none] = await askForSession(port);
  const [, wrong] = await askForSession(port, made.wrongCa);
  const [, good] = await askForSession(port, made.client);
  expect(await ask(port, undefined, { session: none })).toMatchObject({ kind: 'absent' });
  expect(await ask(port, undefined, { session: wrong })).toEqual(untrusted);
  expect(await ask(port, undefined, { session: good })).toMatchObject({ kind: 'granted' });
});

async function askForSession(port: number, pair?: Pair): Promise<[Verdict, Buffer]> {
  const own = pair ? { cert: text(pair.cert), key: text(pair.key) } : {};
  const socket = connect({ port, host: '127.0.0.1', ca: text(made.ca), servername: 'localhost', ...own });
  const session = once(socket, 'session') as Promise<[Buffer]>;
  await once(socket, 'secureConnect');
  const verdict = await askRaw(socket, []);
  return [verdict, (await session)[0]];
}

test('certificateClaims returns claims of verified certificates only', async () => {
  const seen: (CertificateClaims | undefined)[] = [];
  const { port } = await serve({ watch: ({ socket }) => seen.push(certificateClaims(socket)) });
  await ask(port);
  await ask(port, made.wrongCa);
  await ask(port, made.client);
  expect(seen.map((each) => each?.subject)).toEqual([undefined, undefined, 'CN=svc-a,O=Example']);
});

describe('a narrowing', () => {
  const print = 'ab'.repeat(32);
  const SPIFFE = 'URI:spiffe://td.example/ns/prod/sa/web';
  const claims = {
    subject: 'CN=svc-a,O=Example',
    sans: ['DNS:svc-a', 'IP:2001:db8::1', 'DNS:b.example', SPIFFE],
    fingerprint: print,
  };
  const identity = { method: 'mtls', subject: 'svc-a', scopes: [], claims };
  const judge = (block: object) => mtls.judge(mtls.narrowing.parse(block), identity);

  test.each([
    ['a subject', { subjects: ['CN=x', 'CN=svc-a,O=Example'] }],
    ['a DNS name in any case', { sans: ['DNS:SVC-A'] }],
    ['an address in any spelling', { sans: ['IP:2001:DB8:0::1'] }],
    ['a fingerprint with colons in upper case', { fingerprints: [print.toUpperCase().match(/../g)?.join(':')] }],
    ['a subject in the reverse order', { subjects: ['O=Example,cn=svc-a'] }],
    ['a pattern of one label', { sans: ['DNS:*.example'] }],
    ['a pattern of a SPIFFE ID', { sans: ['URI:spiffe://td.example/ns/*'] }],
    ['all of them', { subjects: ['CN=svc-a,O=Example'], sans: ['DNS:svc-a'], fingerprints: [print] }],
  ])('by %s lets it through', (_what, block) => expect(judge(block)).toBeUndefined());

  test.each([
    ['another subject', { subjects: ['CN=svc-a'] }],
    ['another name', { sans: ['DNS:svc-b'] }],
    ['another kind of the same name', { sans: ['URI:svc-a'] }],
    ['a name that goes on', { sans: ['DNS:svc-a.example'] }],
    ['a pattern of another namespace', { sans: ['URI:spiffe://td.example/ns/dev/*', 'DNS:*.b.example'] }],
    ['another fingerprint', { fingerprints: ['cd'.repeat(32)] }],
    ['the right subject and a wrong name', { subjects: ['CN=svc-a,O=Example'], sans: ['DNS:svc-b'] }],
  ])('by %s does not', (_what, block) => expect(judge(block)).toBe('not_allowed'));

  test.each([
    ['a SHA-1 fingerprint', { fingerprints: ['ab'.repeat(20)] }],
    ['a name without its kind', { sans: ['svc-a'] }],
    ['a subject that is no name', { subjects: ['svc-a'] }],
    ['a subject that would never match for its spaces', { subjects: ['CN=svc-a, O=Example'] }],
    ['a wildcard that matches nothing', { sans: ['DNS:b*.example'] }],
    ['a pattern of all hosts', { sans: ['URI:spiffe://*'] }],
    ['an attribute that no certificate has', { subjects: ['XX=svc-a'] }],
    ['an empty list', { sans: [] }],
    ['an unknown list', { san: ['DNS:a'] }],
  ])('with %s is refused', (_what, block) => expect(mtls.narrowing.safeParse(block).success).toBe(false));
});
