/** The `rate_limit` block: how many requests a caller may send. */
import { z } from 'zod';
import { duration, headerName, plainText } from '../../lib/fields.js';
import { checkRedis, redisFields } from '../../redis/options.js';
import { templateFault } from '../../limit/template.js';
import type { LimitKeyPart } from '../../limit/keys.js';
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

/** Of a name in a list: one that two have would be one bucket of both. */
const named = () => name().describe('Its name; another name is another bucket.');

const tier = z.strictObject({
  name: named(),
  match: z
    .union(
      [
        z.strictObject({
          header: headerName().describe('An identity header.'),
          value: z.string().min(1, 'must not be empty').describe('Its value.'),
        }),
        z.strictObject({
          claim: plainText().describe('A claim, by its dotted path.'),
          value: z.string().min(1, 'must not be empty').describe('Its value, or one of the list that it is.'),
        }),
      ],
      { error: 'must be {header, value} or {claim, value}' },
    )
    .describe('Whose tier it is: the first tier that matches counts.'),
  rate: rate.rate,
  burst: rate.burst,
});

const exemption = z
  .strictObject({
    type: z
      .enum(['ip', 'header', 'path'], { error: 'must be ip, header or path' })
      .describe('`ip`, `path` or `header`.'),
    values: listOf(z.string()).optional().describe('Addresses and CIDR blocks, or path patterns.'),
    name: headerName().optional().describe('A header that a method sets.'),
    value: z.string().min(1, 'must not be empty').optional().describe('Its value.'),
  })
  .superRefine(({ type, values, name: header, value }, context) => {
    const needs = type === 'header' ? { name: header, value } : { values };
    const others = type === 'header' ? { values } : { name: header, value };
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    for (const [key, given] of Object.entries(needs)) if (given === undefined) fault(key, `is required for ${type}`);
    for (const [key, given] of Object.entries(others)) if (given !== undefined) fault(key, `means nothing for ${type}`);
  });

const quota = z.strictObject({
  name: named(),
  window: duration({ min: 1_000 }).describe(
    'As long as the limit counts; windows begin at whole multiples since 1970, UTC.',
  ),
  limit: count(1, 1_000_000_000).describe('Requests in one window.'),
  key: limitKey().optional().describe('What shares it; default: the `key` above.'),
});

const distributed = z
  .strictObject(
    redisFields({
      prefix: 'loom:limit:',
      words: 'Put before every key: files that share one Redis and not their limits have one each.',
    }),
  )
  .superRefine(checkRedis);

const templated = (text: z.ZodString) =>
  text.superRefine((value, context) => {
    const fault = templateFault(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

const response = z.strictObject({
  status: count(400, 599).default(429).describe('Its status.'),
  headers: z
    .record(headerName(), templated(z.string().regex(/^[\t\x20-\x7e]*$/, 'must be visible ASCII')))
    .default({})
    .describe('Its headers, beside those of the limit. A header of the same name replaces one of the limit.'),
  body: templated(z.string())
    .default('')
    .describe(
      'Its body. `{{.RetryAfter}}`, `{{.Limit}}`, `{{.Remaining}}` and `{{.Reset}}` become numbers, here and in `headers`.',
    ),
});

export const rateLimit = z
  .strictObject({
    enabled: flag().default(true).describe('false: no global limit.'),
    rate: rate.rate.optional(),
    burst: rate.burst,
    key: limitKey()
      .default('identity')
      .describe('What shares one bucket: `ip`, `identity`, `path`, `header:NAME`, `jwt:CLAIM`.'),
    tiers: listOf(tier).optional().describe('Other rates for some callers, in place of the one above.'),
    exemptions: listOf(exemption)
      .optional()
      .describe('Who has no limit of this block nor of a route; a key keeps its own.'),
    quotas: listOf(quota).optional().describe('Limits of long windows, besides every other limit.'),
    distributed: distributed
      .optional()
      .describe(
        'Counts together with other instances, in Redis; needs the package `ioredis`. Default: each for itself.',
      ),
    response: response.optional().describe('The response above a limit. Default: 429, as problem+json.'),
    on_store_error: z
      .enum(['local', 'deny', 'allow'], { error: 'must be local, deny or allow' })
      .default('local')
      .describe(
        'While Redis does not answer: `local` limits of each instance, `deny` (503), or `allow` without limits.',
      ),
  })
  .refine(
    (block) => !block.enabled || block.rate !== undefined || (block.quotas && !block.tiers) || isStoreAlone(block),
    {
      path: ['rate'],
      error: 'is required',
    },
  );

/** For the limits of routes and keys alone. */
function isStoreAlone({
  distributed: shared,
  tiers,
}: {
  readonly distributed?: unknown;
  readonly tiers?: unknown;
}): boolean {
  return shared !== undefined && tiers === undefined;
}

export type RateLimitBlock = z.output<typeof rateLimit>;
