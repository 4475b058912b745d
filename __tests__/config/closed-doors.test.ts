import { inspect } from 'node:util';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_KEY, compile, diagnose, errorsOf, JWT, warningsOf } from './files.js';

const AUTH = `middleware: {auth: {jwt: ${JWT}, api_key: ${API_KEY}}}\n`;
const BOTH = 'auth: {methods: [jwt, api_key]}';
const ROUTE = `routes: [{path: /a, ${BOTH}}]\n`;

describe('trusted proxies', () => {
  const trusting = (blocks: readonly string[]) =>
    errorsOf(`${AUTH}${ROUTE}trusted_proxies: ${JSON.stringify(blocks)}\n`);

  it.each([
    [['0.0.0.0/1', '128.0.0.0/1']],
    [['192.0.0.0/2', '0.0.0.0/2', '10.0.0.0/8', '128.0.0.0/2', '64.0.0.0/2']],
    [['::ffff:0.0.0.0/97', '::ffff:128.0.0.0/97']],
    [['0.0.0.0/1', '::ffff:8000:0/97']],
    [['2000::/3']],
    [['2000::/4', '3000::/4']],
  ])('must not cover every address in several blocks: %j', (blocks) => {
    expect(trusting(blocks)).toMatchObject([{ path: 'trusted_proxies', message: 'must not trust every address' }]);
  });

  it.each([[['10.0.0.0/8', 'fd00::/8', '::1']], [['0.0.0.0/1']], [['2000::/4', '2001:db8::/32']]])(
    'may be many: %j',
    (blocks) => {
      expect(trusting(blocks)).toEqual([]);
    },
  );
});

describe('headers with a meaning of their own', () => {
  it.each(['Content-Length', 'Transfer-Encoding', 'Host', 'Cookie', 'content_length', 'Sec-WebSocket-Protocol'])(
    'carry no token: %s',
    (header) => {
      const jwt = (name: string) => AUTH.replace('{issuer', `{header: ${name}, scheme: "", issuer`) + ROUTE;
      expect(errorsOf(jwt(header))).toMatchObject([{ code: 'reserved_header', path: 'middleware.auth.jwt.header' }]);
      expect(errorsOf(jwt('X-Forwarded-Access-Token'))).toEqual([]);
    },
  );

  it.each(['X-API-Key', 'x_api_key', 'X-User-ID', 'x_user_id', 'Content-Length', 'Host', 'Connection', 'Set-Cookie'])(
    'carry no request id: %s',
    (header) => {
      const auth = AUTH.replace('{issuer', '{claims_to_headers: {sub: X-User-ID}, issuer');
      const file = (name: string) => `${auth}${ROUTE}logging: {request_id: {header: ${name}}}\n`;
      expect(errorsOf(file(header))).toMatchObject([{ code: 'reserved_header', path: 'logging.request_id.header' }]);
      expect(errorsOf(file('X-Correlation-ID'))).toEqual([]);
    },
  );

  it.each(['Content-Length', 'Transfer-Encoding', 'connection'])('frame no answer: %s', (header) => {
    const file = (name: string) => `${AUTH}${ROUTE}rate_limit: {rate: 1, response: {headers: {${name}: "5"}}}\n`;
    expect(errorsOf(file(header))).toMatchObject([{ code: 'reserved_header' }]);
    expect(errorsOf(file('X-Why'))).toEqual([]);
  });
});

