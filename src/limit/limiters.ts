/** The limiters of a process: one table follows another, and what has been counted stays counted. */
import { isDeepStrictEqual } from 'node:util';
import type { Metrics } from '../lib/metrics.js';
import { RedisConnection, type RedisOptions } from '../redis/redis.js';
import type { Log, Now } from '../lib/types.js';
import { MemoryLimiter, type Limiter } from './limiter.js';
import { RedisStore } from './redis-store.js';
import { SharedLimiter, type OnStoreError } from './shared-limiter.js';

/** Where limits are counted together with other instances. */
export interface Distributed {
  readonly redis: RedisOptions;
  readonly onStoreError: OnStoreError;
}

export interface LimitersDeps {
  readonly now: Now;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Milliseconds that Redis has for an answer. Default: 40. */
  readonly deadlineMs?: number;
}

/** One table's use of a limiter. */
export interface Lease {
  readonly limiter: Limiter;
  /** Closes the connection that no other table uses. */
  release(): Promise<void>;
}

interface Held {
  readonly distributed: Distributed;
  readonly limiter: SharedLimiter;
  leases: number;
}

export class Limiters {
  /** For tables that count here, and beneath those that share: what one has counted, the next goes on from. */
  readonly #local: MemoryLimiter;
  readonly #held = new Set<Held>();

  constructor(private readonly deps: LimitersDeps) {
    this.#local = new MemoryLimiter(deps.now);
  }

  /** The limiter for what a file says; the same one as long as any table says the same. */
  lease(distributed: Distributed | undefined): Lease {
    if (!distributed) return { limiter: this.#local, release: () => Promise.resolve() };
    const held = [...this.#held].find((each) => isSame(each.distributed, distributed)) ?? this.#start(distributed);
    held.leases += 1;
    let released = false;
    const release = async (): Promise<void> => {
      if (released) return;
      released = true;
      held.leases -= 1;
      if (held.leases > 0) return;
      this.#held.delete(held);
      await held.limiter.close();
    };
    return { limiter: held.limiter, release };
  }

  #start(distributed: Distributed): Held {
    const { log, metrics, deadlineMs } = this.deps;
    const redis = new RedisConnection(distributed.redis, deadlineMs);
    const store = new RedisStore(redis, distributed.redis.type);
    const { onStoreError } = distributed;
    const limiter = new SharedLimiter({ redis, store, local: this.#local, onStoreError, log, metrics });
    const held = { distributed, limiter, leases: 0 };
    this.#held.add(held);
    return held;
  }
}

/** The password is no enumerable property, so that no comparison of the whole would see it. */
function isSame(a: Distributed, b: Distributed): boolean {
  return a.redis.password === b.redis.password && isDeepStrictEqual(a, b);
}
