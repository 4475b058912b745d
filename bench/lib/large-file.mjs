/** Files of any size: thousands of routes, or of API keys. */
import { createHash } from 'node:crypto';

export const keyOf = (number) => `sk_bench_${String(number).padStart(8, '0')}_0123456789abcdef`;

const REQUIREMENTS = ['{ api_key: true }', '{ jwt: { required_scopes: [read] } }', '{ methods: [api_key, jwt] }'];

function route(number) {
  const more = [
    `    auth: ${number % 10 === 9 ? 'none' : REQUIREMENTS[number % REQUIREMENTS.length]}`,
    ...(number % 5 === 4 ? ['    methods: [GET, POST]'] : []),
    ...(number % 7 === 6 ? ['    host: "api.example.com"'] : []),
  ];
  const path = number % 4 === 0 ? `/team-${number % 100}/service-${number}/*` : `/service-${number}/items/:id`;
  return [`  - id: route-${number}`, `    path: ${path}`, '    upstream: backend', ...more].join('\n');
}

/** A request that the route takes. */
export function pathOf(number) {
  return number % 4 === 0 ? `/team-${number % 100}/service-${number}/x` : `/service-${number}/items/7`;
}

const hashOf = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/** `edit` changes one route and one key. `sockets` is the port of an upstream that accepts WebSockets. */
export function largeFile(given) {
  const { port, upstream, sockets, issuer, routes, keys, edit = 0, engine = 'http-proxy-middleware' } = given;
  const keyList = Array.from({ length: keys }, (_each, i) => {
    const key = i === 1 ? keyOf(`edit-${edit}`) : keyOf(i);
    return `        - key_hash: "${hashOf(key)}"\n          name: caller-${i}`;
  });
  const jwt = `
    jwt:
      issuer: "${issuer.origin}"
      audience: ${issuer.audience}
      jwks_url: "${issuer.jwksUrl}"`;
  return `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware:
  auth:${jwt}
    api_key:
      keys:
${keyList.join('\n')}
proxy: { engine: ${engine} }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"] }
  - { name: sockets, endpoints: ["127.0.0.1:${sockets}"] }
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: sockets, path: /sockets/*, upstream: sockets, auth: { api_key: true } }
  - { id: tokens, path: /tokens/*, upstream: backend, auth: { jwt: true } }
  - { id: edited, path: /edited-${edit}/*, upstream: backend, auth: { api_key: true } }
${Array.from({ length: routes }, (_each, i) => route(i)).join('\n')}
`;
}
