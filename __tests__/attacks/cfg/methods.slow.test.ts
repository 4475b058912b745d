/** Blocks of methods that are empty, contradictory, or would accept anything. */
import { closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { compile, warningsOf } from '../../config/files.js';
import { errors, expectLoads, expectRefused, HASH, whole } from './files.js';

const KEYS = '      keys:\n        - key: k-1234567890abcdef\n          name: alice\n';
const USERS = `      users:\n        - username: admin\n          password_hash: ${HASH}\n`;
const SOURCE = '      issuer: https://id.example\n      audience: api\n      jwks_url: https://id.example/jwks.json\n';
const SECRET = 'your-256-bit-secret-of-32-bytes-and-more';
const jwt = (block: string): string => whole([SOURCE, `      ${block.replaceAll('; ', '\n      ')}\n`]);
const oauth = (line: string): string => whole(['      client_id: loom\n', `      client_id: loom\n      ${line}\n`]);

describe('CFG-09 empty lists and empty strings', () => {
  test.each<readonly [string, string]>([
    ['keys', whole([KEYS, '      keys: []\n'])],
    ['users', whole([USERS, '      users: []\n'])],
    ['issuers', jwt('issuers: []')],
    ['methods of a route’s auth', whole(['methods: [jwt, api_key, basic, oauth]', 'methods: []'])],
    ['HTTP methods', whole(['    path: /internal/*\n', '    path: /internal/*\n    methods: []\n'])],
    ['endpoints', whole(['    endpoints:\n      - "127.0.0.1:9"\n', '    endpoints: []\n'])],
    ['upstreams', whole(['upstreams:\n  - name: backend\n    endpoints:\n      - "127.0.0.1:9"\n', 'upstreams: []\n'])],
    [
      'listeners',
      whole(['listeners:\n  - name: main\n    address: "127.0.0.1:8080"\n    protocol: http\n', 'listeners: []\n']),
    ],
    ['trusted_proxies', whole(['upstreams:\n', 'trusted_proxies: []\nupstreams:\n'])],
    ['chain', whole(['  auth:\n    jwt:\n', '  auth:\n    chain: []\n    jwt:\n'])],
    ['algorithms', jwt(`secret: ${SECRET}; algorithms: []`)],
    ...['""', '[]', 'null', '[""]', '[api, ""]', '[null]', '" "', '[[]]', '{}', '0', 'true'].map(
      (value) => [`audience ${value}`, whole(['      audience: api\n', `      audience: ${value}\n`])] as const,
    ),
    ...['issuer', 'jwks_url', 'public_key', 'cookie', 'query_param', 'header', 'required_scopes'].map(
      (option) => [`${option} ""`, jwt(`secret: ${SECRET}; ${option}: ""`)] as const,
    ),
    ...['required_scopes: []', 'required_claims: []', 'required_claims: {}', 'required_claims: {role: []}'].map(
      (line) => [line, jwt(`secret: ${SECRET}; ${line}`)] as const,
    ),
    ...[
      '{jwt: {audience: []}}',
      '{jwt: {issuers: []}}',
      '{jwt: {required_scopes: []}}',
      '{api_key: {names: []}}',
      '{basic: {users: []}}',
    ].map((auth) => [`auth: ${auth}`, whole(['    auth:\n      jwt: true\n', `    auth: ${auth}\n`])] as const),
    ['allowed_ips', whole(['          name: alice\n', '          name: alice\n          allowed_ips: []\n'])],
  ])('%s: refused', (_what, text) => {
    expectRefused(text);
  });

  test('an empty list of routes: refused, and no file without routes is a gateway', () => {
    const [head = ''] = whole().split('routes:\n');
    expect(errors(`${head}routes: []\nupstreams: [{name: backend, endpoints: ["127.0.0.1:9"]}]\n`)).not.toEqual([]);
    const none = `${head}upstreams: [{name: backend, endpoints: ["127.0.0.1:9"]}]\n`;
    expect(() => compile(none, { mode: 'serve' })).toThrow(/routes is required/);
    expect(() => compile(none)).toThrow(/several methods are enabled/);
  });

  test('twin: lists of one load, and a block without keys rejects every request', async () => {
    expectLoads(jwt('issuers: [{issuer: "https://id.example"}]'));
    expectLoads(whole(['      audience: api\n', '      audience: [api]\n']));
    const ground = await openGround({
      replaceAuth: true,
      auth: '    api_key: { header: X-API-Key }',
      replaceRoutes: true,
      routes: '\n  - { path: /api/*, upstream: backend, auth: { api_key: true } }',
    });
    for (const key of ['', 'undefined', 'null', 'k-1234567890abcdef', '[]'])
      expect(statusOf(await ground.send(get('/api/x', `X-API-Key: ${key}`)))).toBe(401);
    expect(ground.arrived()).toEqual([]);
    await closeGrounds();
  });
});

describe('CFG-10 tokens that nothing or anything could verify', () => {
  test.each<readonly [string, string]>([
    ['enabled: true', 'jwks_url'],
    ['audience: api', 'jwks_url'],
    [`secret: ${SECRET}; jwks_url: https://id.example/jwks`, 'jwks_url'],
    [`secret: ${SECRET}; public_key: x`, 'secret'],
    [`secret: ${SECRET}; algorithm: RS256`, 'algorithm'],
    [`secret: ${SECRET}; algorithms: [HS256, RS256]`, 'algorithms'],
    ['jwks_url: https://id.example/jwks; algorithm: HS256', 'algorithm'],
    ['jwks_url: https://id.example/jwks; algorithms: [RS256, HS256]', 'algorithms'],
    ['issuer: https://id.example; algorithm: HS512', 'algorithm'],
    [`secret: ${SECRET}; algorithm: HS256; algorithms: [HS256]`, 'algorithm'],
    ['issuers: [{issuer: "https://a.example", algorithm: HS256}]', 'issuers[0].algorithm'],
    [`secret: ${SECRET}; issuers: [{issuer: "https://a.example", algorithm: RS256}]`, 'issuers[0].algorithm'],
    ...[
      'none',
      'None',
      'NONE',
      'nOnE',
      'hs256',
      '"HS256 "',
      '" HS256"',
      '[HS256]',
      '""',
      'null',
      'HS-256',
      'HS1',
      'RS',
      '"*"',
      'dir',
      'ECDH-ES',
    ].map((name) => [`secret: ${SECRET}; algorithm: ${name}`, 'algorithm'] as const),
    ...['[none]', '[HS256, none]', '[""]', '[null]', '[[HS256]]'].map(
      (list) => [`secret: ${SECRET}; algorithms: ${list}`, 'algorithms'] as const,
    ),
    ['secret: ""', 'secret'],
    ['secret: "   "', 'secret'],
    ['secret: null', 'secret'],
    ['secret: 12345678901234567890', ''],
    ['secret: "-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----"', 'secret'],
    ['jwks_url: http://id.example/jwks', 'jwks_url'],
    ['jwks_url: file:///etc/passwd', 'jwks_url'],
    ['jwks_url: "https://u:p@id.example/jwks"', 'jwks_url'],
    ['public_key: "not a key"', 'public_key'],
  ])('%s: refused', (block, option) => {
    const found = errors(jwt(block));
    expect(
      found.some(({ path }) => path.startsWith(`middleware.auth.jwt.${option}`) || (option === '' && path === '')),
    ).toBe(true);
    expectRefused(jwt(block));
  });

  test('twin: one source of keys and matching algorithms load', () => {
    expectLoads(jwt(`secret: ${SECRET}; algorithm: HS256`));
    expectLoads(jwt('jwks_url: https://id.example/jwks; algorithms: [RS256, EdDSA]'));
    expectLoads(jwt('issuer: https://id.example'));
    const weak = jwt('secret: short-secret');
    expect(
      warningsOf(weak)
        .map(({ message }) => message)
        .join(),
    ).toMatch(/shorter than 32 bytes/);
    expect(() => compile(weak, { strict: true })).toThrow(/shorter than 32 bytes/);
  });
});

describe('CFG-11 issuers and audiences', () => {
  test.each([
    ['an issuer beside issuers', 'issuer: https://id.example; issuers: [{issuer: "https://a.example"}]', 'issuer'],
    [
      'one name twice',
      'issuers: [{name: a, issuer: "https://a.example"}, {name: a, issuer: "https://b.example"}]',
      'issuers[1].name',
    ],
    [
      'one iss twice',
      'issuers: [{name: a, issuer: "https://a.example"}, {name: b, issuer: "https://a.example"}]',
      'issuers[1].issuer',
    ],
    [
      'a name that is another iss',
      'issuers: [{name: "https://b.example", issuer: "https://a.example"}, {issuer: "https://b.example"}]',
      'issuers[0].name',
    ],
    ['an entry without iss', 'issuers: [{name: a, jwks_url: "https://a.example/jwks"}]', 'issuers[0].issuer'],
    ['a blank iss', 'issuers: [{issuer: " ", jwks_url: "https://a.example/jwks"}]', 'issuers[0].issuer'],
    ['an audience that is empty', 'issuers: [{issuer: "https://a.example", audience: []}]', 'issuers[0].audience'],
  ])('%s: refused', (_what, block, path) => {
    expectRefused(jwt(block), { path: `middleware.auth.jwt.${path}` });
  });

  test('a route cannot name an unlisted issuer', () => {
    const auth = '    auth: {jwt: {issuers: ["https://other.example"]}}\n';
    expectRefused(whole(['    auth:\n      jwt: true\n', auth]), { code: 'unknown_name' });
  });

  test('any issuer, any audience, and issuers that differ by a slash are reported, and --strict refuses them', () => {
    const told = (block: string): string =>
      warningsOf(jwt(block))
        .map(({ message }) => message)
        .join('\n');
    expect(told('jwks_url: https://id.example/jwks; audience: api')).toMatch(/ANY ISSUER/);
    expect(told('issuer: https://id.example')).toMatch(/ANY AUDIENCE/);
    expect(told('issuers: [{issuer: "https://a.example"}]')).toMatch(/ANY AUDIENCE/);
    expect(told('audience: api; issuers: [{issuer: "https://a.example"}, {issuer: "https://a.example/"}]')).toMatch(
      /slash/,
    );
    expect(() => compile(jwt('issuer: https://id.example'), { strict: true })).toThrow(/ANY AUDIENCE/);
  });

  test('twin: every issuer inherits the options of the block, except those that it sets itself', () => {
    const block =
      'audience: api; issuers: [{name: a, issuer: "https://a.example"}, {name: b, issuer: "https://b.example", audience: [b]}]';
    expectLoads(jwt(block));
    expect(
      warningsOf(jwt(block))
        .map(({ message }) => message)
        .join(),
    ).not.toMatch(/AUDIENCE/);
  });
});

describe('CFG-12 introspection', () => {
  test.each([
    ...[
      '5',
      '"5"',
      '5min',
      '-5m',
      '"5 m"',
      '1y',
      '0',
      'null',
      '""',
      '[5m]',
      '5M',
      'PT5M',
      '1e3s',
      '.5m',
      '25h',
      '+5m',
      'Infinity',
      '"5m\\n"',
    ].map((value) => `cache_ttl: ${value}`),
    ...['0', '-1', '1000000000000', '"10000"', '1.5', 'null', '.inf', '.nan', 'true', '[1]', '9007199254740993'].map(
      (value) => `cache_size: ${value}`,
    ),
    ...['timeout: 0s', 'timeout: 2m', 'timeout: 5', 'auth_method: none', 'auth_method: Basic', 'auth_method: null'],
    ...['audience: []', 'required_scopes: []', 'required_scopes: [""]', 'required_scopes: ["a b"]', 'issuer: ""'],
  ])('%s: refused', (line) => {
    expectRefused(oauth(line));
  });

  test.each([
    ['without a URL', '      introspection_url: https://id.example/introspect\n', '', 'introspection_url'],
    ['without a secret', '      client_secret: s-1234567890\n', '', 'client_secret'],
    ['with an empty secret', 's-1234567890', '""', 'client_secret'],
    ['with a blank secret', 's-1234567890', '"   "', 'client_secret'],
    ['without an id', '      client_id: loom\n', '', 'client_id'],
    ['with an empty id', 'client_id: loom', 'client_id: ""', 'client_id'],
    ['in plain http', 'https://id.example/introspect', 'http://id.example/introspect', 'introspection_url'],
    ['at no URL', 'https://id.example/introspect', '/introspect', 'introspection_url'],
    ['of a file', 'https://id.example/introspect', 'file:///etc/passwd', 'introspection_url'],
  ])('%s: refused', (_what, from, to, option) => {
    expectRefused(whole([from, to]), { path: `middleware.auth.oauth.${option}` });
  });

  test.each(['cache_ttl: 0s', 'cache_ttl: 5m', 'cache_ttl: 24h', 'cache_ttl: 1.5s', 'cache_size: 1', 'timeout: 10ms'])(
    'twin: %s loads',
    (line) => {
      expectLoads(oauth(line));
    },
  );
});
