/** Issuers, headers, upstreams and limits: each rule with the files that it finds and those that it leaves alone. */
import { linted, toldBy, type Linting } from './linting.js';

const paths = (code: string, text: string, options?: Linting): readonly string[] =>
  toldBy(code, linted(text, options)).map((each) => each.split(': ')[0] ?? '');

const jwt = (issuers: readonly string[], more = ''): string => `middleware:
  auth:
    jwt:
      audience: api
      issuers:
${issuers.map((issuer) => `        - issuer: "${issuer}"\n          jwks_url: https://keys.example/jwks.json\n`).join('')}${more}    chain: [jwt]
`;

describe('similar_issuers', () => {
  test.each([
    ['https://id.example', 'https://id.example//', 'a trailing slash'],
    ['https://id.example/a', 'https://ID.example/a', 'upper and lower case'],
    ['https://id.example/Tenant', 'https://id.example/tenant', 'upper and lower case'],
    ['https://id.example', 'https://id.example:443', 'the default port'],
    ['https://id.example/a', 'https://id.example:443/a/', 'a trailing slash and the default port'],
  ])('%s and %s', (first, second, difference) => {
    const told = toldBy('similar_issuers', linted(jwt([first, second])));
    expect(told).toEqual([
      `middleware.auth.jwt.issuers[1].issuer: differs from "${first}" only by ${difference}; "iss" is compared exactly`,
    ]);
  });

  test('a slash at the end is reported once, at start as well', () => {
    expect(paths('similar_issuers', jwt(['https://id.example', 'https://id.example/']))).toEqual([
      'middleware.auth.jwt.issuers[1].issuer',
    ]);
  });

  test.each([
    ['https://id.example/a', 'https://id.example/b'],
    ['https://id.example', 'https://id.example:8443'],
    ['https://id.example', 'https://id2.example/'],
  ])('%s and %s are two issuers', (first, second) => {
    expect(paths('similar_issuers', jwt([first, second]))).toEqual([]);
  });

  test('a route and another auth method are compared as well', () => {
    const text = `middleware:
  auth:
    jwt: {issuer: "https://id.example/", audience: api, jwks_url: "https://id.example/jwks.json"}
    oauth: {issuer: "https://id.example", client_id: loom, client_secret: "x9#kLq82hGz!"}
    chain: [jwt, oauth]
    require_any: true
`;
    expect(paths('similar_issuers', text)).toEqual(['middleware.auth.oauth.issuer']);
  });
});

const UPSTREAM = 'upstreams: [{name: backend, endpoints: ["127.0.0.1:9001"]}]\nlisteners: [{address: ":8080"}]\n';
const KEYS = 'api_key: {keys: [{key: sk_live_9f8e7d6c5b4a39281706, name: alice}], claims_to_headers: {name: X-User}}';
const JWT = 'issuer: "https://id.example", audience: api, jwks_url: "https://id.example/jwks.json"';
const BASIC =
  'users: [{username: admin, password_hash: "$2y$10$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1"}]';
const SERVE = { mode: 'serve' } as const;

describe('unsent_header', () => {
  const file = (auth: string, routes: string): string =>
    `${UPSTREAM}middleware:\n  auth:\n    ${KEYS}\n    ${auth}\nroutes:\n  - {path: /a, upstream: backend, auth: ${routes}}\n`;

  test('of a method that no route requires', () => {
    const text = file(`jwt: {${JWT}, claims_to_headers: {sub: X-Sub}}`, '{api_key: true}');
    expect(paths('unsent_header', text, SERVE)).toEqual(['middleware.auth.jwt.claims_to_headers']);
    expect(paths('unsent_header', text.replace('{api_key: true}', '{methods: [api_key, jwt]}'), SERVE)).toEqual([]);
  });

  test('of a block whose issuers all have their own', () => {
    const block = (second: string): string =>
      file(
        `jwt: {audience: api, claims_to_headers: {sub: X-Sub}, issuers: [` +
          `{issuer: "https://a.example", claims_to_headers: {sub: X-A}}, {issuer: "https://b.example"${second}}]}`,
        '{methods: [api_key, jwt]}',
      );
    expect(paths('unsent_header', block(', claims_to_headers: {sub: X-B}'), SERVE)).toEqual([
      'middleware.auth.jwt.claims_to_headers',
    ]);
    expect(paths('unsent_header', block(''), SERVE)).toEqual([]);
  });

  test('of an issuer that every route excludes', () => {
    const text = file(
      'jwt: {audience: api, issuers: [{issuer: "https://a.example", claims_to_headers: {sub: X-A}}, ' +
        '{issuer: "https://b.example", name: b, claims_to_headers: {sub: X-B}}]}',
      '{jwt: {issuers: ["https://a.example"]}}',
    ).concat('  - {path: /b, upstream: backend, auth: {api_key: true}}\n');
    expect(paths('unsent_header', text, SERVE)).toEqual(['middleware.auth.jwt.issuers[1].claims_to_headers']);
    expect(paths('unsent_header', text.replace('["https://a.example"]', '["https://a.example", b]'), SERVE)).toEqual(
      [],
    );
  });

  test('a host without routes may require a method in its code', () => {
    expect(paths('unsent_header', `middleware: {auth: {${KEYS}}}\n`)).toEqual([]);
  });
});

describe('shared_identity', () => {
  const OAUTH = 'introspection_url: "https://o.example/i", client_id: loom, client_secret: "x9#kLq82hGz!"';
  const file = (first: string, second: string, routes = '{methods: [jwt, oauth]}'): string => `${UPSTREAM}middleware:
  auth:
    api_key: {keys: [{key: sk_live_9f8e7d6c5b4a39281706, name: alice}], claims_to_headers: {name: X-User}}
    jwt: {${JWT}, claims_to_headers: {${first}}}
    oauth: {${OAUTH}, claims_to_headers: {${second}}}
