/** The limiters of a process. They outlive snapshots, so that a reload refills no bucket. */
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from '../lib/node-util.js';
import type { Metrics } from '../lib/metrics.js';
import type { Log, Now } from '../lib/types.js';
import { MemoryLimiter, type Limiter } from '../limit/limiter.js';
import type * as RedisStores from '../limit/redis-store.js';
import type * as SharedLimiters from '../limit/shared-limiter.js';
import type { OnStoreError, SharedLimiter } from '../limit/shared-limiter.js';
import type { RedisOptions } from '../redis/client.js';

const require = createRequire(import.meta.url);

/** The store for the shared counts of several instances. */
export interface Distributed {
  readonly redis: RedisOptions;
  readonly onStoreError: OnStoreError;
}

export interface LimitersDeps {
  readonly now: Now;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** The longest time for a response from Redis, in milliseconds. Default: 40. */
  readonly deadlineMs?: number;
}

/** The use of a limiter by one snapshot. */
export interface LimiterLease {
  readonly limiter: Limiter;
  /** Closes the connection if no other snapshot uses it. */
  release(): Promise<void>;
}

interface SharedEntry {
  readonly distributed: Distributed;
  readonly limiter: SharedLimiter;
  leases: number;
}

export class Limiters {
  /**
   * For snapshots without a shared store. Shared limiters keep this limiter up to date, so that it continues from their
   * counts.
   */
  readonly #local: MemoryLimiter;
  readonly #shared = new Set<SharedEntry>();

  constructor(private readonly deps: LimitersDeps) {
    this.#local = new MemoryLimiter(deps.now);
  }

  /** The limiter for a `distributed` block. Snapshots with the same block share one limiter. */
  lease(distributed: Distributed | undefined): LimiterLease {
    if (!distributed) return { limiter: this.#local, release: () => Promise.resolve() };
    const entry = [...this.#shared].find((each) => isSame(each.distributed, distributed)) ?? this.#start(distributed);
    entry.leases += 1;
    let released = false;
    const release = async (): Promise<void> => {
      if (released) return;
      released = true;
      entry.leases -= 1;
      if (entry.leases > 0) return;
      this.#shared.delete(entry);
      await entry.limiter.close();
    };
    return { limiter: entry.limiter, release };
  }

  #start(distributed: Distributed): SharedEntry {
    const { log, metrics, deadlineMs } = this.deps;
    // Redis loads only for files with shared limits.
    const { RedisStore } = require('../limit/redis-store.js') as typeof RedisStores;
    const { SharedLimiter } = require('../limit/shared-limiter.js') as typeof SharedLimiters;
    const store = new RedisStore(distributed.redis, deadlineMs);
    const { onStoreError } = distributed;
    const limiter = new SharedLimiter({ store, local: this.#local, onStoreError, log, metrics });
    const entry = { distributed, limiter, leases: 0 };
    this.#shared.add(entry);
    return entry;
  }
}

/** The password is not an enumerable property, so a deep comparison does not see it. */
function isSame(a: Distributed, b: Distributed): boolean {
  return a.redis.password === b.redis.password && isDeepStrictEqual(a, b);
}
