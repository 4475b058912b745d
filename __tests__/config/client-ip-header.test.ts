/** `client_ip_header`: which headers may name a client, and whose header is read. */
import { compile, errorsOf, fileOf } from './files.js';

const FROM = ['173.245.48.0/20', '2400:cb00::/32'];
const file = (block: unknown, more: object = {}): string =>
  fileOf({
    middleware: {
      auth: {
        jwt: {
          issuer: 'https://id.example',
          audience: 'api',
          jwks_url: 'https://id.example/jwks',
          claims_to_headers: { sub: 'X-Subject' },
        },
        api_key: { header: 'X-Partner-Key', keys: [{ key: 'k-1234567890abcdef', name: 'alice' }] },
        chain: ['jwt', 'api_key'],
        require_any: true,
      },
    },
    client_ip_header: block,
    ...more,
  });
const named = (name: string, more: object = {}): string => file({ name, from: FROM }, more);
const codes = (text: string): readonly string[] => errorsOf(text).map(({ path, code }) => `${path} ${code}`);

it.each([
  'CF-Connecting-IP',
  'True-Client-IP',
  'Fastly-Client-IP',
  'fly-client-ip',
  'X-Real-IP',
  'X-Azure-ClientIP',
  'X-Edge-Client',
])('%s names a client', (name) => {
  expect(errorsOf(named(name))).toEqual([]);
  expect(compile(named(name)).plan.clientIpHeader).toEqual({ name, from: FROM });
});

it.each(
  (
    'Host Content-Length Connection TE Authorization Proxy-Authorization Cookie Set-Cookie Origin User-Agent Via Accept ' +
    'Sec-Fetch-Site X-Forwarded-For x-forwarded-for X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port Forwarded ' +
    'X-Original-URL X-HTTP-Method-Override X-Forwarded-User X-Auth-Request-Email Remote-User Cf-Access-Jwt-Assertion ' +
    'X-Client-Cert X-SSL-Client-Verify X-Forwarded-Client-Cert CF-IPCountry CF-Visitor X-Envoy-Peer-Metadata Traceparent ' +
    'X-Request-ID X-API-Key constructor __proto__ CF_Connecting_IP X_Forwarded_For CloudFront-Viewer-Address'
  ).split(' '),
)('%s has another meaning', (name) => {
  expect(codes(named(name))).toEqual(['client_ip_header.name reserved_header']);
});

it.each(['X-Subject', 'x-subject', 'X-Partner-Key', 'x-partner-KEY'])('%s is a header of the file', (name) => {
  expect(codes(named(name))).toEqual(['client_ip_header.name duplicate_header']);
});

test('a trusted header and the header of the request id are no client', () => {
  const trusted = { trusted_proxies: ['10.0.0.1'], trusted_headers: ['X-Tenant'] };
  expect(codes(named('X-Tenant', trusted))).toEqual(['client_ip_header.name duplicate_header']);
  const id = { logging: { request_id: { header: 'X-Edge-Id', generate: true } } };
  expect(codes(named('X-Edge-Id', id))).toEqual(['client_ip_header.name duplicate_header']);
});

it.each<[what: string, from: unknown]>([
  ['all of IPv4', ['0.0.0.0/0']],
  ['all of IPv6', ['::/0']],
  ['all of IPv4 in IPv6', ['::ffff:0:0/96']],
  ['all of IPv4 in two blocks', ['0.0.0.0/1', '128.0.0.0/1']],
  ['all of IPv6 in two blocks', ['::/1', '8000::/1']],
  ['no list', '173.245.48.0/20'],
  ['an empty list', []],
  ['no address', ['cloudflare']],
  ['a bad prefix', ['10.0.0.0/33']],
  ['nothing', undefined],
])('from: %s is an error', (_what, from) => {
  const paths = errorsOf(file({ name: 'CF-Connecting-IP', from })).map(({ path }) => path);
  expect(paths).toHaveLength(1);
  expect(paths[0]).toMatch(/^client_ip_header(?:\.from(?:\[0\])?)?$/);
});

test('a block without a name, and one that is no mapping, are errors', () => {
  for (const block of [
    { from: FROM },
    { name: '', from: FROM },
    'CF-Connecting-IP',
    [],
    true,
    { name: 'a b', from: FROM },
  ])
    expect([block, errorsOf(file(block)).length > 0]).toEqual([block, true]);
});

it.each<[name: string, block: object, hint: string]>([
  ['nginx', { real_ip_header: 'CF-Connecting-IP' }, 'client_ip_header'],
  ['Caddy', { client_ip_headers: ['CF-Connecting-IP'] }, 'client_ip_header'],
  ['Apache', { RemoteIPHeader: 'CF-Connecting-IP' }, 'client_ip_header'],
  ['Envoy', { original_ip_detection_extensions: [] }, 'client_ip_header'],
  ['Express', { trust_proxy: true }, 'trusted_proxies'],
  ['nginx', { client_ip_header: { name: 'CF-Connecting-IP', set_real_ip_from: FROM } }, '"from"'],
  ['others', { client_ip_header: { header: 'CF-Connecting-IP', from: FROM } }, '"name"'],
])('the name of %s has a hint: %j', (_product, block, hint) => {
  const messages = errorsOf(fileOf({ ...(JSON.parse(named('CF-Connecting-IP')) as object), ...block })).map(
    (each) => each.message,
  );
  expect(messages.join('\n')).toContain(hint);
});
