/** The strategy of `api_key`: reads one value, finds its key in the file or the store, and checks its conditions. */
import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { HeaderAPIKeyStrategy } from 'passport-headerapikey';
import type { Strategy } from 'passport-strategy';
import { clientAddressOf } from '../../../http/client-address.js';
import { looksLikeJws } from '../../../lib/jws-form.js';
import { isDeepStrictEqual } from '../../../lib/node-util.js';
import type { MaybePromise, Now } from '../../../lib/types.js';
import { readEach, readOffer, type Place, type Skips } from '../../credentials.js';
import type { CredentialStoreStatus, MethodDeps, MethodStrategy, Sessions } from '../../method.js';
import { reportVerdict, UnavailableError } from '../../outcome.js';
import type { Challenge, ReasonCode, Rejected, Verdict } from '../../verdict.js';
import type * as Describe from './describe.js';
import { findKey, keyAt, subjectsOf, tableOf, type KeyedOptions, type KeyTable } from './key-table.js';
import { keyOfFile, type KnownKey } from './known-key.js';
import { challengeOf, placesOf } from './places.js';
import type { Keys } from './store/keys.js';
import type * as Stored from './store/stored-keys.js';
import type { KeysOfStore } from './store/answers.js';
import type * as Aside from './store/aside-keys.js';
import type { StoreOptions } from './store-options.js';

const require = createRequire(import.meta.url);

/** In a shared place a value with a scheme, or in the form of a JWS, is a credential of another method. */
function isOfOthers(value: string): boolean {
  return value.includes(' ') || looksLikeJws(value);
}

/**
 * The package reads no query and makes a RegExp of a prefix. So Loom replaces `authenticate`, and the base class only
 * makes it a Passport strategy.
 */
const Base = HeaderAPIKeyStrategy as unknown as new (
  at: { header: string; prefix: string },
  pass: boolean,
  verify: () => void,
) => Strategy;

export class ApiKeyStrategy extends Base implements MethodStrategy {
  readonly ready: Promise<void>;
  /** Absent if all keys are in the file. */
  readonly stored: KeysOfStore | undefined;
  private readonly table: KeyTable;
  /** Keys that a request had, by the digest as a text with one character for each byte. */
  private readonly used = new Map<string, KnownKey>();
  private readonly places: readonly Place[];
  private readonly challenges: readonly [Challenge];
  private readonly absent: Verdict;
  private readonly now: Now;
  private readonly shared: readonly Place[];

  constructor(options: KeyedOptions, deps: MethodDeps) {
    super({ header: 'X-API-Key', prefix: '' }, false, () => undefined);
    const { now, shared = [] } = deps;
    this.now = now;
    (this as { name?: string }).name = 'api_key';
    this.places = placesOf(options);
    this.shared = this.places.filter((place) => shared.some((each) => isDeepStrictEqual(each, place)));
    this.challenges = [challengeOf(options)];
    this.absent = { kind: 'absent', challenges: this.challenges };
    this.table = tableOf(options);
    this.stored = options.store && openStored(options.store, this.table, deps);
    this.ready = this.stored?.ready ?? Promise.resolve();
  }

  override authenticate(request: IncomingMessage): void {
    reportVerdict(this, this.decide(request));
  }

  decide(request: IncomingMessage): MaybePromise<Verdict> {
    const wait = this.prepare(request);
    return wait ? wait.then(() => this.judge(request)) : this.judge(request);
  }

  describe(request: IncomingMessage, reason: ReasonCode): string | undefined {
    const offer = readOffer(request, this.places);
    if (offer.kind !== 'one') return undefined;
    const { value, place } = offer;
    if (reason === 'key_store_unavailable' || reason === 'throttled' || reason === 'pool_full') return undefined;
    const key = this.findLookedUp(request, value);
    if (key === 'not looked up') return undefined;
    const { describeKnown, describeUnknown } = require('./describe.js') as typeof Describe;
    if (!key) return describeUnknown(value, place);
    return describeKnown(key, { reason, address: clientAddressOf(request), nowMs: this.now() });
  }

  /** The failed attempts of each address, for an explanation. */
  get budget(): unknown {
    return (this.stored as { readonly budget?: unknown } | undefined)?.budget;
  }

  get keysOfStore(): Keys | undefined {
    return this.stored?.administration;
  }

  storeStatus(): CredentialStoreStatus | undefined {
    return this.stored?.status;
  }

  async close(): Promise<void> {
    await this.stored?.close();
  }

  watchSessions(sessions: Sessions): () => void {
    return this.stored?.watchSessions(sessions) ?? (() => undefined);
  }

