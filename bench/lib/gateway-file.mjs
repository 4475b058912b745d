/** The file that our gateway runs with in every bench: a route for each method, one backend. */
import { createHash } from 'node:crypto';
import bcrypt from 'bcryptjs';

export const KEY = 'sk_bench_0123456789abcdef';
const PASSWORD = 'correct horse battery';
export const BASIC = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;

/** `cost` is that of the user's bcrypt hash; `backend` stands behind its endpoints. */
export function gatewayFile({
  port,
  upstream,
  issuer,
  cost = 4,
  routes = '',
  upstreams = '',
  listener = '',
  backend = '',
  engine = 'http-proxy-middleware',
}) {
  return `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http${listener} }]
${authBlock({ issuer, cost })}
routes:
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: ops, path: /ops/*, upstream: backend, auth: { basic: true } }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }
${routes}
proxy: { engine: ${engine} }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"]${backend} }
${upstreams}
`;
}

/** The same auth methods for a middleware in front of local handlers. */
export function localFile({ issuer, cost = 4 }) {
  return `
${authBlock({ issuer, cost })}
routes:
  - { id: keys, path: /keys/*, auth: { api_key: true } }
  - { id: internal, path: /internal/*, auth: { jwt: true } }
`;
}

function authBlock({ issuer, cost }) {
  const hash = createHash('sha256').update(KEY).digest('hex');
  return `middleware:
  auth:
    api_key:
      keys: [{ key_hash: "sha256:${hash}", name: bench }]
      claims_to_headers: { name: X-Key-Name }
    basic:
      users: [{ username: admin, password_hash: "${bcrypt.hashSync(PASSWORD, cost)}" }]
      claims_to_headers: { username: X-Operator }
    jwt:
      issuer: "${issuer.origin}"
      audience: ${issuer.audience}
      jwks_url: "${issuer.jwksUrl}"
      claims_to_headers: { sub: X-User-ID, email: X-User-Email, scope: X-User-Scopes }`;
}
