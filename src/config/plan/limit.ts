/** From the `rate_limit` block to the global limit, its tiers and quotas, and where they are counted. */
import { rateOf } from '../../auth/rate.js';
import { redisOptionsOf } from '../../redis/options.js';
import type { RedisOptions } from '../../redis/client.js';
import type { LimitKeyPart } from '../../limit/keys.js';
import type { Context } from '../context.js';
import type { Path } from '../report.js';
import { parsePattern } from '../pattern.js';
import type { PlannedExemptions, PlannedMethod, PlannedQuota, PlannedRateLimit, PlannedTier } from '../plan-types.js';
import { parseLimitKey, type RateLimitBlock } from '../schema/rate-limit.js';
import { readPem } from './upstreams.js';

export function planLimit(
  block: RateLimitBlock | undefined,
  methods: readonly Pick<PlannedMethod, 'places'>[],
  context: Context,
): { readonly rateLimit?: PlannedRateLimit } {
  if (!block?.enabled) return {};
  const { rate, burst, key, response, distributed } = block;
  const keyOf = keyReader(methods);
  const shared = distributed && planRedis(distributed, context);
  return {
    rateLimit: {
      ...(rate !== undefined && { rate: rateOf(rate, burst) }),
      key: keyOf(key),
      tiers: (block.tiers ?? []).map(planTier),
      quotas: (block.quotas ?? []).map((quota) => planQuota(quota, keyOf(quota.key ?? key))),
      exemptions: planExemptions(block.exemptions ?? [], context),
      ...(shared && { distributed: { redis: shared, onStoreError: block.on_store_error } }),
      ...(response && {
        response: { status: response.status, headers: Object.entries(response.headers), body: response.body },
      }),
    },
  };
}

/** Reads a key. `header:NAME` of a credential means the identity: a credential must not be part of a bucket's name. */
function keyReader(methods: readonly Pick<PlannedMethod, 'places'>[]): (text: string) => readonly LimitKeyPart[] {
  const places = methods.flatMap((method) => method.places);
  const credentials = new Set(places.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  const isCredential = (part: LimitKeyPart): boolean =>
    part.kind === 'header' && credentials.has(part.name.toLowerCase());
  return (text) => (parseLimitKey(text) ?? []).map((part) => (isCredential(part) ? { kind: 'identity' } : part));
}

type Item<Key extends 'tiers' | 'quotas' | 'exemptions'> = NonNullable<RateLimitBlock[Key]>[number];

function planTier({ name, match, rate, burst }: Item<'tiers'>): PlannedTier {
  const { value } = match;
  const by =
    'header' in match
      ? ({ kind: 'header', name: match.header, value } as const)
      : ({ kind: 'claim', path: match.claim, value } as const);
  return { name, match: by, rate: rateOf(rate, burst) };
}

function planQuota({ name, window, limit }: Item<'quotas'>, key: readonly LimitKeyPart[]): PlannedQuota {
  const rate = { rate: limit, perMs: window, burst: limit, fixed: true } as const;
  return { name, key, rate };
}

function planExemptions(items: readonly Item<'exemptions'>[], { report }: Context): PlannedExemptions {
  const paths = items.flatMap(({ type, values = [] }, at) =>
    (type === 'path' ? values : []).flatMap((text, index) => {
      const pattern = parsePattern(text);
      if (!('fault' in pattern)) return [pattern];
      const path = ['rate_limit', 'exemptions', at, 'values', index];
      report.error({ path, code: 'wrong_value', message: pattern.fault });
      return [];
    }),
  );
  return {
    addresses: items.flatMap(({ type, values = [] }) => (type === 'ip' ? values : [])),
    paths,
    headers: items.flatMap(({ name, value }) => (name === undefined || value === undefined ? [] : [{ name, value }])),
  };
}

const PLACE: Path = ['rate_limit', 'distributed'];

function planRedis(block: NonNullable<RateLimitBlock['distributed']>, context: Context): RedisOptions | undefined {
  const ca = block.ca_file === undefined ? undefined : readPem(block.ca_file, [...PLACE, 'ca_file'], context);
  return redisOptionsOf(block, ca);
}
