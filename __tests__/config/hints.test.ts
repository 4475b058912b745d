import { FOREIGN_NAMES } from '../../src/config/hints/foreign-names.js';
import { optionTree } from '../../src/config/hints/explain.js';
import { partsOf } from '../../src/config/loom/option-paths.js';
import { errorsOf, warningsOf } from './files.js';

const KEYS = 'keys: [{key: k-1234567890abcdef, name: alice}]';
const AUTH = `middleware: {auth: {api_key: {${KEYS}}, chain: [api_key]}}\n`;
const ROUTE = 'routes: [{id: a, path: /a}]\n';

const top = (text: string): string => `${AUTH}${ROUTE}${text}\n`;
const jwt = (text: string): string =>
  `middleware: {auth: {jwt: {issuer: "https://i.example", audience: a, jwks_url: "https://i.example/k", ${text}}, chain: [jwt]}}\n${ROUTE}`;
const key = (text: string): string => `middleware: {auth: {api_key: {${text}}, chain: [api_key]}}\n${ROUTE}`;
const route = (text: string): string => `${AUTH}routes: [{id: a, path: /a, ${text}}]\n`;
const upstream = (text: string): string => `${top('')}upstreams: [{name: u, ${text}}]\n`;

/** Each name that another product has, and the option that the message names. */
it.each<[product: string, text: string, path: string, hint: string]>([
  [
    'a misplaced block',
    `${ROUTE}middleware: {jwt: {issuer: "https://i.example"}}\n`,
    'middleware.jwt',
    'middleware.auth',
  ],
  ['a misplaced block', top('jwt: {issuer: "https://i.example"}'), 'jwt', 'middleware.auth'],
  ['a misplaced block', top('api_key: {}'), 'api_key', 'middleware.auth'],
  ['a misplaced block', jwt('chain: [jwt]'), 'middleware.auth.jwt.chain', 'middleware.auth'],
  ['a misplaced block', route('cors: {allowed_origins: ["*"]}'), 'routes[0].cors', 'top level'],
  ['a misplaced block', route('jwt: true'), 'routes[0].jwt', 'routes[].auth'],
  ['a misplaced option', top('jwks_url: "https://i.example/k"'), 'jwks_url', 'middleware.auth.jwt'],
  ['a misplaced option', route('claims_to_headers: {sub: X-A}'), 'routes[0].claims_to_headers', 'middleware.auth'],
  ['Kong', top('services: []'), 'services', '"upstreams"'],
  ['Kong', top('consumers: []'), 'consumers', '"middleware.auth.api_key.keys"'],
  ['Kong', key(`${KEYS}, key_names: [apikey]`), 'middleware.auth.api_key.key_names', '"header"'],
  ['Kong', key(`${KEYS}, hide_credentials: true`), 'middleware.auth.api_key.hide_credentials', '"forward_credentials"'],
  ['Kong', jwt('claims_to_verify: [exp]'), 'middleware.auth.jwt.claims_to_verify', '"required_claims"'],
  ['Kong', jwt('cookie_names: [a]'), 'middleware.auth.jwt.cookie_names', '"cookie"'],
  ['Kong', jwt('uri_param_names: [jwt]'), 'middleware.auth.jwt.uri_param_names', '"query_param"'],
  ['Kong', jwt('maximum_expiration: 60'), 'middleware.auth.jwt.maximum_expiration', '"max_age"'],
  ['Kong', route('paths: [/b]'), 'routes[0].paths', '"path"'],
  ['Kong', route('strip_path: true'), 'routes[0].strip_path', '"strip_prefix"'],
  ['Kong', route('hosts: [a.test]'), 'routes[0].hosts', '"host"'],
  ['Kong', top('rate_limit: {rate: 5, limit_by: consumer}'), 'rate_limit.limit_by', '"key"'],
  ['Kong', top('rate_limit: {rate: 5, policy: redis}'), 'rate_limit.policy', '"distributed"'],
  ['Kong', top('rate_limit: {minute: 5}'), 'rate_limit.minute', 'rate: "100/m"'],
  ['Envoy', top('clusters: []'), 'clusters', '"upstreams"'],
  ['Envoy', jwt('from_headers: []'), 'middleware.auth.jwt.from_headers', '"header"'],
  ['Envoy', jwt('audiences: [a]'), 'middleware.auth.jwt.audiences', '"audience"'],
  ['Envoy', jwt('clock_skew_seconds: 9'), 'middleware.auth.jwt.clock_skew_seconds', '"leeway"'],
  ['Envoy', jwt('claim_to_headers: []'), 'middleware.auth.jwt.claim_to_headers', '"claims_to_headers"'],
  ['Envoy', jwt('forward: true'), 'middleware.auth.jwt.forward', '"forward_credentials"'],
  ['Envoy', jwt('remote_jwks: {}'), 'middleware.auth.jwt.remote_jwks', '"jwks_url"'],
  ['Envoy', route('prefix_rewrite: /b'), 'routes[0].prefix_rewrite', '"rewrite.path"'],
  ['Envoy', upstream('endpoints: ["h:1"], lb_policy: RANDOM'), 'upstreams[0].lb_policy', '"load_balancer"'],
  [
    'Envoy',
    upstream('endpoints: ["h:1"], outlier_detection: {}'),
    'upstreams[0].outlier_detection',
    '"circuit_breaker"',
  ],
  ['Envoy', top('xff_num_trusted_hops: 1'), 'xff_num_trusted_hops', '"trusted_proxies"'],
  ['Traefik', top('entryPoints: {}'), 'entryPoints', '"listeners"'],
  ['Traefik', top('routers: {}'), 'routers', '"routes"'],
  ['Traefik', top('accessLog: {}'), 'accessLog', '"logging.access"'],
  ['Traefik', top('rate_limit: {average: 5}'), 'rate_limit.average', '"rate"'],
  ['Traefik', top('rate_limit: {rate: 5, period: 1m}'), 'rate_limit.period', 'rate: "100/m"'],
  ['Traefik', top('rate_limit: {rate: 5, sourceCriterion: {}}'), 'rate_limit.sourceCriterion', '"key"'],
  [
    'Traefik',
    top('cors: {allowed_origins: ["https://a.example"], accessControlMaxAge: 5}'),
    'cors.accessControlMaxAge',
    '"max_age"',
  ],
  ['Traefik', upstream('servers: [{url: "http://h:1"}]'), 'upstreams[0].servers', '"endpoints"'],
  ['nginx', top('set_real_ip_from: 10.0.0.0/8'), 'set_real_ip_from', '"trusted_proxies"'],
  ['nginx', route('proxy_pass: http://h'), 'routes[0].proxy_pass', '"upstream"'],
  ['Express', top('trust_proxy: true'), 'trust_proxy', '"trusted_proxies"'],
  ['Express', top('trust proxy: true'), '["trust proxy"]', '"trusted_proxies"'],
  ['express-jwt', jwt('credentialsRequired: false'), 'middleware.auth.jwt.credentialsRequired', 'require: false'],
  ['express-jwt', jwt('algs: [RS256]'), 'middleware.auth.jwt.algs', '"algorithms"'],
  ['passport-jwt', jwt('secretOrKey: x'), 'middleware.auth.jwt.secretOrKey', '"secret"'],
  ['passport-jwt', jwt('ignoreExpiration: true'), 'middleware.auth.jwt.ignoreExpiration', '"require_exp"'],
  ['jwks-rsa', jwt('jwksUri: "https://i.example/k"'), 'middleware.auth.jwt.jwksUri', '"jwks_url"'],
  [
    'express-oauth2-jwt-bearer',
    jwt('issuerBaseURL: "https://i.example"'),
    'middleware.auth.jwt.issuerBaseURL',
    '"issuer"',
  ],
  ['express-oauth2-jwt-bearer', jwt('clockTolerance: 5'), 'middleware.auth.jwt.clockTolerance', '"leeway"'],
  ['express-rate-limit', top('rate_limit: {max: 5}'), 'rate_limit.max', '"rate"'],
  ['express-rate-limit', top('rate_limit: {rate: 5, windowMs: 60000}'), 'rate_limit.windowMs', 'rate: "100/m"'],
  ['express-rate-limit', top('rate_limit: {rate: 5, keyGenerator: x}'), 'rate_limit.keyGenerator', '"key"'],
  ['habit', jwt('scopes: [read]'), 'middleware.auth.jwt.scopes', '"required_scopes"'],
  ['habit', jwt('cookie_name: token'), 'middleware.auth.jwt.cookie_name', '"cookie"'],
  ['habit', jwt('roles: [admin]'), 'middleware.auth.jwt.roles', '"required_claims"'],
  ['habit', jwt('clock_skew: 30s'), 'middleware.auth.jwt.clock_skew', '"leeway"'],
  ['habit', top('rate_limit: {requests: 5}'), 'rate_limit.requests', '"rate"'],
  ['habit', route('rate_limit: {requests: 5, window: 1m}'), 'routes[0].rate_limit.requests', '"rate"'],
  ['habit', route('auth: {scopes: [read]}'), 'routes[0].auth.scopes', '"jwt.required_scopes"'],
  ['habit', route('auth: {type: jwt}'), 'routes[0].auth.type', '"methods"'],
  ['habit', route('auth: {api_key: {keys: [alice]}}'), 'routes[0].auth.api_key.keys', '"names"'],
  ['habit', route('auth: {oidc: true}'), 'routes[0].auth.oidc', '"jwt"'],
  ['habit', route('public: true'), 'routes[0].public', '"auth"'],
  ['habit', route('name: x'), 'routes[0].name', '"id"'],
  ['habit', upstream('url: "http://h:1"'), 'upstreams[0].url', '"endpoints"'],
  [
    'habit',
    upstream('endpoints: ["h:1"], tls: {rejectUnauthorized: false}'),
    'upstreams[0].tls.rejectUnauthorized',
    '"insecure_skip_verify"',
  ],
  ['habit', top('listeners: [{address: ":1", tls: {cert: a, key: b}}]'), 'listeners[0].tls.cert', '"cert_file"'],
  ['habit', top('listeners: [{port: 8080}]'), 'listeners[0].port', '"address"'],
  ['habit', key('keys: [{value: k-1234567890abcdef, name: a}]'), 'middleware.auth.api_key.keys[0].value', '"key"'],
  [
    'habit',
    key('keys: [{key: k-1234567890abcdef, username: a}]'),
    'middleware.auth.api_key.keys[0].username',
    '"name"',
  ],
  [
    'habit',
    key('keys: [{key: k-1234567890abcdef, name: a, expires_at: "2030-01-01"}]'),
    'middleware.auth.api_key.keys[0].expires_at',
    '"expires"',
  ],
  [
    'habit',
    `middleware: {auth: {oauth: {introspection_endpoint: "https://i.example/i", client_id: a, client_secret: b}, chain: [oauth]}}\n${ROUTE}`,
    'middleware.auth.oauth.introspection_endpoint',
    '"introspection_url"',
  ],
  [
    'Apache',
    `middleware: {auth: {basic: {htpasswd: users.txt}, chain: [basic]}}\n${ROUTE}`,
    'middleware.auth.basic.htpasswd',
    '"htpasswd_file"',
  ],
])('%s: %s', (_product, text, path, hint) => {
  const errors = errorsOf(text);
  const found = errors.find((each) => each.path === path && each.code === 'unknown_key');
  expect(errors).toContainEqual(expect.objectContaining({ path, code: 'unknown_key' }));
  expect(found?.message).toContain(hint);
});

