/** The `rate_limit` block: how many requests a caller may send. */
import { z } from 'zod';
import { headerName, timeout } from '../../lib/fields.js';
import type { LimitKeyPart } from '../plan-types.js';
import { count, flag, listOf, name, rate } from './fields.js';

const KEY = 'must be ip, identity, path, header:NAME or jwt:CLAIM, or several of them joined by commas';

/** `header:X-User-ID,path` in parts; undefined if any part is none. */
export function parseLimitKey(text: string): readonly LimitKeyPart[] | undefined {
  const parts = text.split(',').map((part) => parsePart(part.trim()));
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

function parsePart(text: string): LimitKeyPart | undefined {
  if (text === 'ip' || text === 'identity' || text === 'path') return { kind: text };
  const [, kind, value = ''] = /^(header|jwt):(\S{1,128})$/.exec(text) ?? [];
  if (kind === 'header') return headerName().safeParse(value).success ? { kind: 'header', name: value } : undefined;
  return kind === 'jwt' ? { kind: 'claim', path: value } : undefined;
}

const limitKey = () => z.string({ error: KEY }).refine((text) => parseLimitKey(text) !== undefined, { error: KEY });

const tier = z.strictObject({
  name: name(),
  match: z.strictObject({ header: headerName(), value: z.string() }),
  rate: rate.rate,
  burst: rate.burst,
});

const exemption = z.strictObject({
  type: z.enum(['ip', 'header', 'path']),
  values: listOf(z.string()).optional(),
  name: z.string().optional(),
  value: z.string().optional(),
});

const quota = z.strictObject({
  name: name(),
  window: timeout(),
  limit: count(1, 1_000_000_000),
  key: limitKey().optional(),
});

const distributed = z.strictObject({
  type: z.enum(['redis', 'redis-cluster']),
  address: z.string().optional(),
  addresses: listOf(z.string()).optional(),
  password: z.string().optional(),
  db: count(0).optional(),
  key_prefix: z.string().optional(),
});

const response = z.strictObject({
  status: count(400, 599).default(429).describe('Its status.'),
  headers: z
    .record(headerName(), z.string().regex(/^[\t\x20-\x7e]*$/, 'must be visible ASCII'))
    .default({})
    .describe('Its headers, beside those of the limit.'),
  body: z.string().default('').describe('Its body.'),
});

export const rateLimit = z
  .strictObject({
    enabled: flag().default(true).describe('false: no global limit.'),
    rate: rate.rate.optional(),
    burst: rate.burst,
    key: limitKey()
      .default('identity')
      .describe('What shares one bucket: `ip`, `identity`, `path`, `header:NAME`, `jwt:CLAIM`.'),
    tiers: listOf(tier).optional().describe('Not built yet.'),
    exemptions: listOf(exemption).optional().describe('Not built yet.'),
    quotas: listOf(quota).optional().describe('Not built yet.'),
    distributed: distributed.optional().describe('Not built yet.'),
    response: response.optional().describe('The answer of whoever is over a limit. Default: 429, as problem+json.'),
    on_store_error: z.enum(['local', 'deny', 'allow']).optional().describe('Not built yet.'),
  })
  .refine(({ enabled, rate }) => !enabled || rate !== undefined, { path: ['rate'], error: 'is required' });

export type RateLimitBlock = z.output<typeof rateLimit>;