describe('routes', () => {
  it('warn where a weaker one with a higher priority takes a part of a guarded one', () => {
    const guarded = `{path: /admin/*, ${BOTH}}`;
    const warned = (open: string) => warningsOf(`${AUTH}routes:\n  - ${open}\n  - ${guarded}\n`);
    expect(warned('{path: "/*/health", priority: 9, auth: none}')).toMatchObject([
      { code: 'route_partly_hidden', path: 'routes[1]' },
    ]);
    expect(warned('{path: "/*/health", auth: none}')).toEqual([]);
    expect(warned('{path: /admin/health, priority: 9, auth: none}')).toEqual([]);
  });

  it('warn where another Host passes to the host application', () => {
    const guarded = `{path: /admin/*, host: admin.test, ${BOTH}}`;
    const warned = (more: string, auth = AUTH) => warningsOf(`${auth}routes: [${guarded}${more}]\n`);
    expect(warned('')).toMatchObject([{ code: 'client_chooses', path: 'routes[0].host' }]);
    expect(warned(`, {path: /*, ${BOTH}}`)).toEqual([]);
    expect(warned('', AUTH.replace(/\}\}\n$/, ', chain: [jwt]}}\n'))).toEqual([]);
  });

  it('are compared as an upstream may read them that folds more than case', () => {
    const file = (prefix: string) => `${AUTH}routes:
  - {path: /pub/*, strip_prefix: true, add_prefix: ${prefix}, upstream: u, auth: none}
  - {path: /admin/*, upstream: u, ${BOTH}}
upstreams: [{name: u, endpoints: ["u:80"]}]
`;
    for (const prefix of ['/ADMIN', '/\uff41dmin', '/admin.', '/%61dmin'])
      expect(errorsOf(file(prefix))).toMatchObject([{ code: 'route_overlap', path: 'routes[0]' }]);
    expect(errorsOf(file('/administrators'))).toEqual([]);
  });

  it('without an upstream are compared by the path of the client, whatever they rewrite', () => {
    const file = (open: string) => `${AUTH}routes: [${open}, {path: /admin/*, ${BOTH}}]\n`;
    expect(errorsOf(file('{path: /*, host: a.test, rewrite: {path: /pub}, auth: none}'))).toMatchObject([
      { code: 'route_overlap', path: 'routes[0]' },
    ]);
    expect(errorsOf(file('{path: /pub/*, strip_prefix: true, auth: none}'))).toEqual([]);
  });

  it('that each have a different requirement still compile', () => {
    const routes = Array.from({ length: 4_500 }, (_, i) => ({
      path: `/r${i}/*`,
      strip_prefix: true,
      add_prefix: `/s${i}`,
      upstream: 'u',
      auth: { jwt: { audience: `a${i}` } },
    }));
    const upstreams = [{ name: 'u', endpoints: ['u:80'] }];
    const file = JSON.stringify({ middleware: { auth: { jwt: { jwks_url: 'https://id.example/k', issuer: 'i' } } } });
    const whole = JSON.stringify({ ...(JSON.parse(file) as object), routes, upstreams });
    expect(compile(whole).plan.routes).toHaveLength(4_500);
  });

  it('take no name by which another route goes already', () => {
    const file = (id: string) => `${AUTH}routes: [{id: "${id}", path: /a, ${BOTH}}, {path: /b, ${BOTH}}]\n`;
    expect(errorsOf(file('routes[1]'))).toMatchObject([{ code: 'duplicate', path: 'routes[0].id' }]);
    expect(errorsOf(file('routes'))).toEqual([]);
  });
});

describe('a narrowing that narrows nothing is an error', () => {
  it.each([
    ['{jwt: {required_claims: {}}}', 'routes[0].auth.jwt.required_claims'],
    ['{methods: [jwt], narrow: {jwt: {required_claims: {}}}}', 'routes[0].auth.narrow.jwt.required_claims'],
    ['{methods: [jwt], narrow: {}}', 'routes[0].auth.narrow'],
  ])('%s', (auth, path) => {
    expect(errorsOf(`${AUTH}routes: [{path: /a, auth: ${auth}}]\n`)).toMatchObject([{ path }]);
    expect(errorsOf(`${AUTH}routes: [{path: /a, auth: {jwt: {required_claims: [email]}}}]\n`)).toEqual([]);
  });
});

it('options of a strategy of the host are an error, because no code reads them', () => {
  const file = (block: string) =>
    `middleware: {auth: {${block}jwt: ${JWT}}}\nroutes: [{path: /a, auth: {saml: true}}]\n`;
  const options = { strategies: ['saml'] };
  expect(errorsOf(file('saml: {enabled: false}, '), options)).toMatchObject([{ path: 'middleware.auth.saml' }]);
  expect(errorsOf(file(''), options)).toEqual([]);
});

it.each(['"[::ffff:169.254.169.254]:80"', '"[::]:80"', '"[fd00:ec2::254]:80"', '"[::ffff:0.0.0.0]:80"'])(
  'an upstream is no address of this machine or its cloud in other words: %s',
  (endpoint) => {
    const file = (at: string) =>
      `${AUTH}routes: [{path: /a, upstream: u, ${BOTH}}]\nupstreams: [{name: u, endpoints: [${at}]}]\n`;
    expect(errorsOf(file(endpoint))).toMatchObject([{ path: 'upstreams[0].endpoints[0]' }]);
    expect(errorsOf(file('"[2001:db8::1]:80"'))).toEqual([]);
  },
);

describe('references', () => {
  it.each(['constructor', '__proto__', 'toString'])('are to variables of the environment alone: ${%s}', (name) => {
    const file = AUTH.replace('k-1234567890abcdef', `\${${name}}`) + ROUTE;
    expect(errorsOf(file)[0]).toMatchObject({ code: 'unset_variable' });
    expect(errorsOf(file, { env: Object.fromEntries([[name, 'k-0000000000']]) })).toEqual([]);
  });
});

