/** The token bucket, and the window that a quota is: pure arithmetic over a rate, a moment and what was left. */

/** `rate` tokens per `perMs` milliseconds, at most `burst` at once. */
export interface Rate {
  readonly rate: number;
  readonly perMs: number;
  readonly burst: number;
  /** A quota: nothing flows back within a window of `perMs`, and all of `burst` is there in the next. */
  readonly fixed?: boolean;
}

export interface Bucket {
  readonly tokens: number;
  /** When `tokens` was true, in milliseconds. */
  readonly at: number;
}

/** The bucket as it is now. A clock set back adds nothing and takes nothing; it goes on from there. */
export function refilled(bucket: Bucket | undefined, rate: Rate, now: number): Bucket {
  if (!bucket) return { tokens: rate.burst, at: now };
  if (rate.fixed === true) {
    const next = Math.floor(now / rate.perMs) > Math.floor(bucket.at / rate.perMs);
    return next ? { tokens: rate.burst, at: now } : { tokens: Math.min(rate.burst, bucket.tokens), at: bucket.at };
  }
  const gained = (Math.max(0, now - bucket.at) * rate.rate) / rate.perMs;
  return { tokens: Math.min(rate.burst, bucket.tokens + gained), at: now };
}

/** Milliseconds until the bucket holds so many tokens; Infinity where it never does. */
export function msUntil(tokens: number, bucket: Bucket, rate: Rate): number {
  if (bucket.tokens >= tokens) return 0;
  if (tokens > rate.burst || rate.rate <= 0) return Infinity;
  if (rate.fixed === true) return rate.perMs - (bucket.at % rate.perMs);
  return ((tokens - bucket.tokens) * rate.perMs) / rate.rate;
}
