/** The whole file: its blocks by name, each with its schema. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { pluginMethod } from '../../auth/methods.js';
import { headerName } from '../../lib/fields.js';
import { HOST } from '../address.js';
import type * as Opens from '../opens.js';
import type * as Cors from './cors.js';
import { count, filePath, listOf } from './fields.js';
import type * as Listeners from './listeners.js';
import type * as Logging from './logging.js';
import type * as Operations from './operations.js';
import type * as Proxies from './proxies.js';
import type * as RateLimit from './rate-limit.js';
import type * as Routes from './routes.js';
import type * as Upstreams from './upstreams.js';

const require = createRequire(import.meta.url);

const opening = () =>
  z
    .string({ error: 'must be a string: a path pattern such as "/admin/*"' })
    .superRefine((text, context) => {
      const { readOpening } = require('../opens.js') as typeof Opens;
      const read = readOpening(text, (host) => HOST.test(host));
      if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
    })
    .describe('A guarded region that a reload may open: the exact path, after a host name where only that host opens.');

/** Honest paths have few segments, and each one costs a step of matching. A head of 16 KiB could hold 8,000. */
const MOST_SEGMENTS = 256;

const maxPathSegments = () => count(1, 8_192).default(MOST_SEGMENTS);

const later = (what: string) => z.unknown().describe(`${what}: not implemented; a warning names the block.`);

const proxies = (): typeof Proxies => require('./proxies.js') as typeof Proxies;

const operations = (): typeof Operations => require('./operations.js') as typeof Operations;

/**
 * Blocks that are lists are read item by item, so that one bad route hides no other's mistakes. Schemas are slow to make,
 * so the schema of a block loads when a file has the block.
 */
export const LISTS = {
  get listeners() {
    return (require('./listeners.js') as typeof Listeners).listener;
  },
  get routes() {
    return (require('./routes.js') as typeof Routes).route;
  },
  get upstreams() {
    return (require('./upstreams.js') as typeof Upstreams).upstream;
  },
  get plugins() {
    return pluginMethod().options;
  },
  get trusted_proxies() {
    return proxies().trustedProxy();
  },
  trusted_headers: headerName(),
  opens: opening(),
} as const;

export const BLOCKS = {
  get rate_limit() {
    return (require('./rate-limit.js') as typeof RateLimit).rateLimit;
  },
  get admin() {
    return operations().admin;
  },
  get health() {
    return operations().health;
  },
  get shutdown() {
    return operations().shutdown;
  },
  get metrics() {
    return operations().metrics;
  },
  get logging() {
    return (require('./logging.js') as typeof Logging).logging;
  },
  get tracing() {
    return operations().tracing;
  },
  get cors() {
    return (require('./cors.js') as typeof Cors).cors;
  },
  get proxy() {
    return (require('./upstreams.js') as typeof Upstreams).proxy;
  },
  get dns() {
    return (require('./upstreams.js') as typeof Upstreams).dns;
  },
  get client_ip_header() {
    return proxies().clientIpHeader();
  },
  max_path_segments: maxPathSegments(),
  shadow: filePath(),
} as const;

export const MEANINGS: Readonly<Record<keyof typeof LISTS | keyof typeof BLOCKS, string>> = {
  listeners: 'Addresses that the gateway listens on.',
  routes: 'Which requests need which auth methods, and where they go.',
  upstreams: 'Servers that requests are forwarded to.',
  plugins: 'WebAssembly plugins.',
  trusted_proxies:
    'Addresses and CIDR blocks of proxies whose `X-Forwarded-*` headers are used; `unix`: of peers on Unix sockets. Default: none.',
  trusted_headers: 'Identity headers of other products that a trusted proxy may send. Default: none.',
  opens: 'Guarded paths that a reload may open.',
  rate_limit: 'The global rate limit.',
  admin: 'The address of the pages for operators.',
  health: 'A path of every listener for health checks.',
  shutdown: 'How a stop gives balancers and open requests time.',
  metrics: 'Metrics in the Prometheus format.',
  logging: 'The log.',
  tracing: 'OpenTelemetry spans.',
  cors: 'Cross-origin requests of browsers.',
  client_ip_header: 'The header in which a CDN sends the client address. Default: no header is read.',
  dns: 'When the names of endpoints are resolved again, for upstreams that do not choose. Default: never.',
  proxy: 'How requests are forwarded to upstreams that do not choose for themselves.',
  max_path_segments: 'Largest number of segments of a request path; a path with more is answered 400.',
  shadow: 'A file whose decisions are compared with those of this file, on copies of the requests. Default: none.',
};

/** Named in a warning and otherwise ignored. */
export const NOT_IMPLEMENTED = {
  cache: later('Response cache'),
  graphql: later('GraphQL'),
  ai_gateway: later('AI gateway'),
  chaos: later('Fault injection'),
  ebpf: later('eBPF'),
} as const;

/** `multi_tenancy` narrows access, so a file that has it does not load; see `unbuilt.ts`. */
export const TOP_LEVEL = [
  ...Object.keys(LISTS),
  ...Object.keys(BLOCKS),
  ...Object.keys(NOT_IMPLEMENTED),
  'middleware',
  'multi_tenancy',
] as const;

/** The file as one schema, without `middleware.auth`, which the registry of methods makes. */
export function fileSchema(auth: z.ZodType) {
  const lists = Object.entries(LISTS).map(([name, item]) => [name, listOf(item)] as const);
  const known = [...lists, ...Object.entries(BLOCKS)].map(
    ([name, block]) => [name, block.optional().describe(MEANINGS[name as keyof typeof MEANINGS])] as const,
  );
  const others = Object.entries(NOT_IMPLEMENTED).map(([name, block]) => [name, block.optional()] as const);
  return z.strictObject({
    ...Object.fromEntries([...known, ...others]),
    middleware: z.strictObject({ auth: auth.optional() }).optional().describe('The auth methods, under `auth`.'),
  });
}
