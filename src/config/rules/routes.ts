/** The pages of the rules about routes. */
import { API_KEY, auth, KEYS_GUARD_ALL, page, type RulePage } from './example.js';

const UPSTREAMS =
  'upstreams: [{ name: orders, endpoints: ["127.0.0.1:9001"] }, { name: site, endpoints: ["127.0.0.1:9002"] }]\n';
const routes = (...items: readonly string[]): string =>
  `${auth(API_KEY)}routes:\n${items.map((item) => `  - { ${item} }\n`).join('')}`;
/** With listeners, so that no other route takes what these leave. */
const served = (...items: readonly string[]): string =>
  `listeners: [{ address: ":8080" }]\n${UPSTREAMS}${routes(...items)}`;
const ORDERS = 'path: /orders/*, upstream: orders, auth: { api_key: true }';
const REPORTS = 'path: /reports/*, upstream: orders, auth: { api_key: true }';
const INDEX = 'path: "/:area/index", upstream: site, auth: none';

export const ROUTE_PAGES = {
  duplicate_route: page(
    'Only one of the two routes gets the requests. The other route has no effect.',
    routes('path: /orders, auth: { api_key: true }', 'path: /orders, auth: { api_key: true }'),
    routes('path: /orders, auth: { api_key: true }'),
  ),
  never_matches: page(
    'Loom removes identity headers from requests before it chooses a route, so the condition is never true.',
    `${auth(API_KEY.replace('}] }', '}], claims_to_headers: { name: X-User } }'))}routes:\n  - { path: /orders, auth: { api_key: true }, headers: { X-User: orders } }\n`,
    `${auth(API_KEY.replace('}] }', '}], claims_to_headers: { name: X-User } }'))}routes:\n  - { path: /orders, auth: { api_key: { names: [orders] } } }\n`,
  ),
  no_upstreams: page(
    'A host application answers the requests itself. The name of the upstream has no effect.',
    routes('path: /orders, auth: { api_key: true }, upstream: orders'),
    routes('path: /orders, auth: { api_key: true }'),
  ),
  public_catch_all: page(
    'A new path of the upstream is public until the file has a route for it.',
    served(ORDERS, 'path: /*, upstream: site, auth: none'),
    served(ORDERS, 'path: /assets/*, upstream: site, auth: none'),
  ),
  public_route: page(
    'A route without `auth` may be public by mistake.',
    'routes: [{ path: /public }]\n',
    'routes: [{ path: /public, auth: none }]\n',
  ),
  reload_opens: page(
    'A change of the file must not open a guarded path by accident. The old file stays in use.',
    served(ORDERS, INDEX),
    served(ORDERS, INDEX, REPORTS),
    { before: served(ORDERS, INDEX, REPORTS) },
  ),
  reload_weakens: page(
    'A guarded path that loses its route matches a wider route, which may admit other callers.',
    `${auth(API_KEY, 'basic: { users: [{ username: ops, password_hash: "${OPS_HASH}" }] }')}routes:\n  - { path: /*, auth: { api_key: true } }\n  - { path: /ops, auth: { basic: true } }\n`,
    `${auth(API_KEY, 'basic: { users: [{ username: ops, password_hash: "${OPS_HASH}" }] }')}routes:\n  - { path: /*, auth: { api_key: true } }\n  - { path: /ops, auth: { basic: true } }\n  - { path: /admin/*, auth: { basic: true } }\n`,
    {
      before: `${auth(API_KEY, 'basic: { users: [{ username: ops, password_hash: "${OPS_HASH}" }] }')}routes:\n  - { path: /*, auth: { api_key: true } }\n  - { path: /ops, auth: { basic: true } }\n  - { path: /admin/*, auth: { basic: true } }\n`,
    },
  ),
  route_hidden: page(
    'Requests that the author meant for this route get the rules of another one.',
    routes(
      'path: /orders, auth: { api_key: true }',
      'path: /orders, auth: { api_key: true }, headers: { X-Version: "2" }',
    ),
    routes(
      'path: /orders, auth: { api_key: true }, headers: { X-Version: "2" }',
      'path: /orders, auth: { api_key: true }',
    ),
  ),
  route_overlap: page(
    'The upstream may read a path of one route as a path of the other route, which is guarded more strictly.',
    served(
      ORDERS,
      'path: /*, host: shop.example.com, upstream: orders, auth: none',
      'path: /about, upstream: site, auth: none',
    ),
    served(ORDERS, 'path: /about, upstream: site, auth: none'),
  ),
  route_partly_hidden: page(
    'Some paths of the guarded route get the rules of the public route.',
    routes('path: "/:section/index", auth: none, priority: 10', 'path: /orders/*, auth: { api_key: true }'),
    routes('path: "/:section/index", auth: none', 'path: /orders/*, auth: { api_key: true }'),
  ),
  unknown_upstream: page(
    'A route to an upstream that does not exist would answer 502.',
    served(ORDERS, 'path: /about, upstream: sites, auth: none', 'path: /, upstream: site, auth: none'),
    served(ORDERS, 'path: /about, upstream: site, auth: none', 'path: /, upstream: site, auth: none'),
  ),
  unused: page(
    'A method or upstream that nothing uses is often a route that lost its `auth`.',
    `${KEYS_GUARD_ALL.replace('    chain', '    basic: { users: [{ username: ops, password_hash: "${OPS_HASH}" }] }\n    chain')}`,
    KEYS_GUARD_ALL,
  ),
  unused_opens: page(
    'An entry that opens nothing now would open a path later without a review.',
    `${KEYS_GUARD_ALL}opens: ["/reports"]\nroutes: [{ path: /health, auth: none }]\n`,
    `${KEYS_GUARD_ALL}routes: [{ path: /health, auth: none }]\n`,
  ),
} satisfies Readonly<Record<string, RulePage>>;
