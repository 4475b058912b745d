/** A file with every kind of option, and the files that it names. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFile } from '../../src/config/index.js';
import type { Plan } from '../../src/config/plan-types.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { fromWat, pluginWat } from '../support/wat.js';

/** A file as an object that tests edit. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests edit it at any depth
export type FileObject = any;

export const SECRETS = {
  key: 'key-of-the-first-client-0123456789',
  otherKey: 'key-of-the-second-client-0123456789',
  secret: 'shared-secret-of-the-issuer-0123456789abcdef',
  clientSecret: 'client-secret-of-the-introspection-01234567',
  config: 'configuration-of-the-plugin-0123456789',
  token: 'token-of-the-admin-address-0123456789',
  redis: 'password-of-the-redis-server-0123456789',
  condition: 'value-of-a-condition-0123456789',
  hash: '$2b$10$4CuUbtpVRbM38wzDxpd2a.eMRHDEI0v6dbk.b4YiVmabz5y27gwA.',
} as const;

export class Folder {
  private constructor(readonly certificates: Certificates) {}

  static async open(): Promise<Folder> {
    const folder = new Folder(await makeCertificates());
    copyFileSync(folder.certificates.ca, folder.path('ca.pem'));
    writeFileSync(folder.path('filter.wasm'), await fromWat(pluginWat()));
    return folder;
  }

  path(name: string): string {
    return join(this.certificates.dir, name);
  }

  /** The plan of a file in this folder. */
  plan(config: object): Plan {
    return compileFile({ config, file: this.path('loom.yaml') }, { mode: 'serve', env: {} }).plan;
  }

  remove(): Promise<void> {
    return this.certificates.remove();
  }

  full(): FileObject {
    const { server, crl } = this.certificates;
    const tls = { cert_file: server.cert, key_file: server.key, client_auth: 'request', ca_file: 'ca.pem' };
    return {
      listeners: [
        { name: 'inside', address: '127.0.0.1:8080', read_timeout: '31s', write_timeout: '32s', idle_timeout: '61s' },
        { address: '127.0.0.1:8443', tls: { ...tls, crl_file: crl, client_cert_headers: { subject: 'X-Subject' } } },
        { address: '127.0.0.1:8444', proxy_protocol: { from: ['10.0.1.0/24'] } },
        { address: 'unix:/run/loom.sock', mode: '0660' },
      ],
      trusted_proxies: ['10.0.0.0/8'],
      client_ip_header: { name: 'CF-Connecting-IP', from: ['192.0.2.0/24'] },
      trusted_headers: ['X-Forwarded-User'],
      max_path_segments: 40,
      health: { path: '/healthz' },
      shutdown: { delay: '5s', timeout: '20s' },
      logging: { level: 'warn', request_id: { header: 'X-Request-ID', generate: true } },
      admin: { address: '127.0.0.1:9091', auth: { type: 'bearer', bearer: { token: SECRETS.token } } },
      metrics: { enabled: true },
      tracing: { enabled: true, sample_rate: 0.5 },
      cors: { allowed_origins: ['https://page.example'], allowed_headers: ['Content-Type'], max_age: 60 },
      rate_limit: limits(),
      plugins: [{ name: 'filter', path: 'filter.wasm', config: SECRETS.config, upstreams: ['backend'] }],
      middleware: { auth: auth() },
      routes: routes(),
      upstreams: upstreams(),
    };
  }
}

const limits = (): object => ({
  rate: 100,
  burst: 200,
  key: 'identity',
  tiers: [{ name: 'gold', match: { claim: 'tier', value: 'gold' }, rate: 500 }],
  quotas: [{ name: 'daily', window: '24h', limit: 1_000 }],
  exemptions: [
    { type: 'ip', values: ['127.0.0.9'] },
    { type: 'path', values: ['/free/*'] },
  ],
  distributed: { type: 'redis', address: '127.0.0.1:6379', password: SECRETS.redis },
  response: { status: 429, headers: { 'X-Limited': 'yes' }, body: 'slow down' },
});

const auth = (): object => ({
  api_key: {
    header: 'X-API-Key',
    keys: [
      { name: 'ci', key: SECRETS.key, rate_limit: '100/m', allowed_ips: ['127.0.0.0/8'] },
      { name: 'cd', key: SECRETS.otherKey, expires: '2090-01-31' },
    ],
    claims_to_headers: { name: 'X-Client' },
  },
  basic: { realm: 'people', users: [{ username: 'ada', password_hash: SECRETS.hash }], throttle: { failures: 7 } },
  jwt: {
    issuers: [
      { name: 'own', issuer: 'https://own.example', audience: 'api', secret: SECRETS.secret, algorithm: 'HS256' },
      { issuer: 'https://other.example', audience: 'api', jwks_url: 'https://other.example/jwks' },
    ],
    leeway: '20s',
    claims_to_headers: { sub: 'X-User', email: 'X-Email' },
  },
  oauth: {
    header: 'X-Opaque',
    introspection_url: 'https://id.example/introspect',
    client_id: 'loom',
    client_secret: SECRETS.clientSecret,
    audience: 'api',
    timeout: '3s',
  },
});

const routes = (): object[] => [
  { id: 'admin', path: '/admin/*', upstream: 'backend', auth: { basic: true }, plugins: ['filter'] },
  {
    id: 'orders',
    host: 'api.example.com',
    path: '/orders/*',
    methods: ['GET', 'POST'],
    upstream: 'backend',
    auth: { jwt: { required_scopes: ['read'] } },
    timeout: '5s',
    rate_limit: { rate: 5, burst: 10 },
    retries: 1,
    strip_prefix: true,
    add_prefix: '/v1',
  },
  {
    id: 'beta',
    path: '/mixed/*',
    headers: { 'X-Beta': SECRETS.condition },
    upstream: 'second',
    auth: { api_key: { names: ['ci'] } },
  },
  { id: 'mixed', path: '/mixed/*', upstream: 'backend', auth: { api_key: { names: ['ci'] } } },
  { id: 'both', path: '/both', upstream: 'second', auth: { methods: ['api_key', 'oauth'], require_any: true } },
  { id: 'certified', path: '/certified', upstream: 'second', auth: { mtls: true } },
  { id: 'old', path: '/old/*', upstream: 'second', rewrite: { path: '/new' }, auth: 'none', preserve_host: false },
  { id: 'docs', path: '/docs/*', upstream: 'second', auth: 'none', priority: 1 },
];

const upstreams = (): object[] => [
  {
    name: 'backend',
    endpoints: ['https://127.0.0.1:9001', 'https://127.0.0.1:9002'],
    weights: [1, 3],
    load_balancer: 'weighted',
    health_check: { path: '/up', interval: '7s' },
    circuit_breaker: { failure_threshold: 4 },
    retry: { max_retries: 2, backoff_base: '50ms' },
    timeout: { connect: '2s', write: '9s', idle: '1h' },
    pool: { max_idle: 10, max_open: 20, idle_timeout: '10s', max_lifetime: '8m' },
    tls: { enabled: true, ca_file: 'ca.pem' },
  },
  { name: 'second', endpoints: ['127.0.0.1:9003', 'unix:/run/app.sock'] },
  { name: 'named', endpoints: ['api.example:9004'], dns: { refresh: '9s', servers: ['192.0.2.53'] } },
];
