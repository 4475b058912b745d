/** Random configurations, and random requests that meet them. */
import { resolve } from 'node:path';
import type { Chance } from './chance.js';
import {
  authorization,
  ISSUER,
  KEYS,
  LONG_SECRET,
  OTHER_ISSUER,
  PASSWORD_HASH,
  type Credentials,
} from './credentials.js';

const PATHS = ['/', '/a', '/a/*', '/a/:id', '/a/b/*', '/b/*', '/b/:x/c', '/*', '/a/b/c', '/caf%C3%A9/*'] as const;
const HOSTS = ['api.example.com', '*.example.com', 'other.example'] as const;
const CDN_HEADER = 'CF-Connecting-IP';
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;

/** Only a gateway of these worlds has it: an explanation by a running gate runs no plugin. */
const PLUGIN = {
  name: 'gatekeeper',
  path: resolve(__dirname, '../../../examples/wasm-plugin/auth-assemblyscript.wasm'),
  isolation: 'inline',
  timeout: '10s',
  credential_headers: ['X-API-Key'],
  identity_headers: ['X-Authenticated-User'],
};

export interface World {
  readonly file: object;
  readonly gateway: boolean;
}

export interface Places {
  readonly jwksFile: string;
  readonly htpasswd: string;
  readonly introspection: string;
}

/** A file with some of the methods and random routes. A gateway has one upstream at each route. */
export function randomWorld(chance: Chance, places: Places, ports: readonly [own: number, backend: number]): World {
  const gateway = chance.happens(0.5);
  const auth = randomAuth(chance, places);
  const names = Object.keys(auth);
  const chain = chance.some(names, 0.7);
  const chosen = chain.length > 0 ? chain : [names[0] as string];
  const requireAny = chosen.length > 1 ? { require_any: !canCombine(chosen) || chance.happens(0.8) } : {};
  const plugged = gateway && chance.happens(0.3);
  const routes = chance.some(PATHS, 0.6).map((path, at) => randomRoute(chance, { path, at, names, gateway, plugged }));
  const file = {
    ...(gateway ? listenersOf(ports) : {}),
    ...(plugged ? { plugins: [PLUGIN] } : {}),
    middleware: { auth: { ...auth, chain: chosen, ...requireAny } },
    ...(chance.happens(0.5) ? { trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] } : {}),
    ...(chance.happens(0.3) ? { client_ip_header: { name: CDN_HEADER, from: ['127.0.0.1'] } } : {}),
    ...(chance.happens(0.3) ? { cors: { allowed_origins: ['https://page.example'] } } : {}),
    routes: gateway && routes.length === 0 ? [{ id: 'all', path: '/*', upstream: 'backend' }] : routes,
  };
  return { file, gateway };
}

function listenersOf([own, backend]: readonly [number, number]): object {
  return {
    listeners: [{ name: 'plain', address: `127.0.0.1:${own}`, protocol: 'http' }],
    upstreams: [{ name: 'backend', endpoints: [`127.0.0.1:${backend}`] }],
    health: { path: '/healthz' },
  };
}

function randomAuth(chance: Chance, { jwksFile, htpasswd, introspection }: Places): Record<string, object> {
  const all: Record<string, object> = {
    api_key: {
      keys: [
        { key: KEYS.good, name: 'good' },
        { key: KEYS.old, name: 'old', expires: '2020-01-01' },
        { key: KEYS.inside, name: 'inside', allowed_ips: ['10.0.0.0/8'] },
      ],
      ...chance.one([{}, { query_param: 'key' }, { header: ['X-API-Key', 'X-Token'] }]),
      claims_to_headers: { name: 'X-Caller' },
    },
    basic: {
      ...chance.one([{ users: [{ username: 'ada', password_hash: PASSWORD_HASH }] }, { htpasswd_file: htpasswd }]),
      throttle: false,
      claims_to_headers: { username: 'X-Caller' },
    },
    jwt: {
      issuers: [
        { issuer: ISSUER, audience: 'api', jwks_file: jwksFile },
        { issuer: OTHER_ISSUER, audience: 'api', secret: LONG_SECRET, algorithms: ['HS256'] },
      ],
      claims_to_headers: { sub: 'X-User', email: 'X-Email', groups: 'X-Groups' },
      ...chance.one([{}, { query_param: 'token' }, { cookie: 'session' }, { require_exp: false }]),
      ...chance.one([{}, {}, { required_scopes: ['read'] }, { unknown_issuer: 'absent' }]),
      ...chance.one([{}, {}, { token_type: 'access_token' }, { max_token_size: '300B' }, { ignore_cnf: true }]),
    },
    oauth: {
      introspection_url: introspection,
      client_id: 'loom',
      client_secret: 'client-secret-of-the-gateway',
      throttle: false,
      claims_to_headers: { sub: 'X-User' },
    },
  };
  const names = chance.shuffled(Object.keys(all)).slice(0, 1 + Math.floor(chance.next() * 4));
  return Object.fromEntries(names.map((name) => [name, all[name] as object]));
}

interface RouteOf {
  readonly path: string;
  readonly at: number;
  readonly names: readonly string[];
  readonly gateway: boolean;
  readonly plugged: boolean;
}

