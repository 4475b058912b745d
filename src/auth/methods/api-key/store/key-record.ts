/** The record of one API key in a store: what it may do, and from when until when. Never the key itself. */
import { z } from 'zod';
import { parseBlock } from '../../../../lib/address.js';
import type { Rate } from '../../../identity.js';

/**
 * A record of a key store. Times are milliseconds since the Unix epoch.
 *
 * @example
 * import type { KeyRecord } from 'loom-auth';
 *
 * export const isActive = ({ revoked, expires = Infinity }: KeyRecord): boolean =>
 *   revoked === undefined && Date.now() < expires;
 */
export interface KeyRecord {
  /** A UUID. */
  readonly id: string;
  /** The subject of the identity, 1 to 256 characters. Several keys of one name are one caller. */
  readonly name: string;
  /** SHA-256 of the key, as 64 hex digits in lower case. */
  readonly digest: string;
  /** The first characters after the label of the key, for people. Empty if they would help to guess the key. */
  readonly hint: string;
  /** When the key was created. */
  readonly created: number;
  /** The key is refused from this time on. Absent: it does not expire. */
  readonly expires?: number;
  /** The key is refused before this time. Absent: it is valid at once. */
  readonly not_before?: number;
  /** When the key was revoked. Absent: it is not revoked. */
  readonly revoked?: number;
  /** The id of the key that replaces this key. */
  readonly replaced_by?: string;
  /** A replaced key is refused from this time on. */
  readonly grace_until?: number;
  /** The scopes of the identity. */
  readonly scopes: readonly string[];
  /** The claim `metadata` of the identity. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The rate limit of the key alone. Absent: the limits of the file. */
  readonly rate_limit?: Rate;
  /** Addresses and CIDR blocks that may use the key. Absent: all. An empty list: none. */
  readonly allowed_ips?: readonly string[];
  /** The last use, up to one minute late. Absent: the key was never used. */
  readonly last_used?: number;
}

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

export type KeyState = 'active' | 'not_yet_valid' | 'expired' | 'replaced' | 'revoked';

/** The state of a key at a time. */
export function stateOf(key: KeyRecord, nowMs: number): KeyState {
  if (key.revoked !== undefined) return 'revoked';
  if (key.grace_until !== undefined && nowMs >= key.grace_until) return 'replaced';
  if (key.expires !== undefined && nowMs >= key.expires) return 'expired';
  return key.not_before !== undefined && nowMs < key.not_before ? 'not_yet_valid' : 'active';
}

/** The time from which on the key is refused, or Infinity. */
export function endOf({ revoked, grace_until = Infinity, expires = Infinity }: KeyRecord): number {
  return revoked === undefined ? Math.min(grace_until, expires) : 0;
}
