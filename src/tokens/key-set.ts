/**
 * The key set of one issuer. A timer loads it ahead of need. It is kept through outages. Clients cannot trigger a fetch
 * at will.
 */
import { ageText, listed, quoted } from '../lib/sentence.js';
import type { MaybePromise, Now } from '../lib/types.js';
import { within } from '../lib/within.js';
import { keyFacts, keyId, pickKeys } from './key-source.js';
import type { KeyAnswer, KeyQuery, KeySource } from './key-source.js';
import type { VerificationKey } from './verification-key.js';

export interface KeySetOptions {
  /** Fetches the keys. Throws an Error that is safe to log. */
  load(): Promise<readonly VerificationKey[]>;
  readonly now: Now;
  readonly maxAgeMs: number;
  readonly staleIfErrorMs: number;
  /** Called for each failed load, with the number of older keys that are still used. */
  report(fault: Error, keys: number): void;
  /** Called for each successful load, with the number of keys. */
  readonly loaded?: ((keys: number) => void) | undefined;
}

interface LoadedSet {
  readonly keys: readonly VerificationKey[];
  readonly ids: ReadonlySet<string>;
  /** When the load began. Later changes of the issuer may be missing. */
  readonly at: number;
}

const MAX_WAIT_MS = 5_000;
const STILL_LOADING = 'the key set is still loading';
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** The shortest interval between loads that tokens with an unknown `kid` cause. */
const ASK_AGAIN_MS = 30_000;
/** The part of its age after which a set is reloaded, so that no request waits for it. */
const AHEAD = 0.8;

export class RemoteKeySet implements KeySource {
  readonly ready: Promise<void>;
  private set: LoadedSet | undefined;
  /** The error of the last load. `undefined` after a success. */
  private fault: Error | undefined;
  private flight: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reloadAt: number | undefined;
  private retryMs = FIRST_RETRY_MS;
  private askedAt = -Infinity;
  private closed = false;

  constructor(private readonly options: KeySetOptions) {
    this.ready = this.load();
  }

  find(query: KeyQuery): MaybePromise<KeyAnswer> {
    const set = this.current();
    return set ? (pickKeys(set.keys, query) ?? this.ask(query)) : this.wait(query);
  }

  /** At most as often as an unknown `kid` asks. During an outage, new keys of the issuer are unknown. */
  async again(query: KeyQuery): Promise<KeyAnswer> {
    const answer = await this.ask(query);
    return answer.kind === 'keys' ? this.unlessDown(answer) : answer;
  }

  holds(id: string): boolean {
    return this.current()?.ids.has(id) ?? false;
  }

  describe(): string {
    const set = this.usable();
    if (!set) return 'the key set is not loaded';
    const now = this.options.now();
    const wait = this.askedAt + ASK_AGAIN_MS - now;
    const next = wait > 0 ? `, asked again in ${ageText(wait)} at the earliest` : '';
    const names = listed(
      set.keys.map(({ kid }) => (kid === undefined ? 'a key without a name' : quoted(kid))),
      'and',
    );
    return `the key set has ${names}, loaded ${ageText(now - set.at)} ago${next}`;
  }

  status() {
    const { set, fault, reloadAt } = this;
    return {
      keys: this.current()?.keys.map(keyFacts) ?? [],
      ...(set && { loadedAt: set.at }),
      ...(reloadAt !== undefined && { reloadAt }),
      ...(fault && { fault: fault.message }),
    };
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  peek(query: KeyQuery): KeyAnswer {
    const set = this.usable();
    if (!set) return { kind: 'unavailable', cause: this.fault ?? new Error(STILL_LOADING) };
    return pickKeys(set.keys, query) ?? this.unknown();
  }

  /** Returns the set if it may be used now. */
  private current(): LoadedSet | undefined {
    const set = this.usable();
    const { maxAgeMs, now } = this.options;
    // Usually the timer does this. After the machine slept, a request may come first.
    if (set && now() - set.at >= maxAgeMs * AHEAD && !this.fault) void this.load();
    return set;
  }

  /** Within its age, or beyond it while it cannot be loaded. */
  private usable(): LoadedSet | undefined {
    const { set, fault } = this;
    const { maxAgeMs, staleIfErrorMs, now } = this.options;
    return set && now() - set.at < maxAgeMs + (fault ? staleIfErrorMs : 0) ? set : undefined;
  }

  /** A `kid` that is not in the set: it is either new or forged. */
  private async ask(query: KeyQuery): Promise<KeyAnswer> {
    if (!this.flight) {
      const since = this.options.now() - this.askedAt;
      // If the clock is set back, the question must not be blocked for that time.
      if (since >= 0 && since < ASK_AGAIN_MS) return this.unknown();
      this.askedAt = this.options.now();
    }
    await this.loaded();
    return (this.set && pickKeys(this.set.keys, query)) ?? this.unknown();
  }

  private async wait(query: KeyQuery): Promise<KeyAnswer> {
    // After a failure the timer retries, not the requests.
    if (this.flight || !this.fault) await this.loaded();
    const set = this.current();
    if (!set) return { kind: 'unavailable', cause: this.fault ?? new Error(STILL_LOADING) };
    return pickKeys(set.keys, query) ?? this.unknown();
  }

  /** While the issuer cannot be reached, it is unknown whether the issuer signed with a new key. */
  private unknown(): KeyAnswer {
    return this.unlessDown({ kind: 'unknown' });
  }

  private unlessDown(answer: KeyAnswer): KeyAnswer {
    const cause = this.fault ?? (this.flight && new Error(STILL_LOADING));
    return cause ? { kind: 'unavailable', cause } : answer;
  }

  /** Loads the set. Resolves when the set is loaded or the time is up, whichever comes first. */
  private async loaded(): Promise<void> {
    await within(MAX_WAIT_MS, this.load(), () => new Error(STILL_LOADING)).catch(() => undefined);
  }

  /** Runs one load at a time for all callers. Never rejects. */
  private load(): Promise<void> {
    this.flight ??= this.loadOnce().finally(() => (this.flight = undefined));
    return this.flight;
  }

  private async loadOnce(): Promise<void> {
    clearTimeout(this.timer);
    const at = this.options.now();
    try {
      const keys = await this.options.load();
      this.set = { keys, ids: new Set(keys.map(keyId)), at };
      this.fault = undefined;
      this.retryMs = FIRST_RETRY_MS;
      this.options.loaded?.(keys.length);
      this.loadIn(this.options.maxAgeMs * AHEAD);
    } catch (cause) {
      this.fault = cause instanceof Error ? cause : new Error('the key set cannot be loaded');
      this.loadIn(this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
      if (!this.closed) this.options.report(this.fault, this.current()?.keys.length ?? 0);
    }
  }

  private loadIn(ms: number): void {
    this.reloadAt = this.options.now() + ms;
    if (!this.closed) this.timer = setTimeout(() => void this.load(), ms).unref();
  }
}
