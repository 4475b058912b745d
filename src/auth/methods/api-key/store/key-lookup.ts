/** Finds the key of a digest in a store: caches answers, bounds the lookups, and forgets what a notice names. */
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { SingleFlight } from '../../../../lib/single-flight.js';
import type { MaybePromise } from '../../../../lib/types.js';
import { GateClosedError, WorkGate } from '../../../../lib/work-gate.js';
import { FailureBudget } from '../../../failure-budget.js';
import { failIfDenied } from '../../../late-failures.js';
import type { MethodDeps } from '../../../method.js';
import { UnavailableError } from '../../../outcome.js';
import type { KnownKey } from '../known-key.js';
import type { StoreOptions } from '../store-options.js';
import { keyOfRecord } from './key-of-record.js';
import type { KeyRecord } from './key-record.js';
import { readRecord } from './record-schema.js';
import type { KeyNotice, KeyStore } from './key-store.js';
import { StoreState } from './store-state.js';

/** A guess is remembered for this time, so that it does not reach the store again. */
const UNKNOWN_MS = 5_000;
const MOST_UNKNOWN = 10_000;
/** Without notices a cached key counts for this time. */
const WITHOUT_NOTICES_MS = 1_000;
/** After a failure the store is asked again after this time. */
const PAUSE_MS = 500;
const GATE = { running: 32, waiting: 1_000, waitMs: 2_000 };

interface Cached {
  readonly key: KnownKey;
  readonly at: number;
}

/** One value that a request offers. */
export interface Wanted {
  readonly request: IncomingMessage;
  /** SHA-256 of the value, in hex. */
  readonly digest: string;
  /** Another auth method may accept the value, so a miss is a failure only if the request is denied. */
  readonly isShared: boolean;
}

export interface LookupParts {
  readonly store: KeyStore;
  readonly options: StoreOptions;
  /** The names of the keys of the file. A record must not have one of them. */
  readonly taken: ReadonlySet<string>;
  readonly deps: MethodDeps;
}

export class KeyLookup {
  readonly state: StoreState;
  readonly #known: LRUCache<string, Cached>;
  readonly #ids = new Map<string, string>();
  readonly #unknown = new LRUCache<string, number>({ max: MOST_UNKNOWN });
  /** The failed attempts of each address. */
  readonly budget: FailureBudget;
  readonly #gate = new WorkGate(GATE);
  #flights = new SingleFlight<KnownKey | undefined>();
  /** Counts notices. An answer that was asked before a notice is not cached after it. */
  #epoch = 0;
  #pausedUntil = 0;

