/** The pages of the rules about auth methods, plugins and identity headers. */
import { API_KEY, auth, KEYS_GUARD_ALL, page, type RulePage } from './example.js';

const JWT = 'jwt: { issuer: "https://id.example.com", audience: api.example.com }';
const user = (hash: string): string => `{ username: ops, password_hash: "${hash}" }`;
const OPS = user('${OPS_HASH}');
const TLS = 'cert_file: server.pem, key_file: server-key.pem';
const SERVER = {
  'server.pem': 'a certificate that is valid for a year',
  'server-key.pem': 'the key of the certificate',
} as const;

/** A gateway with one upstream: the lines of `middleware.auth`, the `auth` of its route, and further blocks. */
const gateway = (methods: readonly string[], required: string, more = ''): string =>
  `listeners: [{ address: ":8080" }]\n${auth(...methods)}routes: [{ path: /orders, upstream: orders, auth: ${required} }]
upstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]\n${more}`;
const secure = (tls: string, required = '{ mtls: true }', methods = API_KEY): string =>
  gateway([methods], required).replace('[{ address: ":8080" }]', `[{ address: ":8443", tls: { ${TLS}, ${tls} } }]`);
const two = (first: string, second: string): string =>
  gateway(['mtls: {}'], '{ mtls: true }').replace(
    '[{ address: ":8080" }]',
    `\n  - { name: a, address: ":8443", tls: { ${TLS}, client_auth: require, ca_file: ${first} } }\n  - { name: b, address: ":8444", tls: { ${TLS}, client_auth: require, ca_file: ${second} } }`,
  );
const plugin = (file: string, required: string): string =>
  `listeners: [{ address: ":8080" }]\nplugins: [{ name: custom-auth, path: ${file} }]\nroutes: [{ path: /orders, upstream: orders, auth: { ${required}: true } }]\nupstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]\n`;
const hosted = (crl: string): string => `listeners:
  - address: ":8443"
    tls: { ${TLS}, client_auth: require, ca_file: ca.pem${crl} }
middleware: { auth: { mtls: {}, chain: [mtls] } }
`;

