/**
 * Route tables for path tests, each with the guards of its upstream, computed without the table. Admission runs in
 * process.
 */
import type { IncomingMessage } from 'node:http';
import { contextOf } from '../../src/context/request-context.js';
import { MethodsInUse } from '../../src/auth/methods-in-use.js';
import { admit } from '../../src/admission/admit.js';
import { AdmissionPolicy } from '../../src/admission/policy.js';
import { prepareOutbound } from '../../src/admission/outbound.js';
import type { PlannedRoute } from '../../src/config/plan-types.js';
import { compile } from '../config/files.js';
import { quietLog } from './quiet-log.js';

type Demand = 'open' | 'api_key' | 'jwt';

export interface World {
  readonly name: string;
  /** YAML, in flow style. Every route has the same upstream. */
  readonly routes: readonly string[];
  /** The upstream's requirement below each prefix. The longest prefix decides. */
  readonly guards: Readonly<Record<string, Demand>>;
  /** Paths that the file treats otherwise than their prefix. The first match decides. */
  readonly singles?: readonly (readonly [paths: RegExp, demand: Demand])[];
  readonly hosts?: readonly string[];
}

const KEY = 'auth: { api_key: true }';
const JWT = 'auth: { jwt: true }';
const OPEN = 'auth: none';

export const WORLDS: readonly World[] = [
  {
    name: 'routes beside each other',
    routes: [`path: /public/*, ${OPEN}`, `path: /internal/*, ${JWT}`, `path: /api/v1/*, ${KEY}`],
    guards: { '/internal': 'jwt', '/api/v1': 'api_key' },
  },
  {
    name: 'an open catch-all, exceptions and exceptions from these',
    routes: [
      `path: /*, ${OPEN}`,
      `path: /public/*, ${OPEN}`,
      `path: /internal/*, ${JWT}`,
      `path: /internal/docs/*, ${OPEN}`,
      `path: /internal/docs/keys/*, ${KEY}`,
      `path: /api/v1/*, ${KEY}`,
      `path: "/my%20files/*", ${JWT}`,
      `path: /café/*, ${JWT}`,
    ],
    guards: {
      '/internal': 'jwt',
      '/internal/docs': 'open',
      '/internal/docs/keys': 'api_key',
      '/api/v1': 'api_key',
      '/my files': 'jwt',
      '/café': 'jwt',
    },
  },
  {
    name: 'a key for everything but what is guarded otherwise',
    routes: [`path: /*, ${KEY}`, `path: /internal/*, ${JWT}`, `path: /public/*, ${OPEN}`],
    guards: { '/': 'api_key', '/internal': 'jwt', '/public': 'open' },
  },
  {
    name: 'encoded slashes allowed',
    routes: [
      `path: /*, ${OPEN}, allow_encoded_slash: true`,
      `path: /public/*, ${OPEN}, allow_encoded_slash: true`,
      `path: /internal/*, ${JWT}`,
      `path: /internal/docs/*, ${OPEN}, allow_encoded_slash: true`,
      `path: /internal/docs/keys/*, ${KEY}`,
    ],
    guards: { '/internal': 'jwt', '/internal/docs': 'open', '/internal/docs/keys': 'api_key' },
  },
  {
    name: 'prefixes removed and added',
    routes: [
      `path: /a/docs/*, ${OPEN}, strip_prefix: true, add_prefix: /public`,
      `path: /public/*, ${OPEN}, strip_prefix: true, add_prefix: /docs/a, allow_encoded_slash: true`,
      `path: /internal/*, ${JWT}`,
      `path: /api/*, ${KEY}, strip_prefix: true, add_prefix: /api/v1`,
    ],
    guards: { '/internal': 'jwt', '/api/v1': 'api_key' },
  },
  {
    name: 'hosts that the upstream does not distinguish',
    routes: [
      `path: /a/docs/*, ${OPEN}, host: gw`,
      `path: /public/*, ${OPEN}, host: "*.gw"`,
      `path: /internal/*, ${JWT}, host: admin.gw`,
      `path: /api/v1/*, ${KEY}`,
    ],
    guards: { '/internal': 'jwt', '/api/v1': 'api_key' },
    hosts: ['gw', 'a.gw', 'admin.gw', 'x'],
  },
  {
    name: 'marks in patterns, and routes inside of routes',
    routes: [
      `path: /*, ${OPEN}`,
      `path: "/C%23/*", ${KEY}`,
      `path: "/who%3F/:id/docs", ${OPEN}`,
      `path: "/a%3Bb/*", ${JWT}`,
      `path: "/internal/:id/docs", ${OPEN}`,
      `path: /internal/*, ${JWT}`,
      `path: "/api/*/keys/*", ${OPEN}`,
      `path: /api/*, ${KEY}`,
    ],
    guards: { '/C#': 'api_key', '/a;b': 'jwt', '/internal': 'jwt', '/api': 'api_key' },
    singles: [
      [/^\/internal\/[^/]+\/docs\/?$/, 'open'],
      [/^\/api\/[^/]+\/keys(?:\/|$)/, 'open'],
    ],
  },
  {
    name: 'parameters in patterns',
    routes: [
      `path: "/:tenant/docs/*", ${OPEN}`,
      `path: /internal/*, ${JWT}`,
      `path: /internal/keys/docs, ${KEY}`,
      `path: "/internal/keys/:id", ${JWT}`,
      `path: "/api/{version}/keys/*", ${JWT}`,
      `path: /api/*, ${OPEN}`,
    ],
    guards: { '/internal': 'jwt', '/internal/keys/docs': 'api_key', '/api/v1/keys': 'jwt' },
  },
];

