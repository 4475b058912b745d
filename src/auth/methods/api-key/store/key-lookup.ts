/** Finds the key of a digest in a store: caches answers, bounds the lookups, and forgets what a notice names. */
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { clientAddressOf } from '../../../../http/client-address.js';
import { clientNetwork } from '../../../../lib/address.js';
import { ageOf, momentOf, type Moment } from '../../../../lib/moment.js';
import { SingleFlight } from '../../../../lib/single-flight.js';
import type { MaybePromise } from '../../../../lib/types.js';
import { within } from '../../../../lib/within.js';
import { GateClosedError, WorkGate } from '../../../../lib/work-gate.js';
import { FailureBudget } from '../../../failure-budget.js';
import { failIfDenied } from '../../../late-failures.js';
import type { MethodDeps } from '../../../method.js';
import { UnavailableError } from '../../../outcome.js';
import type { KnownKey } from '../known-key.js';
import type { StoreOptions } from '../store-options.js';
import { keyOfRecord } from './key-of-record.js';
import type { KeyRecord } from './key-record.js';
import { idOf, readRecord } from './record-schema.js';
import { KeyStoreError, type KeyNotice, type KeyStore } from './key-store.js';
import { StoreState } from './store-state.js';

/** A guess is remembered for this time, so that it does not reach the store again. */
const UNKNOWN_MS = 5_000;
const MOST_UNKNOWN = 10_000;
/** Without notices a cached key counts for this time. */
const WITHOUT_NOTICES_MS = 1_000;
/** After a failure the store is asked again after this time. */
const PAUSE_MS = 500;
/** A store that does not answer within this time failed. PostgreSQL and SQLite fail earlier by themselves. */
export const ANSWER_MS = 5_000;
const GATE = { running: 32, waiting: 1_000, waitMs: 2_000 };

interface Cached {
  readonly key: KnownKey;
  /** When the store was asked: what changed later is not in the answer. */
  readonly asked: Moment;
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
  /** Default: 5,000. */
  readonly answerMs?: number;
}

export class KeyLookup {
  readonly state: StoreState;
  readonly #known: LRUCache<string, Cached>;
  readonly #ids = new Map<string, string>();
  readonly #unknown = new LRUCache<string, Moment>({ max: MOST_UNKNOWN });
  /** The failed attempts of each address. */
  readonly budget: FailureBudget;
  readonly #gate = new WorkGate(GATE);
  #flights = new SingleFlight<KnownKey | undefined>();
  /** Counts notices. An answer that was asked before a notice is not cached after it. */
  #epoch = 0;
  #failed: Moment | undefined;

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
    if (this.#isWithin(UNKNOWN_MS, this.#unknown.get(digest))) return this.#counted('cached', undefined);
    return this.#ask(wanted);
  }

  /** The cached key of a digest, if it counts now. */
  peek(digest: string): KnownKey | undefined {
    const cached = this.#known.peek(digest);
    return cached && this.#age(cached) < this.#freshMs ? cached.key : undefined;
  }

  /** Asks the store again about keys in use. A digest for which the store does not answer is absent from the result. */
  async recheck(digests: readonly string[]): Promise<readonly (readonly [string, KnownKey | undefined])[]> {
    const answers = digests.map(async (digest): Promise<readonly [string, KnownKey | undefined][]> => {
      try {
        return [[digest, await this.#flights.run(digest, () => this.#loadNow(digest))]];
      } catch {
        // The caller asks again later.
        return [];
      }
    });
    return (await Promise.all(answers)).flat();
  }

  notice(notice: KeyNotice): void {
    if (notice.kind === 'lost') return this.state.lostNotices(notice.cause);
    this.#epoch += 1;
    this.#flights = new SingleFlight();
    this.#failed = undefined;
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

  #age({ asked }: Cached): number {
    return ageOf(asked, this.parts.deps.now);
  }

  #isWithin(ms: number, moment: Moment | undefined): boolean {
    return moment !== undefined && ageOf(moment, this.parts.deps.now) < ms;
  }

  /** The budget of the address is checked first, then the request waits in turn with the other addresses. */
  async #ask({ request, digest, isShared }: Wanted): Promise<KnownKey | undefined> {
    try {
      const key = await this.budget.run({
        request,
        work: () => this.#flights.run(digest, () => this.#gate.run(() => this.#load(digest), ownerOf(request))),
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
    if (this.#isWithin(PAUSE_MS, this.#failed)) throw this.state.failure;
    try {
      return await this.#loadNow(digest);
    } catch (cause) {
      this.#failed = momentOf(this.parts.deps.now);
      throw cause;
    }
  }

  /** As `#load`, without the pause after a failure: a key that the store cannot answer for must not stop the others. */
  async #loadNow(digest: string): Promise<KnownKey | undefined> {
    const { deps } = this.parts;
    const epoch = this.#epoch;
    const asked = momentOf(deps.now);
    let record: KeyRecord | undefined;
    try {
      record = await this.#answerOf(digest);
    } catch (cause) {
      this.#counted('failed', undefined);
      throw this.state.failed(cause);
    }
    this.state.answered();
    const key = record && this.#read(record, digest);
    if (epoch === this.#epoch) this.#keep(digest, key, asked);
    return this.#counted(key ? 'found' : 'unknown', key);
  }

  /** The store of a host may throw, or never answer. */
  async #answerOf(digest: string): Promise<KeyRecord | undefined> {
    const { store, answerMs = ANSWER_MS } = this.parts;
    const late = (): Error => new KeyStoreError('unavailable', `the key store did not answer within ${answerMs} ms`);
    return within(answerMs, Promise.resolve(store.find(digest)), late);
  }

  /** A malformed record, the record of another digest, and a record with a name of the file are no keys. */
  #read(given: KeyRecord, digest: string): KnownKey | undefined {
    const record = readRecord(given);
    if (record?.digest !== digest) return this.state.refuse('malformed', idOf(given));
    if (this.parts.taken.has(record.name)) return this.state.refuse('name_of_file', record.id);
    return keyOfRecord(record);
  }

  #keep(digest: string, key: KnownKey | undefined, asked: Moment): void {
    if (!key) {
      this.#known.delete(digest);
      this.#unknown.set(digest, asked);
      return;
    }
    this.#known.set(digest, { key, asked });
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

/** The addresses of one subscriber wait as one. */
function ownerOf(request: IncomingMessage): string {
  const address = clientAddressOf(request);
  return clientNetwork(address) ?? address;
}

function unavailable(cause: unknown): UnavailableError {
  const error = cause instanceof Error ? cause : new Error('the key store failed');
  const reason = cause instanceof GateClosedError ? 'pool_full' : 'key_store_unavailable';
  return new UnavailableError({ kind: 'unavailable', reason, cause: error });
}
