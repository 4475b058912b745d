/** The arithmetic of token buckets and of quotas with fixed windows, without state. */

/** `rate` tokens per `perMs` milliseconds, at most `burst` at once. */
export interface Rate {
  readonly rate: number;
  readonly perMs: number;
  readonly burst: number;
  /** A quota: no token returns within a window of `perMs`, and the next window starts with the whole `burst`. */
  readonly fixed?: boolean;
}

export interface Bucket {
  readonly tokens: number;
  /** The time of the value in `tokens`, in milliseconds. */
  readonly at: number;
}

/**
 * The bucket at this moment. If the clock was set back, the tokens stay unchanged, and the count continues from that
 * time.
 */
export function refilled(bucket: Bucket | undefined, rate: Rate, now: number): Bucket {
  if (!bucket) return { tokens: rate.burst, at: now };
  if (rate.fixed === true) {
    const next = Math.floor(now / rate.perMs) > Math.floor(bucket.at / rate.perMs);
    return next ? { tokens: rate.burst, at: now } : { tokens: Math.min(rate.burst, bucket.tokens), at: bucket.at };
  }
  const gained = (Math.max(0, now - bucket.at) * rate.rate) / rate.perMs;
  return { tokens: Math.min(rate.burst, bucket.tokens + gained), at: now };
}

/** Milliseconds until the bucket holds this number of tokens; Infinity if it never does. */
export function msUntil(tokens: number, bucket: Bucket, rate: Rate): number {
  if (bucket.tokens >= tokens) return 0;
  if (tokens > rate.burst || rate.rate <= 0) return Infinity;
  if (rate.fixed === true) return rate.perMs - (bucket.at % rate.perMs);
  return ((tokens - bucket.tokens) * rate.perMs) / rate.rate;
}
