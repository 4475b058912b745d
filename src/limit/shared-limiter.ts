/** Counts in Redis, together with other instances; while Redis is of no use, as the file says. */
import type { Metrics } from '../lib/metrics.js';
import type { RedisConnection } from '../redis/redis.js';
import { redisFaultOf } from '../redis/fault.js';
import type { Log, MaybePromise, NonEmpty } from '../lib/types.js';
import { tightest, type Claim, type Decision, type Limiter, type MemoryLimiter, type Patience } from './limiter.js';
import type { RedisStore, Taken } from './redis-store.js';

/** What a request meets while the shared store does not answer: limits of this instance alone, a 503, or none. */
export type OnStoreError = 'local' | 'deny' | 'allow';

export interface SharedLimiterParts {
  readonly redis: RedisConnection;
  readonly store: RedisStore;
  /** Follows the shared counts, so that it goes on from them. */
  readonly local: MemoryLimiter;
  readonly onStoreError: OnStoreError;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
}

const CONSEQUENCE: Readonly<Record<OnStoreError, string>> = {
  local: 'each instance counts for itself meanwhile',
  deny: 'what has a limit is refused meanwhile',
  allow: 'nothing is limited meanwhile',
};

const RETRY_SECONDS = 1;

export class SharedLimiter implements Limiter {
  readonly ready: Promise<void>;

  constructor(private readonly parts: SharedLimiterParts) {
    const { redis, log, metrics, onStoreError } = parts;
    this.ready = redis.ready;
    redis.watch((up, reason) => {
      metrics?.gauge('loom_rate_limit_store_up', {}, up ? 1 : 0);
      if (up) log.info({}, 'limits are counted in Redis');
      else log.warn({ reason }, `Redis does not count limits: ${CONSEQUENCE[onStoreError]}`);
    });
  }

  takeAll(claims: NonEmpty<Claim>, patience?: Patience): MaybePromise<Decision | undefined> {
    const { redis, store } = this.parts;
    if (!redis.up || patience?.spent === true) return this.#without(claims);
    return store.take(claims).then(
      (taken) => this.#decide(claims, taken),
      (error: unknown) => {
        const { reason } = redisFaultOf(error);
        if (patience && reason === 'timeout') patience.spent = true;
        this.parts.metrics?.count('loom_rate_limit_store_errors_total', { reason });
        return this.#without(claims);
      },
    );
  }

  close(): Promise<void> {
    return this.parts.redis.close();
  }

  #decide(claims: NonEmpty<Claim>, { allowed, left, now }: Taken): Decision {
    claims.forEach((claim, at) => this.parts.local.follow(claim, left[at]?.tokens ?? 0));
    return tightest(claims, left, { allowed, now });
  }

  #without(claims: NonEmpty<Claim>): Decision | undefined {
    const { onStoreError, local } = this.parts;
    if (onStoreError === 'allow') return undefined;
    if (onStoreError === 'local') return local.takeAll(claims);
    const [{ rate, scope = 'global' }] = claims;
    return {
      allowed: false,
      unavailable: true,
      limit: Math.floor(rate.burst),
      remaining: 0,
      resetAtSeconds: 0,
      retryAfterSeconds: RETRY_SECONDS,
      resetAfterSeconds: RETRY_SECONDS,
      rate,
      scope,
    };
  }
}
