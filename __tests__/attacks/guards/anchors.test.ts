/**
 * Files of authorities: which certificates end a chain, for clients, for servers and for revocation lists.
 *
 * @needs openssl
 */
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { Authorities } from '../../../src/certificates/authorities.js';
import { readRevocationList, revocationFaults } from '../../../src/certificates/revocation-lists.js';
import { anchorsPem, anchorsProblem, readAnchors, serverAuthorities } from '../../../src/certificates/trust-anchors.js';
import { compileToServe } from '../../../src/serve/compile-to-serve.js';
import { fetchJson } from '../../../src/lib/fetch-json.js';
import { CertificateOffice, type Pair } from '../../support/certificates.js';

const SIGNS = 'keyUsage=critical,keyCertSign,cRLSign';
const authority = (...more: readonly string[]) => [
  `basicConstraints=critical,CA:TRUE${more.join('')}`,
  SIGNS,
  'subjectKeyIdentifier=hash',
];
const BOTH = [
  'basicConstraints=CA:FALSE',
  'extendedKeyUsage=clientAuth,serverAuth',
  'subjectAltName=DNS:localhost,IP:127.0.0.1',
];

let office: CertificateOffice;
const made: Record<string, Pair> = {};
const pem = (...names: readonly string[]) => names.map((name) => readFileSync(made[name]?.cert ?? '', 'utf8')).join('');
const key = (name: string) => readFileSync(made[name]?.key ?? '', 'utf8');