  /** Values in shared places and in places of other methods may be keys of the store too. */
  prepare(request: IncomingMessage, others: readonly Place[] = []): Promise<void> | undefined {
    if (!this.stored) return undefined;
    const offered = [...this.places, ...others].flatMap((place) => {
      const isShared = others.includes(place) || this.shared.includes(place);
      const values = readEach(request, [place]).filter((value) => !isShared || !isOfOthers(value));
      return values.filter((value) => !this.ofFile(value)).map((value) => ({ value, isShared }));
    });
    return this.stored.prepare(request, offered);
  }

  /**
   * A key in a shared place is checked by no other method, also if it has expired or may not be used here. A value that
   * the store could not look up may be a key.
   */
  ownValues(request: IncomingMessage, others: readonly Place[]): readonly string[] {
    return readEach(request, [...this.shared, ...others]).filter(
      (value) => !isOfOthers(value) && this.mayBeKey(request, value),
    );
  }

  private judge(request: IncomingMessage): Verdict {
    try {
      return this.judgeOffer(request);
    } catch (cause) {
      if (!(cause instanceof UnavailableError)) throw cause;
      const offer = readOffer(request, this.places);
      return offer.kind === 'one' ? { ...cause.verdict, credentials: [offer.value] } : cause.verdict;
    }
  }

  /** Throws an UnavailableError if the store did not answer. */
  private judgeOffer(request: IncomingMessage): Verdict {
    const offer = readOffer(request, this.places, this.skipsFor(request));
    if (offer.kind === 'none') return this.absent;
    if (offer.kind === 'many')
      return { kind: 'rejected', status: 400, reason: 'credential_duplicate', challenges: this.challenges };
    if (offer.kind === 'malformed') return this.unknown();
    const key = this.find(request, offer.value);
    const now = this.now();
    if (!key || now >= key.expires || now < key.starts) return this.unknown(offer.value);
    if (!key.allows(clientAddressOf(request)))
      return { kind: 'rejected', status: 403, reason: 'not_allowed', challenges: [], credential: offer.value };
    if (key.record) this.stored?.granted(key.identity, key);
    return key.granted;
  }

  /** In a shared place another method may know a value that is not a key. A JWS there is never looked up. */
  private skipsFor(request: IncomingMessage): Skips | undefined {
    if (this.shared.length === 0) return undefined;
    return (value, place) => this.shared.includes(place) && (isOfOthers(value) || !this.mayBeKey(request, value));
  }

  private mayBeKey(request: IncomingMessage, value: string): boolean {
    try {
      return this.find(request, value) !== undefined;
    } catch (cause) {
      if (cause instanceof UnavailableError) return true;
      throw cause;
    }
  }

  private find(request: IncomingMessage, value: string): KnownKey | undefined {
    return this.ofFile(value) ?? this.stored?.find(request, value);
  }

  /** The verdict may be that of another configuration, which alone has looked the key up. */
  private findLookedUp(request: IncomingMessage, value: string): KnownKey | 'not looked up' | undefined {
    try {
      return this.find(request, value);
    } catch (cause) {
      if (cause instanceof UnavailableError) return 'not looked up';
      throw cause;
    }
  }

  private ofFile(value: string): KnownKey | undefined {
    const offered = hash('sha256', value, 'binary');
    return this.used.get(offered) ?? this.findUnused(offered);
  }

  private findUnused(offered: string): KnownKey | undefined {
    const number = findKey(this.table, Buffer.from(offered, 'latin1'));
    if (number === undefined) return undefined;
    const known = keyOfFile(keyAt(this.table, number));
    this.used.set(offered, known);
    return known;
  }

  /** An unknown key, an expired key and no key get the same response. A client cannot learn which keys existed. */
  private unknown(credential?: string): Rejected {
    const rejected: Rejected = {
      kind: 'rejected',
      status: 401,
      reason: 'credential_invalid',
      challenges: this.challenges,
    };
    return credential === undefined ? rejected : { ...rejected, credential };
  }
}

/** The modules of a store load only for a file that has one. */
function openStored(options: StoreOptions, table: KeyTable, deps: MethodDeps): KeysOfStore {
  const { StoredKeys } = require('./store/stored-keys.js') as typeof Stored;
  const taken = subjectsOf(table);
  if (!deps.aside && !deps.offline) return new StoredKeys(options, taken, deps);
  const { AsideKeys } = require('./store/aside-keys.js') as typeof Aside;
  const { stored } = deps.aside?.live instanceof ApiKeyStrategy ? deps.aside.live : { stored: undefined };
  return new AsideKeys({ options, taken, deps, live: stored instanceof StoredKeys ? stored : undefined });
}
