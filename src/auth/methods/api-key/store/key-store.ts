/** The interface of a store of API keys, which SQLite, PostgreSQL and the code of a host implement. */
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

/**
 * Which records to list, ordered by `id`.
 *
 * @example
 * import type { KeyQuery } from 'loom-auth';
 *
 * export const firstPage: KeyQuery = { limit: 100 };
 */
export interface KeyQuery {
  /** Only the record of this `id`. */
  readonly id?: string | undefined;
  /** Only the records of this name. */
  readonly name?: string | undefined;
  /** The last `id` of the previous page. */
  readonly after?: string | undefined;
  /** The greatest number of records. */
  readonly limit: number;
}

/**
 * The keys of one name that a new key replaces.
 *
 * @example
 * import type { Replacing } from 'loom-auth';
 *
 * export const tomorrow: Replacing = { name: 'acme', graceUntil: Date.now() + 86_400_000 };
 */
export interface Replacing {
  /** The name of the keys. */
  readonly name: string;
  /** Milliseconds since the Unix epoch. An earlier `grace_until` stays. */
  readonly graceUntil: number;
}

/**
 * Holds the records of API keys. Each function is atomic. A store that cannot answer rejects with a
 * {@link KeyStoreError} of the code `unavailable`; Loom then answers 503 and never 401. A `find` that does not settle
 * within five seconds counts as `unavailable` too.
 *
 * @example
 * import { loom, type KeyStore } from 'loom-auth';
 *
 * export const gateWith = (keyStore: KeyStore) => loom('loom.yaml', { keyStore });
 */
export interface KeyStore {
  /** Returns the record of a digest (64 hex digits), or undefined. */
  find(digest: string): Promise<KeyRecord | undefined> | KeyRecord | undefined;
  /** Returns one page of records. */
  list(query: KeyQuery): Promise<readonly KeyRecord[]>;
  /**
   * Adds records, all or none. Rejects with `digest_taken` for a digest of the store, and with `name_taken` for a name
   * of the store that `replacing` does not name. With `replacing`, rejects with `not_found` if the store has no
   * key of the name. The other keys of the name get `replaced_by` and `grace_until`, unless they are revoked.
   */
  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void>;
  /**
   * As `add`, for the records of an import, which may be too many for the memory. The function may read them several
   * times. Absent: Loom calls `add` with all records.
   */
  addAll?(records: Iterable<KeyRecord>): Promise<void>;
  /** Sets `revoked` of one record, or of all records of a name, unless it is set. Returns the changed records. */
  revoke(which: { readonly id: string } | { readonly name: string }, atMs: number): Promise<readonly KeyRecord[]>;
  /** Sets `last_used` of records by `id`. No notice follows. */
  touch(uses: ReadonlyMap<string, number>): Promise<void>;
  /**
   * Calls the listener at each change by any process, until the returned function is called. Begins with `live` or `lost`.
   * Without one of them Loom waits five seconds, and then caches keys for one second only.
   */
  watch(listener: (notice: KeyNotice) => void): () => void;
  /** Releases connections and timers. Loom does not call the function on a store of the host. */
  close(): Promise<void>;
}

/**
 * Why a store refused: `unavailable`: the store does not answer, is full or is locked; `schema`: the store has no table of
 * Loom, or the table of another version; `invalid`: a value of the caller is malformed.
 *
 * @example
 * import type { KeyStoreFault } from 'loom-auth';
 *
 * export const isOutage = (code: KeyStoreFault): boolean => code === 'unavailable' || code === 'schema';
 */
export type KeyStoreFault = 'name_taken' | 'digest_taken' | 'not_found' | 'unavailable' | 'schema' | 'invalid';

/**
 * The error of a key store.
 *
 * @example
 * import { KeyStoreError } from 'loom-auth';
 *
 * export const isDuplicate = (err: unknown): boolean => err instanceof KeyStoreError && err.code === 'name_taken';
 */
export class KeyStoreError extends Error {
  /** Always `KeyStoreError`. */
  override readonly name = 'KeyStoreError';
  /** Why the store refused. */
  readonly code: KeyStoreFault;
  constructor(code: KeyStoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function nameTaken({ name }: KeyRecord): KeyStoreError {
  return new KeyStoreError(
    'name_taken',
    `the store has a key named ${JSON.stringify(name)} already; rotate it to create another key`,
  );
}

export function nameOfFile(name: string): KeyStoreError {
  return new KeyStoreError('name_taken', `the file has a key named ${JSON.stringify(name)} already, or a similar name`);
}

export function digestTaken({ name }: KeyRecord): KeyStoreError {
  return new KeyStoreError('digest_taken', `the store has the key of ${JSON.stringify(name)} already`);
}

export function nameUnknown(name: string): KeyStoreError {
  return new KeyStoreError('not_found', `the store has no key named ${JSON.stringify(name)}`);
}