it.each(['password', 'Password', 'pass', 'passwd'])(
  'a user with %s gets a message about the hash and the command',
  (name) => {
    const text = `middleware: {auth: {basic: {users: [{username: a, ${name}: s3cret-of-alice}]}, chain: [basic]}}\n`;
    const messages = errorsOf(text).map(({ message }) => message);
    expect(messages.join('\n')).toMatch(/"password_hash".*loom-auth hash-password/);
    expect(messages.join('\n')).not.toContain('s3cret');
  },
);

it('an unknown auth method has the name that this file knows', () => {
  const text = (chain: string) => `middleware: {auth: {jwt: {secret: "${'x'.repeat(40)}"}, chain: [${chain}]}}\n`;
  for (const name of ['oidc', 'bearer', 'jwt-authn', 'JWT'])
    expect(errorsOf(text(name))).toMatchObject([{ message: expect.stringContaining('did you mean "jwt"?') as string }]);
});

it('every advice names an option of its block', () => {
  const wrong = FOREIGN_NAMES.flatMap(({ at, names }) =>
    Object.keys(names).flatMap((advice) => {
      const options = partsOf(advice);
      const blocks = at.map((pattern) => (pattern === '' ? [] : partsOf(pattern)));
      // Blocks that share a table do not have all of its options.
      const having = blocks.filter((block) => exists([...block, ...options.slice(0, 1)]));
      return having.every((block) => exists([...block, ...options])) ? [] : [`${at.join()}: ${advice}`];
    }),
  );
  expect(wrong).toEqual([]);
});

