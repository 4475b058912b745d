/** Takes tokens: from one bucket, or from several at once, where a refusal by one leaves the others as they were. */
import type { NonEmpty, Now } from '../lib/types.js';
import { msUntil, refilled, type Bucket, type Rate } from './bucket.js';
import { MemoryStore } from './memory-store.js';

export interface Decision {
  readonly allowed: boolean;
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
}

export interface Claim {
  readonly key: string;
  readonly rate: Rate;
}

/** A rate that never gives another token still names a moment. */
const LONGEST_SECONDS = 86_400 * 366;

export class Limiter {
  constructor(
    private readonly now: Now,
    private readonly store: MemoryStore = new MemoryStore(),
  ) {}

  take(key: string, rate: Rate): Decision {
    return this.takeAll([{ key, rate }]);
  }

  /** One token of each bucket or of none; the decision is that of the tightest. */
  takeAll(claims: NonEmpty<Claim>): Decision {
    const now = this.now();
    const held = claims.map(({ key, rate }) => ({ key, rate, bucket: refilled(this.store.get(key), rate, now) }));
    const allowed = held.every(({ bucket }) => bucket.tokens >= 1);
    const decisions = held.map(({ key, rate, bucket }) => {
      const left: Bucket = allowed ? { tokens: bucket.tokens - 1, at: now } : bucket;
      this.store.set(key, left);
      return decide(left, rate, { allowed, now });
    });
    return decisions.reduce((tightest, each) => (isTighter(each, tightest) ? each : tightest));
  }
}

function decide(bucket: Bucket, rate: Rate, { allowed, now }: { allowed: boolean; now: number }): Decision {
  const seconds = (ms: number) => Math.min(LONGEST_SECONDS, Math.ceil(ms / 1_000));
  const full = seconds(msUntil(rate.burst, bucket, rate));
  return {
    allowed,
    limit: Math.floor(rate.burst),
    remaining: Math.floor(bucket.tokens),
    resetAtSeconds: Math.ceil(now / 1_000) + full,
    retryAfterSeconds: allowed ? 0 : seconds(msUntil(1, bucket, rate)),
    resetAfterSeconds: full,
    rate,
  };
}

function isTighter(a: Decision, b: Decision): boolean {
  if (a.retryAfterSeconds !== b.retryAfterSeconds) return a.retryAfterSeconds > b.retryAfterSeconds;
  return a.remaining < b.remaining;
}
