/** The record of one API key in a store: what it may do, and from when until when. Never the key itself. */
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