function exists(parts: readonly string[]): boolean {
  const path = parts.slice(0, -1).map((part) => (part === '[]' ? 0 : part));
  const last = parts.at(-1) ?? '';
  return last === '[]' || optionTree().keysAt(path)?.has(last) === true;
}

describe('one key at the wrong level is one error', () => {
  const lines = `middleware:
  auth:
    jwt:
      issuer: https://id.example
      audience: api
      jwks_url: https://id.example/jwks
      claims_to_headers:
        sub: X-User
    api_key:
      keys:
        - key: k-1234567890abcdef
          name: alice
          rate_limit:
            rate: 5
            burst: 9
    chain: [jwt, api_key]
    require_any: true
routes:
  - id: a
    path: /a
    upstream: b
    auth:
      methods: [jwt]
  - id: c
    path: /c
    upstream: b
rate_limit:
  rate: 5
  burst: 9
upstreams:
  - name: b
    endpoints:
      - "127.0.0.1:9"
    health_check:
      path: /h
      interval: 5s
`.split('\n');

  const cases = lines.slice(0, -1).flatMap((line, at) =>
    [-4, -2, -1, 1, 2].flatMap((change) => {
      const indent = line.length - line.trimStart().length + change;
      return indent < 0 ? [] : [[at + 1, change, line.trim(), indent] as const];
    }),
  );

  it.each(cases)('line %i moved by %i: %s', (line, _change, words, indent) => {
    const text = lines.map((each, at) => (at === line - 1 ? ' '.repeat(indent) + words : each)).join('\n');
    const errors = errorsOf(text);
    // Names of claims may be any, so the schema does not know that a key is at the wrong level.
    const isClaim = line === 9 && indent === 8;
    expect(errors.length).toBeLessThanOrEqual(isClaim ? 3 : 1);
    if (isClaim) return;
    // Some moved lines mean the same, or another valid file.
    for (const error of errors) {
      expect(['bad_indent', 'unknown_key', 'missing', 'wrong_type', 'wrong_auth', 'wrong_value']).toContain(error.code);
      expect(Math.abs(error.line - line)).toBeLessThanOrEqual(12);
    }
    // What depends on the moved line is no further finding.
    if (errors.length > 0) expect(warningsOf(text).filter(({ code }) => code === 'public_route')).toEqual([]);
  });

  it('finds the line itself, and several wrong lines in one file', () => {
    const moved = (changes: Readonly<Record<number, number>>) =>
      lines.map((each, at) => ' '.repeat(Math.max(0, changes[at + 1] ?? 0)) + each).join('\n');
    expect(errorsOf(moved({ 5: 1 }))).toMatchObject([{ code: 'bad_indent', line: 5, column: 8 }]);
    expect(errorsOf(moved({ 5: 1, 20: 1 })).map(({ line }) => line)).toEqual([5, 20]);
    expect(errorsOf(moved({ 5: 1 }))[0]?.message).toMatch(/indented by 7 spaces; 6 spaces/);
  });

  it('a tab is one error', () => {
    const text = lines.join('\n').replace('      audience', '\t  audience');
    expect(errorsOf(text)).toMatchObject([{ code: 'tab_as_indent', line: 5 }]);
  });

  it('twin: the file itself has none', () => {
    expect(errorsOf(lines.join('\n'))).toEqual([]);
  });

  it('finds other mistakes of the file as well', () => {
    const text = lines.join('\n').replace('    chain:', '      chain:').replace('interval: 5s', 'interval: often');
    expect(errorsOf(text).map(({ path }) => path)).toEqual([
      'middleware.auth.api_key.chain',
      'upstreams[0].health_check.interval',
    ]);
  });
});
