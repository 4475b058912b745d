/** Takes tokens: from one bucket, or from several at once, where a refusal by one leaves the others as they were. */
import type { MaybePromise, NonEmpty, Now } from '../lib/types.js';
import { msUntil, refilled, type Bucket, type Rate } from './bucket.js';
import { MemoryStore } from './memory-store.js';

/** Which kind of limit a bucket belongs to, for the metric. */
export type LimitScope = 'address' | 'global' | 'tier' | 'route' | 'key' | 'quota';

export interface Decision {
  readonly allowed: boolean;
  /** The shared store is down, and the file says to refuse then. */
  readonly unavailable?: boolean;
  /** The burst: what a full bucket holds. */
  readonly limit: number;
  readonly remaining: number;
  /** Unix seconds at which the bucket is full again. */
  readonly resetAtSeconds: number;
  /** Seconds until a token is there; 0 when allowed. */
  readonly retryAfterSeconds: number;
  /** Seconds until the bucket is full again. */
  readonly resetAfterSeconds: number;
  readonly rate: Rate;
  readonly scope: LimitScope;
}

export interface Claim {
  readonly key: string;
  readonly rate: Rate;
  /** Default: `global`. */
  readonly scope?: LimitScope;
}

/** One request's: whoever has waited in vain for a shared store waits for no second answer of it. */
export interface Patience {
  spent: boolean;
}

export interface Limiter {
  /** Rejects where what it counts with is not installed. */
  readonly ready: Promise<void>;
  /**
   * One token of each bucket or of none; the decision is that of the tightest, undefined where nothing limits now.
   * Settled at once where the buckets are in this process; never rejects.
   */
  takeAll(claims: NonEmpty<Claim>, patience?: Patience): MaybePromise<Decision | undefined>;
  close(): Promise<void>;
}

/** A rate that never gives another token still names a moment. */
const LONGEST_SECONDS = 86_400 * 366;

/** Counts in this process alone. */
export class MemoryLimiter implements Limiter {
  readonly ready = Promise.resolve();

  constructor(
    private readonly now: Now,
    private readonly store: MemoryStore = new MemoryStore(),
  ) {}

  take(key: string, rate: Rate): Decision {
    return this.takeAll([{ key, rate }]);
  }

  takeAll(claims: NonEmpty<Claim>): Decision {
    const now = this.now();
    if (claims.length === 1) return this.#takeOne(claims[0], now);
    const buckets = claims.map(({ key, rate }) => refilled(this.store.get(key), rate, now));
    const allowed = buckets.every(({ tokens }) => tokens >= 1);
    const left = buckets.map((bucket) => (allowed ? taken(bucket) : bucket));
    left.forEach((bucket, at) => this.store.set((claims[at] as Claim).key, bucket));
    return tightest(claims, left, { allowed, now });
  }

  #takeOne(claim: Claim, now: number): Decision {
    const bucket = refilled(this.store.get(claim.key), claim.rate, now);
    const allowed = bucket.tokens >= 1;
    const left = allowed ? taken(bucket) : bucket;
    this.store.set(claim.key, left);
    return decide(claim, left, { allowed, now });
  }

  /** What is known from elsewhere: counting goes on from there, or from what was counted here where that left less. */
  follow({ key, rate }: Claim, tokens: number): void {
    const bucket = refilled(this.store.get(key), rate, this.now());
    this.store.set(key, { tokens: Math.min(bucket.tokens, tokens), at: bucket.at });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const taken = ({ tokens, at }: Bucket): Bucket => ({ tokens: tokens - 1, at });

interface Outcome {
  readonly allowed: boolean;
  readonly now: number;
}

/** The decision of several buckets: what is left of each, in the order of the claims. */
export function tightest(claims: NonEmpty<Claim>, left: readonly Bucket[], outcome: Outcome): Decision {
  const decisions = claims.map((claim, at) => decide(claim, left[at] as Bucket, outcome));
  return decisions.reduce((least, each) => (isTighter(each, least) ? each : least));
}

function decide({ rate, scope = 'global' }: Claim, bucket: Bucket, { allowed, now }: Outcome): Decision {
  const full = secondsOf(msUntil(rate.burst, bucket, rate));
  return {
    allowed,
    limit: Math.floor(rate.burst),
    remaining: Math.max(0, Math.floor(bucket.tokens)),
    resetAtSeconds: Math.ceil(now / 1_000) + full,
    retryAfterSeconds: allowed ? 0 : secondsOf(msUntil(1, bucket, rate)),
    resetAfterSeconds: full,
    rate,
    scope,
  };
}

const secondsOf = (ms: number): number => Math.min(LONGEST_SECONDS, Math.ceil(ms / 1_000));

function isTighter(a: Decision, b: Decision): boolean {
  if (a.retryAfterSeconds !== b.retryAfterSeconds) return a.retryAfterSeconds > b.retryAfterSeconds;
  return a.remaining < b.remaining;
}
