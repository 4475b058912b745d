/** Checks the record of an API key as a store returned it. The types of the package must not mention zod. */
import { z } from 'zod';
import { parseBlock } from '../../../../lib/address.js';
import type { KeyRecord } from './key-record.js';

const MOST = 2 ** 53 - 1;
const time = () => z.number().int().min(0).max(MOST);
const MOST_METADATA_BYTES = 4_096;

/** RFC 6749 §3.3. */
export const scopeText = () => z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be a scope without spaces');

export const nameText = () =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(256, 'must be at most 256 characters')
    .refine((text) => text === text.trim() && !/\p{Cc}/u.test(text), {
      error: 'must not have control characters or white space around it',
    });

export const metadataObject = () =>
  z
    .record(z.string().min(1).max(128), z.json())
    .refine((value) => JSON.stringify(value).length <= MOST_METADATA_BYTES, {
      error: `must be at most ${MOST_METADATA_BYTES} bytes as JSON`,
    });

const rate = z.strictObject({
  rate: z.number().positive().max(1e9),
  perMs: z.number().int().min(1).max(MOST),
  burst: z.number().int().min(1).max(1e9),
});

const record = z.strictObject({
  id: z.uuid(),
  name: nameText(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  hint: z.string().max(16),
  created: time(),
  expires: time().exactOptional(),
  not_before: time().exactOptional(),
  revoked: time().exactOptional(),
  replaced_by: z.uuid().exactOptional(),
  grace_until: time().exactOptional(),
  scopes: z.array(scopeText()).max(256),
  metadata: metadataObject(),
  rate_limit: rate.exactOptional(),
  allowed_ips: z
    .array(z.string().refine((text) => parseBlock(text) !== undefined))
    .max(256)
    .exactOptional(),
  last_used: time().exactOptional(),
});

/**
 * Reads a record as a store returned it. Undefined if any part is malformed: a condition that cannot be read must not
 * count as no condition.
 */
export function readRecord(given: unknown): KeyRecord | undefined {
  const read = record.safeParse(given);
  return read.success ? read.data : undefined;
}
