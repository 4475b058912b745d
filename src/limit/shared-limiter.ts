/** Counts in a store that several instances share; while the store is down, `on_store_error` decides. */
import type { Metrics } from '../lib/metrics.js';
import type { Log, MaybePromise, NonEmpty } from '../lib/types.js';
import { tightest, type Limiter, type MemoryLimiter, type Patience, type RateLimitDecision } from './limiter.js';
import { StoreFault, type Claim, type Store, type Taken } from './store.js';

/** While the shared store is down: count in this process, answer 503, or limit nothing. */
export type OnStoreError = 'local' | 'deny' | 'allow';

export interface SharedLimiterParts {
  readonly store: Store;
  /** Follows the counts of the store, so that it continues from them while the store is down. */
  readonly local: MemoryLimiter;
  readonly onStoreError: OnStoreError;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
}

const RETRY_SECONDS = 1;

export class SharedLimiter implements Limiter {
  readonly ready: Promise<void>;

  constructor(private readonly parts: SharedLimiterParts) {
    const { store, log, metrics, onStoreError } = parts;
    this.ready = store.ready;
    store.watch((up, reason) => {
      metrics?.gauge('loom_rate_limit_store_up', {}, up ? 1 : 0);
      if (up) log.info({}, 'the shared store of rate limits is up');
      else log.warn({ reason, on_store_error: onStoreError }, 'the shared store of rate limits is down');
    });
  }

  get storeUp(): boolean {
    return this.parts.store.up;
  }

  takeAll(claims: NonEmpty<Claim>, patience?: Patience): MaybePromise<RateLimitDecision | undefined> {
    const { store } = this.parts;
    if (!store.up || patience?.spent === true) return this.#withoutStore(claims);
    const taken = store.take(claims);
    if (!(taken instanceof Promise)) return this.#decide(claims, taken);
    return taken.then(
      (each) => this.#decide(claims, each),
      (error: unknown) => {
        const reason = error instanceof StoreFault ? error.reason : 'other';
        if (patience && reason === 'timeout') patience.spent = true;
        this.parts.metrics?.count('loom_rate_limit_store_errors_total', { reason });
        return this.#withoutStore(claims);
      },
    );
  }

  close(): Promise<void> {
    return this.parts.store.close();
  }

  #decide(claims: NonEmpty<Claim>, taken: Taken): RateLimitDecision {
    const { store } = this.parts.local;
    claims.forEach((claim, at) => store.follow(claim, taken.left[at]?.tokens ?? 0));
    return tightest(claims, taken);
  }

  #withoutStore(claims: NonEmpty<Claim>): RateLimitDecision | undefined {
    const { onStoreError, local } = this.parts;
    if (onStoreError === 'allow') return undefined;
    if (onStoreError === 'local') return local.takeAll(claims);
    const [{ key, rate, scope = 'global' }] = claims;
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
      key,
    };
  }
}