export const AUTH_PAGES = {
  bcrypt_cost: page(
    'A stolen hash of a low cost is guessed quickly. A high cost keeps a worker busy for each wrong password.',
    auth(
      `basic: { users: [${user('$2b$04$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1')}] }`,
      'chain: [basic]',
    ),
    auth(`basic: { users: [${OPS}] }`, 'chain: [basic]'),
  ),
  client_chooses: page(
    'A client that may choose the key of a limit or the condition of a route chooses the rule that suits it.',
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  key: header:X-Tenant\n`,
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  key: identity\n`,
  ),
  crl_of_host: page(
    'The server of the host application does the TLS handshake. Only this server can refuse a revoked certificate.',
    hosted(', crl_file: crl.pem'),
    hosted(''),
    {
      files: {
        ...SERVER,
        'ca.pem': 'the certificate of an authority',
        'crl.pem': 'the revocation list of the authority',
      },
    },
  ),
  duplicate_header: page(
    'Two claims cannot be in one header. The upstream would read one of them as the other.',
    auth(JWT.replace(' }', ', claims_to_headers: { sub: X-User, email: X-User } }'), 'chain: [jwt]'),
    auth(JWT.replace(' }', ', claims_to_headers: { sub: X-User, email: X-Email } }'), 'chain: [jwt]'),
  ),
  forbidden_header: page(
    'Upstreams and proxies act on this header. A claim in it could change the route, the body or the address.',
    auth(JWT.replace(' }', ', claims_to_headers: { sub: Host } }'), 'chain: [jwt]'),
    auth(JWT.replace(' }', ', claims_to_headers: { sub: X-User } }'), 'chain: [jwt]'),
  ),
  method_error: page(
    'The options contradict each other, and Loom does not choose between them.',
    auth(JWT.replace(' }', ', algorithms: [HS256] }'), 'chain: [jwt]'),
    auth(JWT.replace(' }', ', algorithms: [RS256] }'), 'chain: [jwt]'),
  ),
  method_warning: page(
    'The block works, but it accepts or refuses more than most authors expect.',
    auth('api_key: { header: X-API-Key }', 'chain: [api_key]'),
    KEYS_GUARD_ALL,
  ),
  missing_audience: page(
    'An issuer gives tokens to many services. Without `audience` a token for another service is accepted here.',
    auth('jwt: { issuer: "https://id.example.com" }', 'chain: [jwt]'),
    auth(JWT, 'chain: [jwt]'),
  ),
  missing_issuer: page(
    'A key server can hold the keys of several issuers. Without `issuer` each of them can sign tokens for this service.',
    auth('jwt: { jwks_url: "https://id.example.com/jwks.json", audience: api.example.com }', 'chain: [jwt]'),
    auth(JWT, 'chain: [jwt]'),
  ),
  never_set: page(
    'No caller has the claim, so the limit or tier does not work as its author expects.',
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  key: jwt:sub\n`
      .replace(API_KEY, `basic: { users: [${OPS}] }`)
      .replace('[api_key]', '[basic]'),
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  key: identity\n`
      .replace(API_KEY, `basic: { users: [${OPS}] }`)
      .replace('[api_key]', '[basic]'),
  ),
  not_asked_for: page(
    'Without `client_auth` the listener asks for no certificate, so the authority has no effect.',
    secure('ca_file: ca.pem', '{ api_key: true }'),
    secure('client_auth: request, ca_file: ca.pem', '{ api_key: true }'),
    { files: { ...SERVER, 'ca.pem': 'the certificate of an authority' } },
  ),
  nothing_required: page(
    'An auth method that no route requires guards nothing.',
    `${auth(API_KEY)}routes: [{ path: /public, auth: none }]\n`,
    `${auth(API_KEY)}routes: [{ path: /public, auth: none }, { path: /orders, auth: { api_key: true } }]\n`,
  ),
  plugin_error: page(
    'Loom loads a plugin before the first request. A plugin that cannot run would refuse every request.',
    plugin('plugin.wasm', 'custom-auth'),
    plugin('auth-rust.wasm', 'custom-auth'),
    {
      files: {
        'plugin.wasm': 'a WebAssembly module without the functions of a plugin',
        'auth-rust.wasm': 'the example plugin in Rust',
      },
    },
  ),
  reserved_header: page(
    'The header is part of the message or belongs to proxies. Only `trusted_proxies` decides who may send it.',
    `${KEYS_GUARD_ALL}trusted_proxies: ["10.0.0.0/8"]\ntrusted_headers: [X-Forwarded-For]\n`,
    `${KEYS_GUARD_ALL}trusted_proxies: ["10.0.0.0/8"]\ntrusted_headers: [X-Tenant]\n`,
  ),
  shared_identity: page(
    'Two issuers can give the same `sub` to two people. The upstream takes them for one caller. Names of `api_key` and `basic` are in the file, so its author chooses them.',
    gateway(
      [
        JWT.replace(' }', ', claims_to_headers: { sub: X-User } }'),
        'oauth: { issuer: "https://o.example.com", client_id: loom, client_secret: "${OAUTH_SECRET}", claims_to_headers: { sub: X-User } }',
      ],
      '{ methods: [jwt, oauth] }',
    ),
    gateway(
      [
        JWT.replace(' }', ', claims_to_headers: { sub: X-User } }'),
        'oauth: { issuer: "https://o.example.com", client_id: loom, client_secret: "${OAUTH_SECRET}", claims_to_headers: { sub: X-Client } }',
      ],
      '{ methods: [jwt, oauth] }',
    ),
  ),
  shared_place: page(
    'An auth method that asks a server would send the API keys in the same place to this server.',
    auth(
      API_KEY.replace('{ keys', '{ header: Authorization, scheme: Bearer, keys'),
      'oauth: { introspection_url: "https://id.example.com/i", client_id: loom, client_secret: "${OAUTH_SECRET}" }',
      'chain: [oauth, api_key]',
      'require_any: true',
    ),
    auth(
      API_KEY.replace('{ keys', '{ header: Authorization, scheme: Bearer, keys'),
      'oauth: { introspection_url: "https://id.example.com/i", client_id: loom, client_secret: "${OAUTH_SECRET}" }',
      'chain: [api_key, oauth]',
      'require_any: true',
    ),
  ),
  two_authorities: page(
    'A route takes requests of all listeners. A name from one authority would be accepted as the same name from the other.',
    two('ca.pem', 'other-ca.pem'),
    two('ca.pem', 'ca.pem'),
    {
      files: {
        ...SERVER,
        'ca.pem': 'the certificate of an authority',
        'other-ca.pem': 'the certificate of another authority',
      },
    },
  ),
  unknown_name: page(
    'With a misspelt name the caller is refused.',
    `${auth(API_KEY)}routes: [{ path: /orders, auth: { api_key: { names: [order] } } }]\n`,
    `${auth(API_KEY)}routes: [{ path: /orders, auth: { api_key: { names: [orders] } } }]\n`,
  ),
  unknown_plugin: page(
    'A route that requires a plugin which does not exist would be guarded by nothing.',
    plugin('auth-rust.wasm', 'custom-auth').replace(
      'auth: { custom-auth: true }',
      'auth: { custom-auth: true }, plugins: [customauth]',
    ),
    plugin('auth-rust.wasm', 'custom-auth'),
    { files: { 'auth-rust.wasm': 'the example plugin in Rust' } },
  ),
  unlimited: page(
    'An attacker who can overload Redis has no limit.',
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  distributed: { type: redis, address: "127.0.0.1:6379" }\n  on_store_error: allow\n`,
    `${KEYS_GUARD_ALL}rate_limit:\n  rate: 10\n  distributed: { type: redis, address: "127.0.0.1:6379" }\n  on_store_error: local\n`,
  ),
  unreachable_method: page(
    'No client can show a certificate where no listener asks for one, so every request is refused.',
    gateway([API_KEY, 'mtls: { ca_file: ca.pem }'], '{ methods: [api_key, mtls] }'),
    gateway([API_KEY], '{ api_key: true }'),
    { files: { 'ca.pem': 'the certificate of an authority' } },
  ),
  wrong_auth: page(
    'An `auth` of another form could make the route public.',
    `${auth(API_KEY)}routes: [{ path: /orders, auth: {} }]\n`,
    `${auth(API_KEY)}routes: [{ path: /orders, auth: { api_key: true } }]\n`,
  ),
  wrong_method: page(
    'A route that requires a method which does not exist would be guarded by nothing.',
    `${auth(API_KEY)}routes: [{ path: /a, auth: { api_key: true } }, { path: /orders, auth: { methods: [apikey] } }]\n`,
    `${auth(API_KEY)}routes: [{ path: /a, auth: { api_key: true } }, { path: /orders, auth: { methods: [api_key] } }]\n`,
  ),
  wrong_policy: page(
    'With several methods in `chain` it must be clear whether one is enough or all are required.',
    auth(API_KEY, JWT, 'chain: [api_key, jwt]'),
    auth(API_KEY, JWT, 'chain: [api_key, jwt]', 'require_any: true'),
  ),
} satisfies Readonly<Record<string, RulePage>>;