describe('secrets', () => {
  const SECRET = 'k-1234567890abcdef';

  it('are not quoted where a name belongs', () => {
    const named = `${AUTH}routes: [{path: /a, auth: {api_key: {names: [${SECRET}]}}}]\n`;
    const keyed = AUTH.replace(`key: "${SECRET}", name: alice`, `${SECRET}: alice`) + ROUTE;
    for (const file of [named, keyed]) {
      expect(errorsOf(file)).not.toEqual([]);
      expect(JSON.stringify(diagnose(file))).not.toContain(SECRET);
    }
    expect(errorsOf(named.replace(`[${SECRET}]`, '[carol]'))[0]?.message).toContain('"carol"');
  });

  it('of a client certificate are in no print of the plan', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-'));
    try {
      writeFileSync(join(folder, 'a.pem'), '-----BEGIN PRIVATE KEY-----\nbm90LWEta2V5\n-----END PRIVATE KEY-----\n');
      const pem = JSON.stringify(join(folder, 'a.pem'));
      const tls = `tls: {key_file: ${pem}, cert_file: ${pem}}`;
      const { plan } = compile(
        `${AUTH}routes: [{path: /a, upstream: u, ${BOTH}}]\nupstreams: [{name: u, endpoints: ["u:443"], ${tls}}]\n`,
      );
      expect(plan.upstreams[0]?.tls?.key).toContain('bm90LWEta2V5');
      const certless = { ...plan.upstreams[0]?.tls, cert: undefined };
      expect(inspect(certless, { depth: 9 }) + JSON.stringify(certless)).not.toContain('bm90LWEta2V5');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('lets no unset variable say who may pass, and no variable open a route', () => {
  const text = (auth: string): string =>
    `middleware: {auth: {api_key: ${API_KEY}}}\nroutes: [{path: /a, auth: ${auth}}, {path: /b, auth: {api_key: true}}]`;
  expect(errorsOf(text('"${ACCESS:-none}"'))[0]).toMatchObject({ code: 'access_default', path: 'routes[0].auth' });
  expect(errorsOf(text('"${ACCESS}"'), { env: { ACCESS: 'none' } })).toMatchObject([
    { code: 'wrong_auth', path: 'routes[0].auth' },
  ]);
  const rest = (chain: string, overlap: string): string =>
    `middleware: {auth: {api_key: ${API_KEY}, jwt: {secret: ${'s'.repeat(32)}, algorithm: HS256}, ${chain}}}
upstreams: [{name: u, endpoints: ["127.0.0.1:1"]}]
routes:
  - {path: /a/*, upstream: u, auth: {api_key: true}}
  - {path: /b/*, upstream: u, strip_prefix: true, auth: none, overlap: ${overlap}}`;
  const chain = 'chain: [api_key, jwt], require_any: ';
  expect(errorsOf(rest(`${chain}false`, '"${ANY:-true}"'))).toMatchObject([
    { code: 'access_default', path: 'routes[1].overlap' },
  ]);
  expect(errorsOf(rest(`${chain}"\${ANY:-true}"`, 'true'))).toMatchObject([
    { code: 'access_default', path: 'middleware.auth.require_any' },
  ]);
  expect(errorsOf(rest(`${chain}"\${ANY}"`, '"${ANY}"'), { env: { ANY: 'true' } })).toEqual([]);
});

it('takes no issuer name that is another entry’s issuer, no blank secret and no cookie that cannot be', () => {
  const jwt = (block: string): string => `middleware: {auth: {jwt: {${block}}}}`;
  const twins = 'issuers: [{name: "https://b.example", issuer: "https://a.example"}, {issuer: "https://b.example"}]';
  expect(errorsOf(jwt(twins))).toMatchObject([{ path: 'middleware.auth.jwt.issuers[0].name' }]);
  expect(errorsOf(jwt(twins.replace('https://b.example", issuer', 'a", issuer')))).toEqual([]);
  expect(errorsOf(jwt('secret: "   "'))).toMatchObject([{ path: 'middleware.auth.jwt.secret' }]);
  expect(errorsOf(jwt('issuer: "https://a.example", cookie: "a=b"'))).toMatchObject([
    { path: 'middleware.auth.jwt.cookie' },
  ]);
  expect(errorsOf(jwt('issuer: "https://a.example", required_claims: {}'))).toMatchObject([
    { path: 'middleware.auth.jwt.required_claims' },
  ]);
});
