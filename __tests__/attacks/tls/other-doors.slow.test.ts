/** Ways around the handshake: the plain listener beside it, and proxies that claim a client certificate. */
import { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { openTlsGround, type TlsGround } from '../../support/tls-ground.js';

let tls: TlsGround;
let trusting: TlsGround;
beforeAll(async () => {
  tls = await openTlsGround();
  trusting = await openTlsGround({ made: tls.made, top: 'trusted_proxies: [127.0.0.1]' });
});
afterAll(async () => {
  await closeGrounds();
  await tls.made.remove();
});

const SAID = [
  'X-Forwarded-Client-Cert: By=spiffe://example/gw;Hash=00;Subject="CN=svc-a,O=Example";URI=spiffe://example/svc-a',
  'X-Forwarded-Tls-Client-Cert: MIIB',
  'X-Forwarded-Tls-Client-Cert-Info: Subject%3D%22CN%3Dsvc-a%22',
  'X-SSL-Client-Verify: SUCCESS',
  'X-SSL-Client-Cert: MIIB',
  'X-SSL-Client-S-DN: CN=svc-a,O=Example',
  'Ssl-Client-Verify: SUCCESS',
  'Ssl-Client-Subject-Dn: CN=svc-a,O=Example',
  'Client-Cert: :MIIB:',
  'Client-Cert-Chain: :MIIB:',
  'X-Client-Cert: MIIB',
  'X-ARR-ClientCert: MIIB',
  'X-Client-Subject: CN=svc-a,O=Example',
  'X-Amzn-Mtls-Clientcert-Subject: CN=svc-a,O=Example',
  'X-Client-Cert-Serial-Number: 01',
  'Cf-Client-Cert-Sha256: 00',
  'X-Forwarded-Proto: https',
  'Forwarded: for=10.0.0.1;proto=https',
];

const refused = async (ground: Ground, ...lines: readonly string[]): Promise<void> => {
  const answer = await ground.send(get('/service/x', ...lines));
  expect(statusOf(answer)).toBe(401);
  expect(answer).toMatch(/^WWW-Authenticate: ClientCertificate realm="loom"\r$/m);
  expect(ground.arrived()).toEqual([]);
};

describe('TLS-22 a route for certificates over a listener without any', () => {
  const file = (listeners: string, auth = '{ mtls: true }', more = ''): string => `
listeners: [${listeners}]
middleware: { auth: { api_key: { keys: [{ key: k-0123456789abcdef, name: a }] } } }
routes: [{ id: service, path: /service/*, upstream: far, auth: ${auth} }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:1"] }]
${more}`;
  const PLAIN = '{ name: p, address: ":8080", protocol: http }';
  const SECURE = (mode: string) =>
    `{ name: s, address: ":8443", protocol: https, tls: { cert_file: s.pem, key_file: k.pem, client_auth: ${mode}${mode === 'none' ? '' : ', ca_file: ca.pem'} } }`;
  const compile = (text: string) => compileFile({ text, file: 'loom.yaml' }, { mode: 'serve' });

  test.each([
    ['a plain listener alone', PLAIN],
    ['a TLS listener that requests none', SECURE('none')],
    ['both of these', `${PLAIN}, ${SECURE('none')}`],
  ])('%s is an error of the file', (_what, listeners) => {
    for (const auth of ['{ mtls: true }', '{ methods: [mtls, api_key], require_any: false }'])
      expect(() => compile(file(listeners, auth))).toThrow(ConfigError);
  });

  test('beside a TLS listener the plain one answers 401, whatever the client claims', async () => {
    await refused(tls.ground);
    for (const line of SAID) await refused(tls.ground, line);
    await refused(tls.ground, ...SAID);
  });

  test('and so it does to a WebSocket', async () => {
    const answer = await tls.ground.send(handshake('/service/x', ...SAID));
    expect(statusOf(answer)).toBe(401);
    expect(tls.ground.arrived()).toEqual([]);
  });

  test('twin: such a file loads, and a certificate passes over the listener that requests it', async () => {
    for (const mode of ['request', 'require', 'verify'])
      expect(() => compile(file(`${PLAIN}, ${SECURE(mode)}`))).not.toThrow();
    expect(await tls.status(tls.asking, '/service/x', tls.made.client)).toBe(200);
    tls.ground.arrived();
  });
});

describe('TLS-23 a certificate that a proxy in front claims', () => {
  test.each(SAID)('is no identity, from a stranger or from a trusted proxy: %s', async (line) => {
    for (const ground of [tls.ground, trusting.ground]) await refused(ground, line);
    const [name = '', value = ''] = line.split(/: (.*)/);
    const overTls = { headers: { [name]: value } };
    expect((await tls.ask(tls.asking, '/service/x', overTls)).status).toBe(401);
    expect((await trusting.ask(trusting.asking, '/service/x', overTls)).status).toBe(401);
    expect([...tls.ground.arrived(), ...trusting.ground.arrived()]).toEqual([]);
  });

  test('from a stranger is not even forwarded to the upstream', async () => {
    expect(statusOf(await tls.ground.send(get('/open/x', ...SAID)))).toBe(200);
    const [message] = tls.ground.arrived();
    const names = message?.fields.map(([name]) => name.toLowerCase()) ?? [];
    for (const line of SAID) {
      const [field = ''] = line.split(':');
      if (field !== 'X-Forwarded-Proto') expect(names).not.toContain(field.toLowerCase());
    }
    expect(message?.raw).not.toMatch(/svc-a|MIIB|SUCCESS/);
    expect(message?.fields).toContainEqual(['x-forwarded-proto', 'http']);
  });

  test('twin: a trusted proxy may send other headers, and its own certificate passes', async () => {
    expect(statusOf(await trusting.ground.send(get('/open/x', 'X-Forwarded-Client-Cert: Hash=00')))).toBe(200);
    expect(trusting.ground.arrived()[0]?.raw).toContain('Hash=00');
    const headers = { 'X-Forwarded-Client-Cert': 'Subject="CN=root"' };
    const answer = await trusting.ask(trusting.asking, '/service/x', { headers, pair: tls.made.client });
    expect(answer.status).toBe(200);
    expect(trusting.ground.arrived()[0]?.fields).toContainEqual(['x-client-subject', 'CN=svc-a,O=Example']);
  });
});
