/** Random edits of a file: by hand for each class, and any option with another value of its kind. */
import fc from 'fast-check';
import { KEYS, SECRET } from './live-pair.js';
import type { FileObject } from './full-file.js';

/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-assignment -- edits of a file at any depth */

export const baseFile = (ports: readonly number[]): FileObject => ({
  listeners: [{ address: '127.0.0.1:8080' }],
  trusted_proxies: ['127.0.0.0/8'],
  logging: { request_id: { header: 'X-Request-ID', generate: true } },
  cors: { allowed_origins: ['https://page.example'], allowed_methods: ['GET'], max_age: 60 },
  rate_limit: { rate: '900/h', burst: 900, key: 'identity', quotas: [{ name: 'daily', window: '24h', limit: 500 }] },
  middleware: {
    auth: {
      api_key: {
        keys: [
          { name: 'ci', key: KEYS[0], rate_limit: '400/h' },
          { name: 'cd', key: KEYS[1], allowed_ips: ['10.1.0.0/16'] },
        ],
        claims_to_headers: { name: 'X-Client' },
      },
      jwt: {
        issuer: 'https://own.example',
        audience: 'api',
        secret: SECRET,
        leeway: '30s',
        claims_to_headers: { sub: 'X-User', email: 'X-Email' },
      },
    },
  },
  routes: [
    {
      overlap: true,
      id: 'api',
      path: '/api/*',
      upstream: 'a',
      methods: ['GET'],
      auth: { jwt: { required_scopes: ['read'] } },
    },
    {
      overlap: true,
      id: 'keys',
      path: '/keys/*',
      upstream: 'a',
      auth: { api_key: true },
      rate_limit: { rate: '9/h', burst: 9 },
    },
    { overlap: true, id: 'admin', path: '/keys/admin', upstream: 'b', auth: { api_key: { names: ['ci'] } } },
    {
      overlap: true,
      id: 'either',
      path: '/either/*',
      upstream: 'b',
      auth: { methods: ['jwt', 'api_key'], require_any: true },
    },
    { overlap: true, id: 'public', path: '/public/*', upstream: 'a', auth: 'none', strip_prefix: true, timeout: '5s' },
    { overlap: true, id: 'beta', path: '/beta/*', headers: { 'X-Beta': 'yes' }, upstream: 'b', auth: 'none' },
    { overlap: true, id: 'stable', path: '/beta/*', upstream: 'a', auth: 'none' },
    { overlap: true, id: 'host', host: 'api.test', path: '/*', upstream: 'b', auth: 'none' },
  ],
  upstreams: [
    { name: 'a', endpoints: [`127.0.0.1:${ports[0]}`], retry: { max_retries: 1 } },
    { name: 'b', endpoints: [`127.0.0.1:${ports[1]}`] },
  ],
});

export type Edit = readonly [name: string, act: (file: FileObject) => void];

const routeEdit = fc.record({
  at: fc.nat({ max: 7 }),
  option: fc.constantFrom<readonly [string, unknown]>(
    ['auth', 'none'],
    ['auth', { api_key: true }],
    ['auth', { jwt: true }],
    ['auth', { jwt: { required_scopes: ['write'] } }],
    ['auth', { jwt: true, require: false }],
    ['upstream', 'a'],
    ['upstream', 'b'],
    ['path', '/public/*'],
    ['path', '/public/deep/*'],
    ['path', '/:any/1'],
    ['path', '/*'],
    ['host', 'api.test'],
    ['host', undefined],
    ['methods', ['GET', 'POST']],
    ['methods', ['DELETE']],
    ['methods', undefined],
    ['priority', 5],
    ['strip_prefix', true],
    ['add_prefix', '/v2'],
    ['rewrite', { path: '/fixed' }],
    ['timeout', '100ms'],
    ['rate_limit', { rate: '2/h', burst: 2 }],
    ['rate_limit', undefined],
    ['preserve_host', false],
    ['allow_encoded_slash', true],
    ['headers', { 'X-Beta': 'yes' }],
    ['headers', { 'X-Beta': 'no' }],
    ['headers', undefined],
    ['id', 'renamed'],
  ),
});

const routeEdits = routeEdit.map(({ at, option: [name, value] }): Edit => {
  return [
    `routes[${at}].${name} = ${JSON.stringify(value)}`,
    (file) => put(file.routes[at % file.routes.length], name, value),
  ];
});

function put(parent: FileObject, name: string, value: unknown): void {
  if (value === undefined) delete parent[name];
  else parent[name] = value;
}

