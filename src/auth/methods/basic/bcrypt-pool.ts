/** Bcrypt off the event loop and off libuv's pool (which would starve DNS and fs): a bounded pool of worker threads. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Metrics } from '../../../lib/metrics.js';

/** Too many comparisons wait already: the caller says 503, never 401. */
export class PoolFullError extends Error {
  override readonly name = 'PoolFullError';
}

/** The worker stands beside this file: `.cjs` when built, `.cts` where Node strips the types. */
const BUILT = extname(fileURLToPath(import.meta.url)) === '.js';
const WORKER = new URL(`./bcrypt-worker.${BUILT ? 'cjs' : 'cts'}`, import.meta.url);

/** What a worker is asked. */
export interface Comparison {
  readonly password: string;
  readonly passwordHash: string;
  /** Hashed as well when the first does not match, so that all failures of a user table take the same time. */
  readonly padding: readonly string[];
}

const IDLE_MS = 30_000;
/** One core is left for the event loop. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));
const WAITING_PER_THREAD = 16;

export interface BcryptPoolOptions {
  /** Comparisons running or waiting at once. */
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
  }

  /** Whether the password matches; rejects with a PoolFullError at once where too many wait. */
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

  /** Threads start at the first comparison and end when idle: a file whose users never log in pays for none. */
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
    // Unheard, the error of a thread that dies between two comparisons would end the process.
    workers.on('error', () => undefined);
    workers.on('workerDestroy', () => setImmediate(() => this.#renew(workers)));
    return workers;
  }

  /** Threads that die while they start are not replaced: whoever waits for them fails, and the next has new ones. */
  #renew(workers: Piscina<Comparison, boolean>): void {
    if (this.#workers !== workers || workers.threads.length > 0 || workers.queueSize === 0) return;
    this.#workers = undefined;
    void workers.destroy();
  }
}
