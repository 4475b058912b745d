/** Routes as the plan has them. */
import { createRequire } from 'node:module';
import { rateOf } from '../../auth/rate.js';
import type { Item } from '../blocks.js';
import type { Pattern } from '../pattern.js';
import { parsePattern } from '../pattern.js';
import type { FieldMatch, PlannedRetry, PlannedRoute, PlannedUpstream } from '../plan-types.js';
import type { RouteBlock } from '../schema/routes.js';
import type { RouteRequirement } from './requirement.js';
import type * as Upstreams from './upstreams.js';

const require = createRequire(import.meta.url);

/** What a route takes from its upstream, and what it says itself. */
export interface Forwarding {
  /** Absent: there is none. */
  readonly upstream?: PlannedUpstream | undefined;
  /** The file gives the route a timeout. */
  readonly ownTimeout: boolean;
}

export function planRoute(
  { value: block, path }: Item<RouteBlock>,
  { access, upstream, ownTimeout }: Forwarding & { readonly access: RouteRequirement },
): PlannedRoute {
  const retry = retryOf(block, upstream?.retry);
  return {
    id: block.id ?? `routes[${path[1]}]`,
    path: block.path,
    pattern: parsePattern(block.path) as Pattern,
    ...(block.host !== undefined && { host: block.host.toLowerCase() }),
    ...(block.methods !== undefined && { methods: [...new Set(block.methods)] }),
    headers: fieldMatches(block.headers),
    query: fieldMatches(block.query),
    priority: block.priority,
    ...access,
    ...(block.upstream !== undefined && { upstream: block.upstream }),
    timeoutMs: ownTimeout ? block.timeout : (upstream?.readTimeoutMs ?? block.timeout),
    stripPrefix: block.strip_prefix,
    ...(block.add_prefix !== undefined && { addPrefix: block.add_prefix }),
    ...(block.rewrite !== undefined && { rewritePath: block.rewrite.path }),
    allowEncodedSlash: block.allow_encoded_slash,
    allowedOrigins: block.allowed_origins ?? [],
    preserveHost: block.preserve_host,
    ...(block.overlap && { overlap: true as const }),
    maxSessionMs: block.max_session,
    ...(block.rate_limit !== undefined && { rateLimit: rateOf(block.rate_limit.rate, block.rate_limit.burst) }),
    ...(retry && { retry }),
  };
}

/** Undefined where the route says nothing, and the upstream's own counts. */
function retryOf({ retries, retry_codes: codes }: RouteBlock, inherited: PlannedRetry | undefined) {
  if (retries === undefined && (codes === undefined || !inherited)) return undefined;
  const base = inherited ?? (require('./upstreams.js') as typeof Upstreams).DEFAULT_RETRY;
  return { ...base, ...(retries !== undefined && { maxRetries: retries }), ...(codes && { codes }) };
}

function fieldMatches(block: Readonly<Record<string, string>> = {}): readonly FieldMatch[] {
  return Object.entries(block).map(([name, value]) => ({ name, kind: kindOf(value), value }));
}

function kindOf(value: string): FieldMatch['kind'] {
  if (value === '*') return 'present';
  return value.startsWith('^') ? 'regex' : 'exact';
}
