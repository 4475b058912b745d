/** The `oauth.distributed` block: the Redis server in which instances share introspection results. */
import { z } from 'zod';
import { checkRedis, redisFields } from '../../../redis/options.js';

const MIN_SECRET = 32;

export const oauthDistributed = z
  .strictObject({
    ...redisFields({ prefix: 'loom:oauth:', words: 'Put before every key.' }),
    ca: z.string().optional().describe('The PEM itself, in place of `ca_file`.'),
    secret: z
      .string()
      .refine((text) => Buffer.byteLength(text) >= MIN_SECRET, { error: `must have at least ${MIN_SECRET} bytes` })
      .describe(
        'What answers are sealed with, the same for all instances; better a `${ENV}` reference. Redis holds no token, and ' +
          'what it holds is believed only if it was sealed with this.',
      ),
  })
  .superRefine(checkRedis);

export type OauthDistributed = z.output<typeof oauthDistributed>;
