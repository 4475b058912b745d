/** `oauth.distributed`: the Redis in which several instances share what they were told of tokens. */
import { z } from 'zod';
import { plainText } from '../../lib/fields.js';
import { parseRedisAddress } from '../../lib/redis-address.js';
import type { RedisAddress, RedisOptions } from '../../lib/redis-client.js';

const ADDRESS = 'must be host:port, or a redis:// or rediss:// URL without user, path or query';
const MIN_SECRET = 32;

const address = () =>
  z.string({ error: ADDRESS }).refine((text) => parseRedisAddress(text) !== undefined, { error: ADDRESS });

export const oauthDistributed = z
  .strictObject({
    type: z
      .enum(['redis', 'redis-cluster'], { error: 'must be redis or redis-cluster' })
      .describe('`redis` or `redis-cluster`.'),
    address: address().optional().describe('Where it is: `host:port`, or a URL; `rediss://` speaks TLS.'),
    addresses: z
      .array(address())
      .min(1, 'must not be an empty list')
      .optional()
      .describe('Some nodes of a cluster; the others are asked for.'),
    username: plainText().optional().describe('Its user, where Redis has several.'),
    password: z.string().min(1, 'must not be empty').optional().describe('Its password.'),
    db: z.int().min(0, 'must not be negative').optional().describe('Number of the database; clusters have one alone.'),
    key_prefix: z
      .string()
      .regex(/^[!-z|~]{0,128}$/, 'must be visible ASCII without braces, at most 128 characters')
      .default('loom:oauth:')
      .describe('Put before every key.'),
    ca_file: plainText()
      .optional()
      .describe('PEM of the authorities that may vouch for it, in place of the public ones.'),
    ca: z.string().optional().describe('The PEM itself, in place of `ca_file`.'),
    secret: z
      .string()
      .refine((text) => Buffer.byteLength(text) >= MIN_SECRET, { error: `must have at least ${MIN_SECRET} bytes` })
      .describe(
        'What answers are sealed with, the same for all instances; better a `${ENV}` reference. Redis holds no token, and ' +
          'what it holds is believed only if it was sealed with this.',
      ),
  })
  .superRefine((block, context) => {
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    const all = block.addresses ?? (block.address === undefined ? [] : [block.address]);
    if (all.length === 0) fault('address', 'is required');
    else if (block.address !== undefined && block.addresses)
      fault('addresses', 'stands beside address; give one of them');
    else if (block.type === 'redis' && all.length > 1)
      fault('addresses', 'must be one for redis; redis-cluster has several');
    const secure = all.map((text) => parseRedisAddress(text)?.tls);
    if (new Set(secure).size > 1) fault('addresses', 'must all speak TLS, or none');
    if (block.ca_file !== undefined && !secure.every(Boolean)) fault('ca_file', 'means nothing without rediss://');
    if (block.type === 'redis-cluster' && (block.db ?? 0) !== 0) fault('db', 'must be 0: a cluster has no other');
  });

export type OauthDistributed = z.output<typeof oauthDistributed>;

export function redisOptionsOf(block: OauthDistributed): RedisOptions {
  const { type, username, password, db, ca } = block;
  const written = block.addresses ?? (block.address === undefined ? [] : [block.address]);
  const [first, ...rest] = written.map(parseRedisAddress).filter((each): each is RedisAddress => each !== undefined);
  if (!first) throw new TypeError('oauth.distributed has no address');
  return {
    type,
    addresses: [first, ...rest],
    keyPrefix: block.key_prefix,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(db !== undefined && { db }),
    ...(ca !== undefined && { ca }),
  };
}