  constructor(private readonly parts: LookupParts) {
    const { options, deps } = parts;
    this.state = new StoreState(deps);
    this.budget = new FailureBudget('api_key', options.throttle, deps);
    this.#known = new LRUCache({
      max: options.cache_size,
      dispose: ({ key }) => this.#ids.delete(key.record?.id ?? ''),
    });
  }

  /** The key, or undefined for an unknown value. Rejects with an UnavailableError if the store does not answer. */
  find(wanted: Wanted): MaybePromise<KnownKey | undefined> {
    const { digest } = wanted;
    const cached = this.#known.get(digest);
    if (cached && this.#age(cached) < this.#freshMs) return this.#counted('cached', cached.key);
    if ((this.#unknown.get(digest) ?? 0) > this.parts.deps.now()) return this.#counted('cached', undefined);
    return this.#ask(wanted);
  }

  /** The cached key of a digest, if it counts now. */
  peek(digest: string): KnownKey | undefined {
    const cached = this.#known.peek(digest);
    return cached && this.#age(cached) < this.#freshMs ? cached.key : undefined;
  }

  /** Asks the store again about keys in use, and returns those that are no longer what they were. */
  async recheck(keys: readonly KnownKey[]): Promise<readonly (readonly [KnownKey, KnownKey | undefined])[]> {
    const changes = keys.map(async (key): Promise<[KnownKey, KnownKey | undefined]> => {
      const digest = key.digest.toString('hex');
      try {
        return [key, await this.#flights.run(digest, () => this.#load(digest))];
      } catch {
        // The store will be asked again when it answers.
        return [key, key];
      }
    });
    return Promise.all(changes);
  }

  notice(notice: KeyNotice): void {
    if (notice.kind === 'lost') return this.state.lostNotices(notice.cause);
    this.#epoch += 1;
    this.#flights = new SingleFlight();
    this.#pausedUntil = 0;
    this.#unknown.clear();
    if (notice.kind === 'live') this.state.foundNotices();
    // No notice came for what changed while notices were lost.
    if (notice.kind === 'live' || !notice.ids) return this.#known.clear();
    for (const id of notice.ids) this.#known.delete(this.#ids.get(id) ?? '');
  }

  get #freshMs(): number {
    const { cache_ttl } = this.parts.options;
    return this.state.hasNotices ? cache_ttl : Math.min(cache_ttl, WITHOUT_NOTICES_MS);
  }

  #age({ at }: Cached): number {
    const age = this.parts.deps.now() - at;
    // A clock that was set back makes no answer younger.
    return age < 0 ? Infinity : age;
  }

  /** The budget of the address is checked first, then the request waits in turn. */
  async #ask({ request, digest, isShared }: Wanted): Promise<KnownKey | undefined> {
    try {
      const key = await this.budget.run({
        request,
        work: () => this.#flights.run(digest, () => this.#gate.run(() => this.#load(digest))),
        isFailure: (found) => found === undefined && !isShared,
      });
      if (!key && isShared) failIfDenied(request, () => this.budget.fail(request));
      return key;
    } catch (cause) {
      if (cause instanceof UnavailableError) throw cause;
      const stale = this.#stale(digest);
      if (stale) return this.#counted('stale', stale);
      throw unavailable(cause);
    }
  }

  async #load(digest: string): Promise<KnownKey | undefined> {
    const { store, deps } = this.parts;
    if (deps.now() < this.#pausedUntil) throw this.state.failure;
    const epoch = this.#epoch;
    let record: KeyRecord | undefined;
    try {
      record = await store.find(digest);
    } catch (cause) {
      this.#pausedUntil = deps.now() + PAUSE_MS;
      this.#counted('failed', undefined);
      throw this.state.failed(cause);
    }
    this.state.answered();
    const key = record && this.#read(record, digest);
    if (epoch === this.#epoch) this.#keep(digest, key);
    return this.#counted(key ? 'found' : 'unknown', key);
  }

  /** A malformed record, the record of another digest, and a record with a name of the file are no keys. */
  #read(given: KeyRecord, digest: string): KnownKey | undefined {
    const record = readRecord(given);
    if (record?.digest !== digest) return this.state.refuse('malformed', String(given.id));
    if (this.parts.taken.has(record.name)) return this.state.refuse('name_of_file', record.id);
    return keyOfRecord(record);
  }

  #keep(digest: string, key: KnownKey | undefined): void {
    const now = this.parts.deps.now();
    if (!key) {
      this.#known.delete(digest);
      this.#unknown.set(digest, now + UNKNOWN_MS);
      return;
    }
    this.#known.set(digest, { key, at: now });
    this.#ids.set(key.record?.id ?? '', digest);
  }

  /** A cached key counts until its TTL while the store is down, and for `stale_if_error` beyond. */
  #stale(digest: string): KnownKey | undefined {
    const { cache_ttl, stale_if_error } = this.parts.options;
    const cached = this.#known.get(digest);
    return cached && this.#age(cached) < cache_ttl + stale_if_error ? cached.key : undefined;
  }

  #counted<T>(outcome: 'cached' | 'found' | 'unknown' | 'stale' | 'failed', value: T): T {
    this.parts.deps.metrics?.count('loom_key_lookups_total', { outcome });
    return value;
  }
}

function unavailable(cause: unknown): UnavailableError {
  const error = cause instanceof Error ? cause : new Error('the key store failed');
  const reason = cause instanceof GateClosedError ? 'pool_full' : 'key_store_unavailable';
  return new UnavailableError({ kind: 'unavailable', reason, cause: error });
}
