/** Every header of the lists, one by one: none of them may be lost from a list unseen. */
import { errorsOf } from '../config/files.js';
import { ask } from '../support/ask.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { closeSites, site } from './site.js';

let upstream: Echo;
beforeAll(async () => {
  upstream = await echoUpstream();
});
afterAll(() => upstream.close());
afterEach(closeSites);

const fileOf = (more = ''): string => `
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: all, path: /*, upstream: one, auth: { api_key: true } }]
upstreams: [{ name: one, endpoints: ["127.0.0.1:${upstream.port}"] }]
${more}`;
const TRUSTING = 'trusted_proxies: [127.0.0.1]\n';

/** What makes an upstream serve another path or method than the one that was judged, or belongs to one connection. */
const NEVER = (
  'keep-alive proxy-connection proxy-authenticate proxy-authentication-info proxy-authorization http2-settings ' +
  'x-original-url x-original-uri x-original-path x-original-method x-rewrite-url x-rewrite-uri x-http-method-override ' +
  'x-http-method x-method-override x-http-path-override proxy x-envoy-original-path x-envoy-original-method ' +
  'x-middleware-subrequest script-name x-script-name path-info x-path-info request-uri x-request-uri constructor'
).split(' ');

/** What only a proxy in front may say of the client. */
const CLAIMS = (
  'forwarded x-forwarded x-client-ip x-cluster-client-ip x-remote-ip x-remote-addr x-originating-ip ' +
  'x-original-forwarded-for x-original-host x-host client-ip cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 ' +
  'true-client-ip x-true-client-ip fastly-client-ip fly-client-ip proxy-client-ip wl-proxy-client-ip forwarded-for ' +
  'forwarded-host forwarded-proto x-forward-for x-original-for x-original-proto do-connecting-ip ' +
  'cloudfront-viewer-address x-nf-client-connection-ip remote-addr x-proxyuser-ip x-real-port cf-visitor ' +
  'x-azure-clientip x-azure-socketip x-scheme x-url-scheme front-end-https client-cert client-cert-chain ' +
  'x-client-cert x-arr-clientcert x-arr-ssl x-forwarded-server x-forwarded-ssl x-ssl-client-verify ' +
  'ssl-client-s-dn x-envoy-peer-metadata x-appengine-user-ip x-vercel-forwarded-for x-amzn-mtls-clientcert ' +
  'x-client-cert-present cf-client-cert-sha256'
).split(' ');

/** The names of those whose value the upstream received. */
async function arriving(port: number, names: readonly string[]): Promise<string[]> {
  const arrived: string[] = [];
  for (const name of names) {
    const headers = { 'X-API-Key': 'key-of-alice', [name]: 'of-the-client', 'X-Plain': 'of-the-client-too' };
    const { status, body } = await ask({ port, headers });
    expect([name, status]).toEqual([name, 200]);
    const { rawHeaders } = JSON.parse(body) as { rawHeaders: string[] };
    expect(rawHeaders).toContain('of-the-client-too');
    if (rawHeaders.includes('of-the-client')) arrived.push(name);
  }
  return arrived;
}

const inCapitals = (name: string): string => name.replace(/(^|-)[a-z]/g, (text) => text.toUpperCase());

test('no client sends an upstream one that leads elsewhere or speaks for a proxy, in any spelling', async () => {
  const { port } = await site(fileOf());
  const names = [...NEVER, ...CLAIMS];
  expect(await arriving(port, names)).toEqual([]);
  expect(await arriving(port, names.map(inCapitals))).toEqual([]);
  const spelt = names.filter((name) => name.includes('-')).map((name) => name.replaceAll('-', '_'));
  expect(await arriving(port, spelt)).toEqual([]);
});

test('a trusted proxy sends none that leads elsewhere either', async () => {
  const { port } = await site(fileOf(TRUSTING));
  expect(await arriving(port, NEVER)).toEqual([]);
});

test('twin: a trusted proxy says what proxies say', async () => {
  const { port } = await site(fileOf(TRUSTING));
  const said = ['forwarded', 'x-client-ip', 'true-client-ip', 'client-cert', 'x-scheme'];
  expect(await arriving(port, said)).toEqual(said);
});

test.each(
  (
    'host connection content-length transfer-encoding te trailer upgrade keep-alive expect via date range origin ' +
    'content-type content-encoding content-location accept-encoding cookie set-cookie cookie2 authorization ' +
    'www-authenticate forwarded x-forwarded x-real-ip x-client-ip x-cluster-client-ip x-remote-ip x-remote-addr ' +
    'x-originating-ip x-original-forwarded-for x-original-host x-host client-ip true-client-ip x-original-url ' +
    'x-original-uri x-original-path x-original-method x-rewrite-url x-rewrite-uri x-http-method x-method-override ' +
    'x-http-method-override x-http-path-override x-middleware-subrequest http2-settings proxy constructor ' +
    'x-forwarded-for x-forwarded-host x-forwarded-proto proxy-authorization sec-fetch-site access-control-allow-origin ' +
    'x-envoy-original-path if-match'
  ).split(' '),
)('no claim becomes the header %s', (name) => {
  const file = (header: string): string => `
middleware: { auth: { api_key: { claims_to_headers: { name: ${header} }, keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: all, path: /*, auth: { api_key: true } }]
`;
  for (const header of [name, inCapitals(name)]) expect(errorsOf(file(header))).not.toEqual([]);
  expect(errorsOf(file('X-User'))).toEqual([]);
});

test.each(
  (
    'host connection content-length content-type transfer-encoding te trailer upgrade keep-alive expect cookie via ' +
    'origin date range forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip sec-websocket-key'
  ).split(' '),
)('no credential is read from the header %s', (name) => {
  const file = (header: string): string => `
middleware: { auth: { api_key: { header: ${header}, keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: all, path: /*, auth: { api_key: true } }]
`;
  expect(errorsOf(file(name))).not.toEqual([]);
  expect(errorsOf(file('X-Key'))).toEqual([]);
});
