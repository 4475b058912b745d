/**
 * What the log, the decisions and the metrics say of a client certificate that TLS does not trust, in every mode.
 *
 * @needs openssl
 */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import type { DecisionRecord } from '../../src/observe/decision-record.js';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { makeTlsFiles, type TlsFiles } from './tls-files.js';

let files: TlsFiles;
let gateway: Gatekeeper | undefined;
beforeAll(() => {
  files = makeTlsFiles();
  const cwd = dirname(files.path('ca.crt'));
  const openssl = (line: string): void => void execFileSync('openssl', line.split(' '), { cwd, stdio: 'pipe' });
  const list = 'ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out old.pem';
  openssl(`${list} -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z`);
  files.write(
    'issue.cnf',
    '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\nnew_certs_dir=.\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\n',
  );
  const issue =
    'ca -batch -config issue.cnf -keyfile ca.key -cert ca.crt -in client.csr -out old.crt -extfile san.cnf -notext';
  openssl(`${issue} -startdate 20200101000000Z -enddate 20200102000000Z`);
  openssl(
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca2.key -out ca2.crt -days 9 -subj /CN=ca2',
  );
  openssl(
    'x509 -req -in client.csr -CA ca2.crt -CAkey ca2.key -CAcreateserial -days 9 -out other.crt -extfile san.cnf',
  );
  const request = 'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr';
  openssl(`${request} -subj /CN=middle`);
  files.write('middle.cnf', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n');
  const sign = 'x509 -req -CAcreateserial -days 9';
  openssl(`${sign} -in middle.csr -CA ca.crt -CAkey ca.key -out middle.crt -extfile middle.cnf`);
  openssl(`${sign} -in client.csr -CA middle.crt -CAkey middle.key -out leaf.crt -extfile san.cnf`);
  files.write('chain.crt', files.read('leaf.crt') + files.read('middle.crt'));
  files.write('both.crt', files.read('ca.crt') + files.read('ca2.crt'));
});
afterEach(() => gateway?.stop({ timeout: 0 }));
afterAll(() => files.remove());

async function open(mode: string, tls: string) {
  const [port = 0, admin = 0] = await freePorts(2);
  const log = quietLog();
  const text = `
admin: { address: "127.0.0.1:${admin}" }
listeners:
  - name: main
    address: "127.0.0.1:${port}"
    tls: { cert_file: ${files.path('server.crt')}, key_file: ${files.path('server.key')}, client_auth: ${mode}, ${tls} }
middleware: { auth: { mtls: {} } }
routes: [{ id: certified, path: /*, upstream: backend, auth: { mtls: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]`;
  gateway = await serve({ text, file: 'loom.yaml' }, { log });
  const page = async (path: string): Promise<string> => (await ask({ port: admin, path })).body;
  const decisions = async () => (JSON.parse(await page('/decisions')) as { decisions: DecisionRecord[] }).decisions;
  const send = (cert: string | undefined) => {
    const client = cert === undefined ? {} : { cert: files.read(`${cert}.crt`), key: files.read(`${keyOf(cert)}.key`) };
    return ask({ port, tls: { ca: files.read('ca.crt'), ...client } }).then(
      ({ status }) => status,
      () => 0,
    );
  };
  return { log, page, decisions, send };
}

const OF_CLIENT = ['old', 'other', 'leaf', 'chain'];
const keyOf = (cert: string): string => (OF_CLIENT.includes(cert) ? 'client' : cert);
const CA = (): string => `ca_file: ${files.path('ca.crt')}`;
const BOTH = (): string => `ca_file: ${files.path('both.crt')}`;

/** The certificate, what the listener trusts, and the code of OpenSSL. */
const CASES: readonly (readonly [string, () => string, string])[] = [
  ['stranger', CA, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['other', CA, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['leaf', CA, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['old', CA, 'CERT_HAS_EXPIRED'],
  ['revoked', () => `${CA()}, crl_file: ${files.path('crl.pem')}`, 'CERT_REVOKED'],
  ['client', () => `${CA()}, crl_file: ${files.path('old.pem')}`, 'CRL_HAS_EXPIRED'],
  ['other', () => `${BOTH()}, crl_file: ${files.path('crl.pem')}`, 'UNABLE_TO_GET_CRL'],
];

describe.each(['require', 'verify'])('client_auth: %s', (mode) => {
  test.each(CASES)('%s is refused in the handshake', async (cert, trust, cause) => {
    const { log, page, decisions, send } = await open(mode, trust());
    expect(await send(cert)).toBe(0);
    const lines = log.entries.filter(({ words }) => words === 'handshake refused');
    expect(lines.map(({ facts }) => facts)).toMatchObject([{ listener: 'main', client: '127.0.0.1', cause }]);
    const [record, ...others] = await decisions();
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      kind: 'denied',
      code: 'handshake_refused',
      reason: cause === 'CERT_HAS_EXPIRED' ? 'certificate_expired' : 'certificate_untrusted',
      cause,
      client: '127.0.0.1',
      detail: expect.stringContaining(cause) as string,
    });
    expect(lines[0]?.facts['instance']).toBe(record?.instance);
    expect(await page('/metrics')).toContain(`loom_client_tls_faults_total{listener="main",cause="${cause}"} 1`);
  });
});

describe('client_auth: request', () => {
  test.each(CASES)(
    '%s is named in the log, in the denial of a route with mtls, and in a metric',
    async (cert, trust, cause) => {
      const { log, page, decisions, send } = await open('request', trust());
      expect(await send(cert)).toBe(401);
      const lines = log.entries.filter(({ words }) => words === 'client certificate not trusted');
      expect(lines.map(({ facts }) => facts)).toMatchObject([{ listener: 'main', client: '127.0.0.1', cause }]);
      const [denied] = log.entries.filter(({ words }) => words === 'denied');
      expect(denied?.facts['detail']).toContain(cause);
      expect(await decisions()).toMatchObject([
        { auth_method: 'mtls', detail: expect.stringContaining(cause) as string },
      ]);
      expect(await page('/metrics')).toContain(`loom_client_tls_faults_total{listener="main",cause="${cause}"} 1`);
    },
  );

  test.each([
    ['a client without its intermediate', 'leaf', /"CN=middle".*the client sent no intermediate certificate/],
    ['a client of another authority', 'other', /"CN=ca2".*the issuer is not in ca_file/],
    ['an expired certificate', 'old', /expired \d+ d ago; OpenSSL: CERT_HAS_EXPIRED/],
  ])('the denial of %s names what to mend', async (_what, cert, words) => {
    const { log, send } = await open('request', CA());
    expect(await send(cert)).toBe(401);
    expect(log.entries.find((entry) => entry.words === 'denied')?.facts['detail']).toMatch(words);
  });

  test('twin: the same client with its intermediate is admitted', async () => {
    const { send } = await open('request', CA());
    expect(await send('chain')).toBe(502);
  });

  test('twin: no certificate, and a trusted one, are no faults', async () => {
    const { log, page, send } = await open('request', CA());
    expect(await send(undefined)).toBe(401);
    expect(await send('client')).toBe(502);
    expect(log.entries.filter(({ words }) => words === 'client certificate not trusted')).toEqual([]);
    expect(await page('/metrics')).not.toMatch(/^loom_client_tls_faults_total\{/m);
  });
});

test('bytes that are no TLS have a bounded cause', async () => {
  const { page } = await open('require', CA());
  const port = gateway?.listening[0]?.port ?? 0;
  await ask({ port }).catch(() => undefined);
  expect(await page('/metrics')).toMatch(
    /^loom_client_tls_faults_total\{listener="main",cause="ERR_SSL_HTTP_REQUEST"\} 1$/m,
  );
});
