/** The interface of a store of API keys, which SQLite, PostgreSQL and the code of a host implement. */
import type { MaybePromise } from '../../../../lib/types.js';
import type { KeyRecord } from './key-record.js';

/**
 * A change of a store. `changed`: these records changed or were added (`ids` absent: any record). `lost`: notices
 * do not arrive at the moment. `live`: notices arrive from now on.
 *
 * @example
 * import type { KeyNotice } from 'loom-auth';
 *
 * const revoked: KeyNotice = { kind: 'changed', ids: ['7d0e4c1e-9f0b-4a53-8a4b-0f3c55a0d7a1'] };
 */
export type KeyNotice =
  | { readonly kind: 'changed'; readonly ids?: readonly string[] }
  | { readonly kind: 'lost'; readonly cause: Error }
  | { readonly kind: 'live' };

/** Which records to list, ordered by `id`. */
export interface KeyQuery {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The last `id` of the previous page. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** The keys of one name that a new key replaces. */
export interface Replacing {
  readonly name: string;
  /** Milliseconds since the Unix epoch. An earlier `grace_until` stays. */
  readonly graceUntil: number;
}

/**
 * Holds the records of API keys. Each function is atomic. A store that cannot answer rejects with a
 * {@link KeyStoreError} of the code `unavailable`; Loom then answers 503 and never 401.
 *
 * @example
 * import { loom, type KeyStore } from 'loom-auth';
 *
 * export const gateWith = (keyStore: KeyStore) => loom('loom.yaml', { keyStore });
 */
export interface KeyStore {
  /** Returns the record of a digest (64 hex digits), or undefined. */
  find(digest: string): MaybePromise<KeyRecord | undefined>;
  /** Returns one page of records. */
  list(query: KeyQuery): Promise<readonly KeyRecord[]>;
  /**
   * Adds records, all or none. Rejects with `digest_taken` for a digest of the store, and with `name_taken` for a name
   * of the store that `replacing` does not name. With `replacing`, rejects with `not_found` if the store has no
   * key of the name. The other keys of the name get `replaced_by` and `grace_until`, unless they are revoked.
   */
  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void>;
  /** Sets `revoked` of one record, or of all records of a name, unless it is set. Returns the changed records. */
  revoke(which: { readonly id: string } | { readonly name: string }, atMs: number): Promise<readonly KeyRecord[]>;
  /** Sets `last_used` of records by `id`. No notice follows. */
  touch(uses: ReadonlyMap<string, number>): Promise<void>;
  /** Calls the listener at each change by any process, until the returned function is called. */
  watch(listener: (notice: KeyNotice) => void): () => void;
  close(): Promise<void>;
}

export type KeyStoreFault =
  | 'name_taken'
  | 'digest_taken'
  | 'not_found'
  /** The store does not answer, is full or is locked. */
  | 'unavailable'
  /** The store has no table of Loom, or the table of another version. */
  | 'schema'
  /** A value of the caller is malformed. */
  | 'invalid';

/**
 * The error of a key store.
 *
 * @example
 * import { KeyStoreError } from 'loom-auth';
 *
 * export const isDuplicate = (err: unknown): boolean => err instanceof KeyStoreError && err.code === 'name_taken';
 */
export class KeyStoreError extends Error {
  override readonly name = 'KeyStoreError';
  constructor(
    readonly code: KeyStoreFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function nameTaken({ name }: KeyRecord): KeyStoreError {
  return new KeyStoreError('name_taken', `the store has a key named ${JSON.stringify(name)} already`);
}

export function digestTaken({ name }: KeyRecord): KeyStoreError {
  return new KeyStoreError('digest_taken', `the store has the key of ${JSON.stringify(name)} already`);
}

export function nameUnknown(name: string): KeyStoreError {
  return new KeyStoreError('not_found', `the store has no key named ${JSON.stringify(name)}`);
}