const other = fc.constantFrom<Edit>(
  ['first key', (f) => (f.middleware.auth.api_key.keys[0].key = 'another-key-0123456789abcdef0123')],
  ['no second key', (f) => f.middleware.auth.api_key.keys.splice(1, 1)],
  ['name of a key', (f) => (f.middleware.auth.api_key.keys[1].name = 'deploy')],
  ['keys in another order', (f) => f.middleware.auth.api_key.keys.reverse()],
  ['expired key', (f) => (f.middleware.auth.api_key.keys[0].expires = '2020-01-01')],
  ['addresses of a key', (f) => (f.middleware.auth.api_key.keys.at(-1).allowed_ips = ['127.0.0.1'])],
  ['limit of a key', (f) => (f.middleware.auth.api_key.keys[0].rate_limit = '3/h')],
  ['header of keys', (f) => (f.middleware.auth.api_key.header = 'X-Other-Key')],
  ['header of the name', (f) => (f.middleware.auth.api_key.claims_to_headers.name = 'X-App')],
  ['forwarded key', (f) => (f.middleware.auth.api_key.forward_credentials = true)],
  ['realm', (f) => (f.middleware.auth.api_key.realm = 'other')],
  ['secret', (f) => (f.middleware.auth.jwt.secret = `${SECRET}x`)],
  ['audience', (f) => (f.middleware.auth.jwt.audience = ['web', 'api'])],
  ['issuer', (f) => (f.middleware.auth.jwt.issuer = 'https://other.example')],
  ['leeway', (f) => (f.middleware.auth.jwt.leeway = '1m')],
  ['algorithm', (f) => (f.middleware.auth.jwt.algorithm = 'HS512')],
  ['claims', (f) => (f.middleware.auth.jwt.required_claims = ['email'])],
  ['subject', (f) => (f.middleware.auth.jwt.subject_claim = 'email')],
  ['no header of a claim', (f) => delete f.middleware.auth.jwt.claims_to_headers.email],
  ['stopped token', (f) => (f.middleware.auth.jwt.forward_credentials = false)],
  ['size of a token', (f) => (f.middleware.auth.jwt.max_token_size = 256)],
  ['proxies', (f) => (f.trusted_proxies = ['10.9.0.0/16'])],
  ['no request id', (f) => delete f.logging.request_id],
  ['log level', (f) => (f.logging.level = 'error')],
  ['origins', (f) => (f.cors.allowed_origins = ['https://other.example'])],
  ['no CORS', (f) => delete f.cors],
  ['age of a preflight', (f) => (f.cors.max_age = 5)],
  ['rate', (f) => (f.rate_limit.rate = '10/h')],
  ['burst', (f) => (f.rate_limit.burst = 6)],
  ['key of the limit', (f) => (f.rate_limit.key = 'ip')],
  ['quota', (f) => (f.rate_limit.quotas[0].limit = 7)],
  ['exemption', (f) => (f.rate_limit.exemptions = [{ type: 'path', values: ['/public/*'] }])],
  ['no limit', (f) => delete f.rate_limit],
  ['endpoints', (f) => (f.upstreams[0].endpoints = f.upstreams[1].endpoints)],
  ['balancer', (f) => (f.upstreams[0].load_balancer = 'random')],
  ['read timeout', (f) => (f.upstreams[0].timeout = { read: '150ms' })],
  ['segments', (f) => (f.max_path_segments = 3)],
  ['routes in another order', (f) => f.routes.reverse()],
  ['first route last', (f) => f.routes.push(f.routes.shift())],
  ['no first route', (f) => f.routes.shift()],
  ['no last route', (f) => f.routes.pop()],
  ['no ids', (f) => f.routes.forEach((route: FileObject) => delete route.id)],
  ['upstreams in another order', (f) => f.upstreams.reverse()],
  [
    'name of an upstream',
    (f) => {
      for (const each of [...f.upstreams, ...f.routes]) {
        if (each.name === 'a') each.name = 'first';
        if (each.upstream === 'a') each.upstream = 'first';
      }
    },
  ],
  ['new public route', (f) => f.routes.push({ overlap: true, path: '/keys/1', upstream: 'b', auth: 'none' })],
  [
    'new guarded route',
    (f) => f.routes.push({ overlap: true, path: '/public/deep/*', upstream: 'b', auth: { jwt: true } }),
  ],
);

/** One to three edits. */
export const randomEdits = fc.array(fc.oneof(routeEdits, other), { minLength: 1, maxLength: 3 });
