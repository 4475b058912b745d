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
    })
    // A database would store another name.
    .refine((text) => text.isWellFormed(), { error: 'must not have half of a surrogate pair' });

/** Readers of JSON, of claims and of headers go down by recursion, and a customer may choose the metadata. */
const MOST_LEVELS = 32;

/** Whether a value has few levels, and no member that sets a prototype where it is copied. */
function isPlain(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0 || Object.hasOwn(value, '__proto__')) return false;
  return Object.values(value).every((each) => isPlain(each, levels - 1));
}

/** JSON refuses circles, and a value that is too deep for it. */
function isSmall(value: unknown): boolean {
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text !== 'string' || Buffer.byteLength(text) <= MOST_METADATA_BYTES;
  } catch {
    return false;
  }
}

export const metadataObject = () =>
  z
    .unknown()
    .refine(isSmall, { error: `must be JSON of at most ${MOST_METADATA_BYTES} bytes`, abort: true })
    .refine((value) => isPlain(value, MOST_LEVELS), {
      error: `must have at most ${MOST_LEVELS} levels, and no member named __proto__`,
    })
    .pipe(z.record(z.string().min(1).max(128), z.json()));

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
 * count as no condition. The result is a copy without getters.
 */
export function readRecord(given: unknown): KeyRecord | undefined {
  return readOrFault(given).record;
}

/** Why a record would be refused, or undefined. */
export function recordFault(given: unknown): string | undefined {
  return readOrFault(given).fault;
}

function readOrFault(given: unknown): { readonly record?: KeyRecord; readonly fault?: string } {
  try {
    const read = record.safeParse(given);
    if (read.success) return { record: read.data };
    const [issue] = read.error.issues;
    return { fault: `${issue?.path.join('.')}: ${issue?.message}` };
  } catch {
    // A getter of the host threw.
    return { fault: 'cannot be read' };
  }
}

/** The id of a record that may be malformed, for the log. */
export function idOf(given: unknown): string {
  try {
    const { id } = given as { readonly id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}