function randomRoute(chance: Chance, { path, at, names, gateway, plugged }: RouteOf): object {
  return {
    id: `r${at}`,
    path,
    overlap: true,
    ...(chance.happens(0.3) ? { host: chance.one(HOSTS) } : {}),
    ...(chance.happens(0.4) ? { methods: [...new Set([chance.one(METHODS), chance.one(METHODS)])] } : {}),
    ...(chance.happens(0.1) ? { headers: { 'X-Version': '2' } } : {}),
    ...(chance.happens(0.1) ? { query: { v: '*' } } : {}),
    ...(chance.happens(0.2) ? { allow_encoded_slash: true } : {}),
    ...(chance.happens(0.2) ? { allowed_origins: ['https://page.example'] } : {}),
    ...(gateway ? { upstream: 'backend' } : {}),
    ...(gateway && chance.happens(0.3) && path.endsWith('/*') && path !== '/*' ? { strip_prefix: true } : {}),
    ...(plugged && chance.happens(0.4) ? { auth: { plugin: PLUGIN.name } } : randomRequirement(chance, names)),
  };
}

/** Two methods that read `Authorization` cannot both be required. */
const canCombine = (names: readonly string[]): boolean => names.length === 2 && names.includes('api_key');

function randomRequirement(chance: Chance, names: readonly string[]): object {
  const one = chance.one(names);
  return chance.one([
    {},
    { auth: 'none' },
    { auth: { [one]: true } },
    { auth: { require: false, methods: [...names], ...(names.length > 1 ? { require_any: true } : {}) } },
    ...(names.length > 1 ? [{ auth: { methods: [...names], require_any: true, on_invalid: 'stop' } }] : []),
    ...(canCombine(names) ? [{ auth: { methods: [...names], require_any: false } }] : []),
    ...(names.includes('jwt') ? [{ auth: { jwt: { required_scopes: ['write'] } } }] : []),
    ...(names.includes('api_key') ? [{ auth: { api_key: { names: ['inside'] } } }] : []),
  ]);
}

const PLAIN = [
  '/',
  '/a',
  '/a/',
  '/a/1',
  '/a/b',
  '/a/b/c',
  '/a/b/c/d',
  '/b/1/c',
  '/b/2',
  '/z',
  '/healthz',
  '/caf%C3%A9/1',
];
const ODD = [
  ...['/A', '/a/%62', '/a%2fb', '/a/../b', '/a/./b', '//a', '/a//b', '/a;x=1', '/a;x/b', '/a%3fb', '/a%00', '/a\\b'],
  ...['/%61', '/a/b%2fc', '/caf\u00e9/1', '*', '/a/%zz', '/a/%c0%af', '/a%23b', '/b/%2e%2e/a', '/a/.', '/\u0301a'],
];
const HOST_VALUES = ['api.example.com', 'API.example.com:80', 'x.example.com', 'other.example', 'localhost', '', 'a b'];

export interface RandomRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
}

export function randomRequest(chance: Chance, from: Credentials): RandomRequest {
  const headers: [string, string][] = [];
  const add = (probability: number, field: () => readonly [string, string]): void => {
    if (chance.happens(probability)) headers.push([...field()]);
  };
  add(0.98, () => ['Host', chance.one(HOST_VALUES.slice(0, chance.happens(0.95) ? 5 : 7))]);
  add(0.01, () => ['Host', chance.one(HOST_VALUES)]);
  add(0.6, () => ['Authorization', authorization(chance, from)]);
  add(0.03, () => ['authorization', authorization(chance, from)]);
  add(0.2, () => ['X-API-Key', chance.happens(0.8) ? KEYS.good : 'sk_example_orders']);
  add(0.2, () => [chance.one(['X-API-Key', 'x-api-key', 'X-Token', 'X-Api-Token']), chance.one(from.keys)]);
  add(0.1, () => ['Cookie', `session=${chance.one(from.tokens)}; theme=dark`]);
  add(0.2, () => ['X-Forwarded-For', chance.one(['10.1.2.3', '203.0.113.9', '203.0.113.9, 10.0.0.1', 'unknown', '1'])]);
  add(0.2, () => [
    CDN_HEADER,
    chance.one(['10.1.2.3', '203.0.113.9', '::ffff:10.1.2.3', '10.1.2.3, 1.1.1.1', 'x', '']),
  ]);
  add(0.02, () => [CDN_HEADER, '10.9.9.9']);
  add(0.1, () => [chance.one(['X-User', 'X-Caller', 'x_caller', 'X-Email']), 'admin']);
  add(0.15, () => ['Origin', chance.one(['https://page.example', 'https://evil.example', 'null'])]);
  add(0.15, () => ['Sec-Fetch-Site', chance.one(['cross-site', 'same-origin', 'none'])]);
  add(0.05, () => ['Access-Control-Request-Method', chance.one(METHODS)]);
  add(0.15, () => ['X-Version', chance.one(['2', '1'])]);
  add(0.05, () => ['Connection', chance.one(['close', 'X-User', 'Authorization', 'keep-alive, X-Caller'])]);
  add(0.03, () => ['Content-Length', chance.one(['0', '0', '0', '+1'])]);
  add(0.01, () => ['Transfer-Encoding', chance.one(['identity', 'gzip', 'chunked, identity'])]);
  add(0.02, () => ['__proto__', 'x']);
  add(0.02, () => ['X_Api_Key', KEYS.good]);
  const usual = chance.one(['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
  const method = chance.happens(0.95) ? usual : chance.one(['TRACE', 'PATCH', 'FOO', 'M-SEARCH', 'CONNECT']);
  const path = chance.one(chance.happens(0.8) ? PLAIN : ODD);
  return { method, url: `${path}${queryOf(chance, from)}`, headers: chance.shuffled(headers) };
}

function queryOf(chance: Chance, { keys, tokens }: Credentials): string {
  const key = encodeURIComponent(chance.one(keys));
  return chance.one(['', '', '', '?v=1', `?key=${key}`, `?token=${chance.one(tokens).trim()}`, `?key=${key}&key=x`]);
}