routes:
  - {path: /a, upstream: backend, auth: ${routes}}
`;
  const PLACE = ['middleware.auth.oauth.claims_to_headers.sub'];

  test('two issuers that fill one header are reported', () => {
    expect(paths('shared_identity', file('sub: X-User', 'sub: x-user'), SERVE)).toEqual(PLACE);
    expect(paths('shared_identity', file('email: X-User', 'sub: X_User'), SERVE)).toEqual(PLACE);
  });

  test('two headers, an `iss` header and two upstreams separate the callers', () => {
    expect(paths('shared_identity', file('sub: X-User', 'sub: X-Client'), SERVE)).toEqual([]);
    expect(paths('shared_identity', file('sub: X-User', 'sub: X-User, iss: X-Issuer'), SERVE)).toEqual([]);
    expect(paths('shared_identity', file('sub: X-User', 'org: X-User'), SERVE)).toEqual([]);
    const apart = file('sub: X-User', 'sub: X-User', '{jwt: true}')
      .replace('"127.0.0.1:9001"]}', '"127.0.0.1:9001"]}, {name: other, endpoints: ["127.0.0.1:9"]}')
      .concat('  - {path: /b, upstream: other, auth: {oauth: true}}\n');
    expect(paths('shared_identity', apart, SERVE)).toEqual([]);
  });

  test('the author of the file chooses the names of keys', () => {
    const text = file('sub: X-User', 'sub: X-Client', '{methods: [api_key, jwt]}');
    expect(paths('shared_identity', text, SERVE)).toEqual([]);
  });

  test('two issuers of one block are reported at start as well', () => {
    const map = '          claims_to_headers: {sub: X-User}\n';
    const text = jwt(['https://a.example', 'https://b.example']).replaceAll('jwks.json\n', `jwks.json\n${map}`);
    expect(paths('shared_identity', text)).toEqual(['middleware.auth.jwt.claims_to_headers']);
    expect(paths('shared_identity', text.replaceAll('{sub: X-User}', '{sub: X-User, iss: X-Issuer}'))).toEqual([]);
  });
});

describe('public_beside_guarded', () => {
  const file = (upstream: string): string => `listeners: [{address: ":8080"}]
