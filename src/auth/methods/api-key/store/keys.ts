/** The functions on the keys of a store, as a host and the commands use them. */
import type { KeyRecord } from './key-record.js';

/**
 * A time: a `Date`, milliseconds since the Unix epoch (not seconds), or an RFC 3339 date (00:00 UTC) or date-time.
 *
 * @example
 * import type { Time } from 'loom-auth';
 *
 * export const newYear: Time = '2027-01-01';
 */
export type Time = Date | number | string;

/**
 * What a new key may do.
 *
 * @example
 * import type { NewKey } from 'loom-auth';
 *
 * export const trial: NewKey = { name: 'acme', expires: '2027-01-31', scopes: ['read'], metadata: { plan: 'trial' } };
 */
export interface NewKey {
  /** The subject of the identity, 1 to 256 characters. */
  readonly name: string;
  /** Default: the key does not expire. */
  readonly expires?: Time;
  /** Default: the key is valid at once. */
  readonly not_before?: Time;
  /** Default: none. */
  readonly scopes?: readonly string[];
  /** At most 4,096 bytes as JSON, and 32 levels. Default: empty. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Requests per second, a rate such as `"1000/m"`, or `{rate, burst}`. Default: the limits of the file. */
  readonly rate_limit?: number | string | { readonly rate: number | string; readonly burst?: number };
  /** Addresses and CIDR blocks that may use the key. Default: all. */
  readonly allowed_ips?: readonly string[];
  /** The label of the key: lower-case letters, digits and single underscores. Default: `loom_live`. */
  readonly prefix?: string;
}

/**
 * A new key. The text is in no store, so it cannot be shown again.
 *
 * @example
 * import type { CreatedKey } from 'loom-auth';
 *
 * export const mailTo = ({ key, record }: CreatedKey): string => `Your key (${record.hint}…): ${key}`;
 */
export interface CreatedKey {
  /** The key itself. */
  readonly key: string;
  /** The record in the store. */
  readonly record: KeyRecord;
}

/**
 * How to rotate the key of a name.
 *
 * @example
 * import type { RotateOptions } from 'loom-auth';
 *
 * export const slowly: RotateOptions = { grace: '7d' };
 */
export interface RotateOptions {
  /** How long the old keys stay valid: a duration such as `24h`, or milliseconds. Default: `24h`. */
  readonly grace?: string | number;
  /** When the new key expires. Default: with the newest key of the name. */
  readonly expires?: Time;
  /** The label of the new key. Default: `loom_live`. */
  readonly prefix?: string;
}

/**
 * One key by its `id`, or all keys of a name.
 *
 * @example
 * import type { WhichKeys } from 'loom-auth';
 *
 * export const acme: WhichKeys = { name: 'acme' };
 */
export type WhichKeys = { readonly id: string } | { readonly name: string };

/**
 * The keys of the store of a file. Each change is written to the log, with `event: "key"`.
 *
 * @example
 * import { loom } from 'loom-auth';
 *
 * const gate = loom('loom.yaml');
 * export const signUp = async (customer: string): Promise<string> =>
 *   (await gate.keys.create({ name: customer, scopes: ['read'] })).key;
 */
export interface Keys {
  /**
   * Creates a key.
   *
   * @throws {KeyStoreError} `name_taken`: the file or the store has a key of this name; `invalid`: an option is wrong;
   *   `unavailable`, `schema`: the store cannot be used.
   */
  create(options: NewKey): Promise<CreatedKey>;
  /** Returns one page of records, ordered by `id`. Default of `limit`: 100. */
  list(query?: {
    readonly name?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<readonly KeyRecord[]>;
  /** Returns the record of an `id`, or undefined. */
  get(id: string): Promise<KeyRecord | undefined>;
  /**
   * Revokes keys. All gateways refuse them within a second, and close their upgraded sockets.
   *
   * @returns The records that were not revoked before.
   * @throws {KeyStoreError} `not_found`: the store has no such key; `invalid`: neither an id nor a name, or both.
   */
  revoke(which: WhichKeys): Promise<readonly KeyRecord[]>;
  /**
   * Creates another key of a name. The old keys stay valid for the grace period.
   *
   * @throws {KeyStoreError} `not_found`: the store has no key of this name; `invalid`: an option is wrong.
   */
  rotate(name: string, options?: RotateOptions): Promise<CreatedKey>;
  /**
   * Adds keys from elsewhere, all or none: one JSON object a line, as `export` writes them, or with `key` in place of
   * `key_hash`.
   *
   * @returns The number of keys, and warnings of keys that can be guessed.
   * @throws {KeyStoreError} `invalid`: the message names the wrong lines; `name_taken`, `digest_taken`.
   */
  import(lines: Iterable<string> | AsyncIterable<string>): Promise<Imported>;
  /** Returns each record as a JSON line, with `key_hash` in place of the key. */
  export(): AsyncIterable<string>;
}

/**
 * The outcome of an import.
 *
 * @example
 * import type { Imported } from 'loom-auth';
 *
 * export const isClean = ({ warnings }: Imported): boolean => warnings.length === 0;
 */
export interface Imported {
  /** The number of added keys. */
  readonly imported: number;
  /** One sentence for each of the first 100 keys that can be guessed, with its line, and the number of the others. */
  readonly warnings: readonly string[];
}
