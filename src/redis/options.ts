/** The fields with which a block of the file describes a Redis server, its address, and the options for the client. */
import { z } from 'zod';
import { hostOf } from '../lib/address.js';
import { plainText } from '../lib/fields.js';
import type { RedisAddress, RedisOptions } from './client.js';

const DEFAULT_PORT = 6_379;

/**
 * The address in `host:port`, `redis://host:port` or `rediss://host:port`. Undefined for other text, such as a URL with a
 * user and password: messages quote the address.
 *
 * @example parseRedisAddress('rediss://redis.internal') // { host: 'redis.internal', port: 6379, tls: true }
 */
function parseRedisAddress(text: string): RedisAddress | undefined {
  const [, scheme = 'redis://', authority = ''] = /^(rediss?:\/\/)?([^/?#@\s]+)\/?$/.exec(text) ?? [];
  const written = `http://${authority}/`;
  if (authority === '' || !URL.canParse(written)) return undefined;
  const url = new URL(written);
  const { port } = url;
  // The URL parser drops port 80, the default of http.
  const given = port !== '' ? Number(port) : authority.endsWith(':80') ? 80 : DEFAULT_PORT;
  if (given === 0) return undefined;
  return { host: hostOf(url), port: given, tls: scheme === 'rediss://' };
}

const ADDRESS = 'must be "host:port", or a URL such as "rediss://redis.internal:6379", without a password';

const address = () =>
  z.string({ error: ADDRESS }).refine((text) => parseRedisAddress(text) !== undefined, { error: ADDRESS });

/** `prefix` is the default of `key_prefix`, `words` its description. */
export const redisFields = ({ prefix, words }: { readonly prefix: string; readonly words: string }) => ({
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
    .default(prefix)
    .describe(words),
  ca_file: plainText()
    .optional()
    .describe('PEM of the authorities that may vouch for it, in place of the public ones.'),
});

/** A parsed block with these fields. */
export type RedisBlock = z.output<z.ZodObject<ReturnType<typeof redisFields>>>;

const writtenIn = ({ address: one, addresses }: Pick<RedisBlock, 'address' | 'addresses'>): readonly string[] =>
  addresses ?? (one === undefined ? [] : [one]);

/** Checks the fields together; for `superRefine`. */
export function checkRedis(block: RedisBlock, context: z.core.$RefinementCtx): void {
  const fault = (key: keyof RedisBlock, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message, input: block });
  const all = writtenIn(block);
  if (all.length === 0) fault('address', 'is required');
  else if (block.address !== undefined && block.addresses)
    fault('addresses', 'stands beside address; give one of them');
  else if (block.type === 'redis' && all.length > 1)
    fault('addresses', 'must be one for redis; redis-cluster has several');
  const secure = all.map((text) => parseRedisAddress(text)?.tls);
  if (new Set(secure).size > 1) fault('addresses', 'must all speak TLS, or none');
  if (block.ca_file !== undefined && !secure.every(Boolean)) fault('ca_file', 'means nothing without rediss://');
  if (block.type === 'redis-cluster' && (block.db ?? 0) !== 0) fault('db', 'must be 0: a cluster has no other');
}

/** `ca` is the content of `ca_file`. The password is not enumerable, so that printed options do not show it. */
export function redisOptionsOf(block: RedisBlock, ca: string | undefined): RedisOptions | undefined {
  const { type, username, password, db } = block;
  const [first, ...rest] = writtenIn(block)
    .map(parseRedisAddress)
    .filter((each): each is RedisAddress => each !== undefined);
  if (!first) return undefined;
  const options: RedisOptions = {
    type,
    addresses: [first, ...rest],
    keyPrefix: block.key_prefix,
    ...(username !== undefined && { username }),
    ...(db !== undefined && { db }),
    ...(ca !== undefined && { ca }),
  };
  return password === undefined ? options : Object.defineProperty(options, 'password', { value: password });
}
