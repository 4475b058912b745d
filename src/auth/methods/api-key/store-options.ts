/** The `api_key.store` block: where keys live that are added and revoked without a reload. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { duration, plainText } from '../../../lib/fields.js';
import { throttleOption } from '../throttle-option.js';
import type * as PostgresUrl from './store/postgres-url.js';

const require = createRequire(import.meta.url);

/** Most files have no store in PostgreSQL. */
const postgresUrl = (): typeof PostgresUrl => require('./store/postgres-url.js') as typeof PostgresUrl;

/** The options that one type of store needs, and those that it does not have. */
const FIELDS = {
  sqlite: { needs: ['path'], lacks: ['url', 'ca_file'] },
  postgres: { needs: ['url'], lacks: ['path'] },
  host: { needs: [], lacks: ['path', 'url', 'ca_file'] },
} as const satisfies Readonly<Record<string, { needs: readonly string[]; lacks: readonly string[] }>>;

export const storeOptions = z
  .strictObject({
    type: z
      .enum(['sqlite', 'postgres', 'host'], { error: 'must be sqlite, postgres or host' })
      .describe(
        '`sqlite`: a file that `loom-auth keys create` makes. `postgres`: a table for several gateways; needs the package `pg`. ' +
          '`host`: the option `keyStore` of `loom()`.',
      ),
    path: plainText().optional().describe('`sqlite`: the file, relative to the Loom file.'),
    url: z
      .string()
      .superRefine((text, context) => {
        const message = postgresUrl().postgresUrlFault(text);
        if (message !== undefined) context.addIssue({ code: 'custom', message, input: text });
      })
      .optional()
      .describe(
        '`postgres`: the URL of the database; better a `${ENV}` reference. With `?sslmode=verify-full` the connection needs TLS.',
      ),
    ca_file: plainText()
      .optional()
      .describe('`postgres`: PEM file of the authorities of the server. The connection then needs TLS.'),
    ca: z.string().min(1, 'must not be empty').optional().describe('The same as PEM text, in place of a file.'),
    cache_ttl: duration({ min: 0, max: 3_600_000 })
      .prefault('30s')
      .describe('How long a key is cached. A notice of a revocation ends this time at once.'),
    cache_size: z.int().min(1).max(10_000_000).default(10_000).describe('How many keys are cached.'),
    stale_if_error: duration({ min: 0, max: 86_400_000 })
      .prefault('0s')
      .describe('How much longer than `cache_ttl` a cached key is accepted while the store does not answer.'),
    throttle: throttleOption('of an address with unknown keys'),
  })
  .superRefine((block, context) => {
    const fault = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, input: block });
    const { needs, lacks } = FIELDS[block.type];
    for (const key of needs) if (block[key] === undefined) fault(key, `is required for ${block.type}`);
    for (const key of lacks) if (block[key] !== undefined) fault(key, `has no meaning for ${block.type}; remove it`);
    const authority = block.ca_file !== undefined || block.ca !== undefined;
    if (authority && postgresUrl().hasTlsOption(block.url ?? ''))
      fault('url', 'must have no TLS option such as sslmode beside ca_file, which requires TLS; remove one of the two');
  });

export type StoreOptions = z.output<typeof storeOptions>;

/** A store, and the names of the keys of the file, which its records must not have. */
export interface StoreInUse {
  readonly options: StoreOptions;
  readonly taken: ReadonlySet<string>;
}