beforeAll(async () => {
  office = await CertificateOffice.open();
  const make = async (name: string, extensions: readonly string[], issuer?: string) => {
    const signer = issuer === undefined ? undefined : made[issuer];
    made[name] = await office.issue(name, {
      subject: `/CN=${name}`,
      extensions,
      ...(signer ? { issuer: signer } : {}),
    });
  };
  await Promise.all([make('root', authority()), make('short', authority(',pathlen:0'))]);
  await Promise.all([
    make('issuing', authority(), 'root'),
    make('other', authority(), 'root'),
    make('below-short', authority(), 'short'),
    make('mute', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,cRLSign'], 'root'),
    make('direct', BOTH, 'root'),
  ]);
  await Promise.all([
    make('leaf', BOTH, 'issuing'),
    make('other-leaf', BOTH, 'other'),
    make('too-deep', BOTH, 'below-short'),
    make('server-only', ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth'], 'issuing'),
  ]);
});
afterAll(() => office.remove());

/** The subject that a server with these authorities sees, or `refused`. */
async function handshake(ca: string[], client: string, chain: readonly string[] = []): Promise<string> {
  const options = { cert: pem('direct'), key: key('direct'), ca, requestCert: true, rejectUnauthorized: true };
  const server = https.createServer(options, (req, res) => res.end(String((req.socket as TLSSocket).authorized)));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const seen = await new Promise<string>((resolve) => {
    const question = {
      port,
      host: '127.0.0.1',
      ca: pem('root'),
      agent: false,
      cert: pem(client, ...chain),
      key: key(client),
    };
    https
      .get(question, (res) => res.on('data', (data: Buffer) => resolve(data.toString())))
      .on('error', () => resolve('refused'));
  });
  server.closeAllConnections();
  server.close();
  return seen;
}
const clients = (...names: readonly string[]) => anchorsPem(readAnchors(pem(...names)), 'clients');

describe('G-26 a file of authorities', () => {
  test.each([
    ['a client certificate', ['leaf'], /is not an authority \(CA:TRUE\) .*: CN=leaf/],
    ['a client certificate beside its authority', ['issuing', 'leaf'], /is not an authority \(CA:TRUE\) .*: CN=leaf/],
    ['an authority that must not sign', ['root', 'mute'], /\(keyCertSign\): CN=mute/],
  ] as const)('with %s is an error', (_what, names, message) => {
    expect(anchorsProblem(pem(...names))).toMatch(message);
    expect(() => new Authorities(pem(...names))).toThrow(message);
  });

  test('with a block that is cut off is an error, and one without a certificate', () => {
    expect(anchorsProblem(`${pem('root')}${pem('issuing').slice(0, 200)}`)).toMatch(/has no end/);
    expect(anchorsProblem('')).toMatch(/no PEM certificate/);
  });

  test('with an intermediate beside its root keeps the limits of the root', async () => {
    expect(await handshake(clients('short', 'below-short'), 'too-deep')).toBe('refused');
    expect(await handshake(clients('short', 'below-short', 'issuing'), 'too-deep', ['below-short'])).toBe('refused');
    expect(await handshake(clients('short', 'below-short', 'issuing'), 'leaf')).toBe('true');
  });

  test('of one issuing authority admits no client of its sibling, and none of another purpose', async () => {
    expect(await handshake(clients('issuing'), 'other-leaf')).toBe('refused');
    expect(await handshake(clients('issuing'), 'other-leaf', ['other'])).toBe('refused');
    expect(await handshake(clients('issuing'), 'direct')).toBe('refused');
    expect(await handshake(clients('issuing'), 'server-only')).toBe('refused');
    expect(await handshake(anchorsPem(readAnchors(pem('issuing')), 'servers'), 'leaf')).toBe('refused');
  });

  test('with the issuing authority alone is enough for clients (twin)', async () => {
    expect(await handshake(clients('issuing'), 'leaf')).toBe('true');
    expect(await handshake(clients('issuing'), 'leaf', ['issuing'])).toBe('true');
    expect(await handshake(clients('root'), 'leaf', ['issuing'])).toBe('true');
    expect(await handshake(clients('root', 'issuing'), 'leaf')).toBe('true');
  });

  test('is climbed with the same limits where the host does the handshake (twin)', async () => {
    const issued = async (ca: string, client: string, chain: readonly string[]) => {
      const options = {
        cert: pem('direct'),
        key: key('direct'),
        ca: pem('root', 'issuing', 'short', 'below-short'),
        requestCert: true,
        rejectUnauthorized: false,
      };
      const server = https.createServer(options);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const judged = new Promise<boolean>((resolve) =>
        server.on('secureConnection', (socket) => resolve(new Authorities(ca).issued(socket, Date.now()))),
      );
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: pem('root'),
        cert: pem(client, ...chain),
        key: key(client),
      });
      socket.on('error', () => undefined);
      const verdict = await judged;
      socket.destroy();
      server.close();
      return verdict;
    };
    expect(await issued(pem('issuing'), 'leaf', [])).toBe(true);
    expect(await issued(pem('root', 'issuing'), 'leaf', [])).toBe(true);
    expect(await issued(pem('other'), 'leaf', [])).toBe(false);
    expect(await issued(pem('short', 'below-short'), 'too-deep', [])).toBe(false);
  });

  test('with the issuing authority alone is enough for issuers and upstreams (twin)', async () => {
    const server = https.createServer({ cert: pem('leaf'), key: key('leaf') }, (_req, res) => res.end('{"a":1}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const ask = (ca?: readonly string[]) =>
      fetchJson(url, { timeoutMs: 5_000, maxBytes: 1_000, allowInsecureHttp: false, ca }).then(
        ({ body }) => body,
        ({ code }: { code: string }) => code,
      );
    expect(await ask([serverAuthorities(pem('issuing'))])).toEqual({ a: 1 });
    expect(await ask(anchorsPem(readAnchors(pem('issuing')), 'servers'))).toEqual({ a: 1 });
    expect(await ask(clients('issuing'))).toBe('network');
    expect(await ask([serverAuthorities(pem('other'))])).toBe('network');
    expect(await ask()).toBe('network');
    server.closeAllConnections();
    server.close();
  });
});

describe('revocation lists', () => {
  const faultsOf = (files: readonly string[], ...authorities: readonly string[]) =>
    revocationFaults(
      files.map((file) => readRevocationList(readFileSync(file, 'utf8'))),
      readAnchors(pem(...authorities)),
      Date.now(),
    );

  test('that expired, are early, miss an authority or a root are reported', async () => {
    const [root, issuing] = [made['root'] as Pair, made['issuing'] as Pair];
    const of = (issuer: Pair, name: string, dates?: [string, string]) =>
      office.revoke(issuer, [], { name, ...(dates ? { dates } : {}) });
    const [whole, below] = [await of(root, 'crl-root'), await of(issuing, 'crl-issuing')];
    const old = await of(root, 'crl-old', ['20200101000000Z', '20210101000000Z']);
    const early = await of(root, 'crl-early', ['20980101000000Z', '20990101000000Z']);
    expect(faultsOf([whole], 'root')).toEqual([]);
    expect(faultsOf([whole, below], 'root', 'issuing')).toEqual([]);
    expect(faultsOf([old], 'root')).toEqual([expect.stringMatching(/^the list of CN=root expired on 2021-01-01/)]);
    expect(faultsOf([early], 'root')).toEqual([expect.stringMatching(/^the list of CN=root is valid from 2098-01-01/)]);
    expect(faultsOf([whole], 'root', 'issuing')).toEqual([expect.stringMatching(/^no list of CN=issuing/)]);
    expect(faultsOf([below], 'issuing')).toEqual([expect.stringMatching(/^CN=issuing is in ca_file without its root/)]);

    const file = office.path('loom.yaml');
    const tls = {
      cert_file: made['direct']?.cert,
      key_file: made['direct']?.key,
      client_auth: 'require',
      ca_file: root.cert,
    };
    const warnings = (crl_file: string) =>
      compileToServe(
        {
          file,
          text: JSON.stringify({
            listeners: [{ address: '127.0.0.1:8443', protocol: 'https', tls: { ...tls, crl_file } }],
            routes: [{ path: '/*', upstream: 'u', auth: { mtls: true } }],
            upstreams: [{ name: 'u', endpoints: ['127.0.0.1:1'] }],
          }),
        },
        {},
      ).warnings.filter(({ path }) => path.endsWith('crl_file'));
    expect(warnings(old)).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/expired on 2021-01-01/) as string }),
    ]);
    expect(warnings(whole)).toEqual([]);
  });
});
