/** The limiters of a process: one table follows another, and what has been counted stays counted. */
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import type { Metrics } from '../lib/metrics.js';
import type { RedisOptions } from '../redis/client.js';
import type * as Redis from '../redis/redis.js';
import type { Log, Now } from '../lib/types.js';
import { MemoryLimiter, type Limiter } from './limiter.js';
import type * as RedisStores from './redis-store.js';
import type * as SharedLimiters from './shared-limiter.js';
import type { OnStoreError, SharedLimiter } from './shared-limiter.js';

const require = createRequire(import.meta.url);

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
    // Redis loads for files that share their limits.
    const { RedisConnection } = require('../redis/redis.js') as typeof Redis;
    const { RedisStore } = require('./redis-store.js') as typeof RedisStores;
    const { SharedLimiter } = require('./shared-limiter.js') as typeof SharedLimiters;
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
