/** A bounded pool of bcrypt worker threads, separate from the event loop and from the libuv pool of DNS and fs. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Metrics } from '../../../lib/metrics.js';

/** Too many comparisons are waiting. The caller answers 503, never 401. */
export class PoolFullError extends Error {
  override readonly name = 'PoolFullError';
}

/** The worker file is in the same folder: `.cjs` when built, `.cts` when Node strips the types. */
const BUILT = extname(fileURLToPath(import.meta.url)) === '.js';
const WORKER = new URL(`./bcrypt-worker.${BUILT ? 'cjs' : 'cts'}`, import.meta.url);

/** The input of a worker. */
export interface Comparison {
  readonly password: string;
  readonly passwordHash: string;
  /** Also compared if the first hash does not match, so that all failures of a user table take the same time. */
  readonly padding: readonly string[];
}

const IDLE_MS = 30_000;
/** One core is reserved for the event loop. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));
const WAITING_PER_THREAD = 16;

export interface BcryptPoolOptions {
  /** The maximum of comparisons that run or wait. */
  readonly limit?: number;
  readonly metrics?: Metrics | undefined;
}

export class BcryptPool {
  readonly limit: number;
  readonly #metrics: Metrics | undefined;
  #workers: Piscina | undefined;
  #running = 0;
  #closed = false;

  constructor({ limit = THREADS * (1 + WAITING_PER_THREAD), metrics }: BcryptPoolOptions = {}) {
    this.limit = limit;
    this.#metrics = metrics;
    metrics?.gauge('loom_bcrypt_limit', {}, limit);
  }

  /** Whether the password matches. Rejects immediately with a PoolFullError if too many comparisons wait. */
  async verify(comparison: Comparison): Promise<boolean> {
    if (this.#closed) throw new Error('the bcrypt pool is closed');
    if (this.#running >= this.limit) throw new PoolFullError('too many bcrypt comparisons wait');
    this.#count(1);
    try {
      return (await this.#started().run(comparison)) === true;
    } finally {
      this.#count(-1);
    }
  }

  #count(change: 1 | -1): void {
    this.#running += change;
    this.#metrics?.gauge('loom_bcrypt_waiting', {}, this.#running);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#workers?.destroy();
  }

  /** Threads start at the first comparison and end when idle. Without logins no thread starts. */
  #started(): Piscina<Comparison, boolean> {
    this.#workers ??= this.#start();
    return this.#workers as Piscina<Comparison, boolean>;
  }

  #start(): Piscina<Comparison, boolean> {
    const workers = new Piscina<Comparison, boolean>({
      filename: WORKER.href,
      minThreads: 0,
      maxThreads: THREADS,
      maxQueue: this.limit,
      idleTimeout: IDLE_MS,
    });
    // Without a listener, a thread that dies between two comparisons would end the process with its error.
    workers.on('error', () => undefined);
    workers.on('workerDestroy', () => setImmediate(() => this.#renew(workers)));
    return workers;
  }

  /**
   * Threads that die at start are not replaced. Waiting comparisons fail, and the next comparison starts new threads.
   */
  #renew(workers: Piscina<Comparison, boolean>): void {
    if (this.#workers !== workers || workers.threads.length > 0 || workers.queueSize === 0) return;
    this.#workers = undefined;
    void workers.destroy();
  }
}
