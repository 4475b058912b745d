/** Routes as the plan has them. */
import type { Rate } from '../../auth/identity.js';
import type { Item } from '../blocks.js';
import type { Pattern } from '../pattern.js';
import { parsePattern } from '../pattern.js';
import type { FieldMatch, PlannedRoute } from '../plan-types.js';
import type { RouteBlock } from '../schema/routes.js';
import type { RouteRequirement } from './requirement.js';

/** `burst` is the rate where the file says nothing, and one request at least. */
export function rateOf({ rate, burst }: { readonly rate: number; readonly burst?: number | undefined }): Rate {
  return { rate, perMs: 1_000, burst: burst ?? Math.max(1, Math.ceil(rate)) };
}

export function planRoute({ value: block, path }: Item<RouteBlock>, access: RouteRequirement): PlannedRoute {
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
    timeoutMs: block.timeout,
    stripPrefix: block.strip_prefix,
    ...(block.add_prefix !== undefined && { addPrefix: block.add_prefix }),
    ...(block.rewrite !== undefined && { rewritePath: block.rewrite.path }),
    allowEncodedSlash: block.allow_encoded_slash,
    allowedOrigins: block.allowed_origins ?? [],
    preserveHost: block.preserve_host,
    maxSessionMs: block.max_session,
    ...(block.rate_limit !== undefined && { rateLimit: rateOf(block.rate_limit) }),
  };
}

function fieldMatches(block: Readonly<Record<string, string>> = {}): readonly FieldMatch[] {
  return Object.entries(block).map(([name, value]) => ({ name, kind: kindOf(value), value }));
}

function kindOf(value: string): FieldMatch['kind'] {
  if (value === '*') return 'present';
  return value.startsWith('^') ? 'regex' : 'exact';
}