/** Paths of the tables, decoded. */
export const PLACES: readonly string[] = [
  ...['internal', 'internal/secret', 'internal/docs', 'internal/docs/keys', 'internal/keys/docs', 'internal/keys/7'],
  ...[
    'public',
    'public/x',
    'public/internal',
    'api/v1',
    'api/v1/keys',
    'a/docs/x',
    'x/docs/y',
    'my files/x',
    'C#/x',
    'a;b/x',
    'internal/7/docs',
    'api/v1/keys/x',
    'café/x',
    'x',
  ],
];

export interface Sent {
  readonly route: PlannedRoute;
  readonly demand: Demand;
  /** The matched path, and the path and query that the upstream receives. */
  readonly matched: string;
  readonly url: string;
}

/** The request that reaches the upstream with only an API key. `undefined` if it is refused. */
export type Forward = (target: string, host: string) => Sent | undefined;

const METHODS = `
    api_key: { keys: [{ key: key-of-alice-1234, name: alice }] }
    jwt: { issuer: "https://id.example", audience: api, secret: "a secret of thirty-two bytes or so" }`;

export function forwarding({ routes }: World): Forward {
  const { plan } = compile(`
middleware:
  auth:${METHODS}
routes:
${routes.map((route) => `  - { ${route}, upstream: backend }`).join('\n')}
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9"] }]
`);
  const deps = { now: Date.now, log: quietLog() };
  const methods = new MethodsInUse(plan.methods, {}, deps).compiled;
  const policy = new AdmissionPolicy(plan, { ...deps, methods, standalone: true });
  return (target, host) => {
    const context = contextOf(requestOf(target, host));
    const denial = admit(policy, context);
    if (denial instanceof Promise) throw new TypeError('an API key is judged at once');
    if (denial) return undefined;
    const { route, identities } = context;
    if (!route) throw new TypeError('a request that no route matches was admitted');
    const demand = route.requirement.kind === 'method' ? (route.requirement.name as Demand) : 'open';
    if (demand !== 'open' && identities.length === 0) throw new TypeError('nobody was admitted');
    return { route, demand, matched: context.target.path, url: prepareOutbound(policy, context, route) };
  };
}

function requestOf(url: string, host: string): IncomingMessage {
  const headers = { host, 'x-api-key': 'key-of-alice-1234' };
  return {
    method: 'GET',
    url,
    httpVersion: '1.1',
    headers,
    headersDistinct: { host: [host], 'x-api-key': [headers['x-api-key']] },
    rawHeaders: Object.entries(headers).flat(),
    rawTrailers: [],
    socket: { remoteAddress: '127.0.0.1', localPort: 80 },
  } as unknown as IncomingMessage;
}

/** The upstream's requirement at a path that it has derived from the received one. */
export function guardOf({ guards, singles = [] }: World, path: string): Demand {
  const single = singles.find(([paths]) => paths.test(path));
  if (single) return single[1];
  let demand: Demand = 'open';
  let longest = -1;
  for (const [prefix, each] of Object.entries(guards)) {
    const isBelow = path === prefix || path.startsWith(prefix === '/' ? '/' : `${prefix}/`);
    if (isBelow && prefix.length > longest) [demand, longest] = [each, prefix.length];
  }
  return demand;
}