upstreams: [{name: backend, endpoints: ["127.0.0.1:9001"]}, {name: site, endpoints: ["127.0.0.1:9002"]}]
middleware: {auth: {${KEYS}}}
routes:
  - {path: /health, upstream: ${upstream}, auth: none}
  - {path: /version, upstream: ${upstream}, auth: none}
  - {path: /orders/*, upstream: backend, auth: {api_key: true}}
  - {path: /, upstream: site, auth: none}
`;

  test('is one note for an upstream, at its first open route', () => {
    const found = linted(file('backend'), SERVE);
    expect(found).toEqual([
      expect.objectContaining({ level: 'note', code: 'public_beside_guarded', path: 'routes[0]' }),
    ]);
    expect(found[0]?.message).toContain('the guarded route routes[2]');
    expect(paths('public_beside_guarded', file('site'), SERVE)).toEqual([]);
  });
});

describe('missing_audience, missing_issuer and bcrypt_cost', () => {
  test('have rules of their own', () => {
    const text = 'middleware: {auth: {jwt: {jwks_url: "https://id.example/jwks.json"}, chain: [jwt]}}\n';
    expect(
      linted(text)
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['missing_audience', 'missing_issuer']);
  });

  test.each([
    ['04', 1],
    ['09', 1],
    ['10', 0],
    ['12', 0],
    ['13', 1],
  ])('cost %s: %d warnings, of users of basic and of the admin address', (cost, count) => {
    const hash = `$2b$${cost}$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1`;
    const text = `${UPSTREAM}middleware: {auth: {basic: {users: [{username: alice, password_hash: "${hash}"}]}}}
routes: [{path: /a, upstream: backend, auth: {basic: true}}]
admin: {address: "127.0.0.1:9090", auth: {users: {ops: "${hash}"}}}
`;
    const listed = text.replace(`{ops: "${hash}"}`, `[{username: ops, password_hash: "${hash}"}]`);
    const basic = 'middleware.auth.basic.users[0].password_hash';
    expect(paths('bcrypt_cost', text, SERVE)).toEqual([basic, 'admin.auth.users.ops'].filter(() => count > 0));
    expect(paths('bcrypt_cost', listed, SERVE)).toEqual(
      [basic, 'admin.auth.users[0].password_hash'].filter(() => count > 0),
    );
  });
});

describe('unreachable_limit', () => {
  const file = (limit: string, { route = '', key = '' } = {}): string => `${UPSTREAM}middleware:
  auth:
    api_key: {keys: [{key: sk_live_9f8e7d6c5b4a39281706, name: alice${key}}], claims_to_headers: {name: X-User}}
    basic: {${BASIC}}
rate_limit: {${limit}}
routes:
  - {path: "/a/*", upstream: backend, auth: {api_key: true}${route}}
`;
  const found = (limit: string, more = {}) => paths('unreachable_limit', file(limit, more), SERVE);
  const tier = (name: string, match: string): string => `{name: ${name}, match: ${match}, rate: 5}`;

  test('a tier that repeats the condition of another one', () => {
    const gold = '{header: X-User, value: alice}';
    const claim = '{claim: plan, value: gold}';
    expect(found(`rate: 1, tiers: [${tier('a', gold)}, ${tier('b', gold.replace('X-User', 'x-user'))}]`)).toEqual([
      'rate_limit.tiers[1].match',
    ]);
    expect(found(`rate: 1, tiers: [${tier('a', claim)}, ${tier('b', claim)}]`)).toContain('rate_limit.tiers[1].match');
    expect(found(`rate: 1, tiers: [${tier('a', gold)}]`)).toEqual([]);
  });

  test('a tier of a name that no key has', () => {
    expect(found(`rate: 1, tiers: [${tier('a', '{header: X-User, value: bob}')}]`)).toEqual([
      'rate_limit.tiers[0].match',
    ]);
  });

  test('a quota that the rate never lets a caller reach', () => {
    const quota = (limit: number): string =>
      `rate: "1/m", burst: 1, quotas: [{name: day, window: 1h, limit: ${limit}}]`;
    expect(found(quota(61))).toEqual(['rate_limit.quotas[0].limit']);
    expect(found(quota(60))).toEqual([]);
    expect(found(quota(61), { key: ', rate_limit: 100' })).toEqual(['rate_limit.rate']);
  });

  test('a quota that a smaller one always ends first', () => {
    const quotas = (hour: number): string =>
      `quotas: [{name: hour, window: 1h, limit: ${hour}}, {name: day, window: 24h, limit: 1000}]`;
    expect(found(quotas(42))).toEqual([]);
    expect(found(quotas(1000))).toEqual(['rate_limit.quotas[0].limit']);
    expect(found(quotas(41))).toEqual(['rate_limit.quotas[1].limit']);
    expect(found('quotas: [{name: a, window: 1h, limit: 10}, {name: b, window: 1h, limit: 10}]')).toHaveLength(1);
  });

  test('a rate, a tier or a route limit above a quota of the same key', () => {
    const quota = 'quotas: [{name: minute, window: 1m, limit: 10}]';
    expect(found(`rate: 20, ${quota}`)).toEqual(['rate_limit.rate']);
    expect(found(`rate: 19, ${quota}`)).toEqual([]);
    expect(found(`rate: 1, ${quota}`, { route: ', rate_limit: {rate: 100}' })).toContain('routes[0].rate_limit');
    expect(found(`rate: 20, quotas: [{name: minute, window: 1m, limit: 10, key: path}]`)).toEqual([]);
  });

  test('a global rate that every route or every key replaces', () => {
    expect(found('rate: 20', { route: ', rate_limit: {rate: 10}' })).toEqual(['rate_limit.rate']);
    expect(found('rate: 20', { key: ', rate_limit: 10' })).toEqual(['rate_limit.rate']);
    expect(found('rate: 20, key: ip', { key: ', rate_limit: 10' })).toEqual([]);
    expect(found('rate: 20')).toEqual([]);
  });

  test.each([
    ['{type: ip, values: ["0.0.0.0/1", "128.0.0.0/1"]}', 1],
    ['{type: ip, values: ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"]}', 1],
    ['{type: ip, values: ["::/1", "8000::/1"]}', 1],
    ['{type: path, values: ["/*"]}', 1],
    ['{type: path, values: ["/a/*"]}', 1],
    ['{type: ip, values: ["10.0.0.0/8", "192.168.0.0/16"]}', 0],
    ['{type: ip, values: ["0.0.0.0/1", "129.0.0.0/8"]}', 0],
    ['{type: path, values: ["/a/b"]}', 0],
  ])('exemptions %s: %d', (exemption, count) => {
    expect(found(`rate: 20, exemptions: [${exemption}]`)).toEqual(['rate_limit.exemptions'].slice(0, count));
  });

  test('a limit of a route that is exempt', () => {
    const text = `${file('rate: 20, exemptions: [{type: path, values: ["/a/*"]}]', { route: ', rate_limit: {rate: 9}' })}  - {path: /b, upstream: backend, auth: {api_key: true}}\n`;
    expect(paths('unreachable_limit', text, SERVE)).toEqual(['routes[0].rate_limit']);
  });
});
