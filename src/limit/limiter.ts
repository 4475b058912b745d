/** Decides about one request: takes a token from each of its buckets and reports the tightest of them. */
import type { MaybePromise, NonEmpty, Now } from '../lib/types.js';
import { msUntil, type Bucket, type Rate } from './bucket.js';
import { MemoryStore } from './memory-store.js';
import type { Claim, LimitScope, Taken } from './store.js';

export interface RateLimitDecision {
  readonly allowed: boolean;
  /** True if the shared store is down and `on_store_error: deny` refuses the request. */
  readonly unavailable?: boolean;
  /** The burst: the tokens of a full bucket. */
  readonly limit: number;
  readonly remaining: number;
  /** Unix seconds at which the bucket is full again. */
  readonly resetAtSeconds: number;
  /** Seconds until the bucket has a token; 0 when allowed. */
  readonly retryAfterSeconds: number;
  /** Seconds until the bucket is full again. */
  readonly resetAfterSeconds: number;
  readonly rate: Rate;
  readonly scope: LimitScope;
  /** The key of the bucket. */
  readonly key: string;
}

/** One object per request. A request waits at most once for a shared store that does not answer. */
export interface Patience {
  spent: boolean;
}

export interface Limiter {
  /** Rejects if a package that the store needs is not installed. */
  readonly ready: Promise<void>;
  /**
   * Takes one token of each bucket, or none if a bucket is empty. Returns the decision of the tightest bucket, or
   * undefined if no limit applies now. The result is a plain value if the buckets are in this process. A promise never
   * rejects.
   */
  takeAll(claims: NonEmpty<Claim>, patience?: Patience): MaybePromise<RateLimitDecision | undefined>;
  /** Whether the shared store can count at this moment. Absent: the buckets are in this process. */
  readonly storeUp?: boolean;
  close(): Promise<void>;
}

/** `Retry-After` needs a number also for a rate that never gives another token. */
const LONGEST_SECONDS = 86_400 * 366;

/** Counts in the memory of this process only. */
export class MemoryLimiter implements Limiter {
  readonly ready = Promise.resolve();

  constructor(
    now: Now,
    readonly store: MemoryStore = new MemoryStore(now),
  ) {}

  take(key: string, rate: Rate): RateLimitDecision {
    return this.takeAll([{ key, rate }]);
  }

  takeAll(claims: NonEmpty<Claim>): RateLimitDecision {
    return tightest(claims, this.store.take(claims));
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** The decision of the bucket that has to wait longest for a token, or of the bucket with the fewest tokens. */
export function tightest(claims: NonEmpty<Claim>, taken: Taken): RateLimitDecision {
  const decisions = claims.map((claim, at) => decide(claim, taken.left[at] as Bucket, taken));
  return decisions.reduce((least, each) => (isTighter(each, least) ? each : least));
}

function decide({ key, rate, scope = 'global' }: Claim, bucket: Bucket, { allowed, now }: Taken): RateLimitDecision {
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
    key,
  };
}

const secondsOf = (ms: number): number => Math.min(LONGEST_SECONDS, Math.ceil(ms / 1_000));

function isTighter(a: RateLimitDecision, b: RateLimitDecision): boolean {
  if (a.retryAfterSeconds !== b.retryAfterSeconds) return a.retryAfterSeconds > b.retryAfterSeconds;
  return a.remaining < b.remaining;
}
