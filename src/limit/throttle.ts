/** The budget of failed attempts for each key and window, which also limits the concurrent attempts. */
import { LRUCache } from 'lru-cache';
import type { MaybePromise, Now } from '../lib/types.js';

export interface ThrottleLimits {
  /** Failures within a window. */
  readonly failures: number;
  /** Milliseconds. A window begins with its first failure. */
  readonly per: number;
}

export type Entrance =
  | { readonly kind: 'entered' }
  /** The budget is spent. The window ends after this number of milliseconds. */
  | { readonly kind: 'spent'; readonly waitMs: number }
  /** Too many attempts wait for the running attempts, or this attempt waited too long. */
  | { readonly kind: 'crowded' };

interface Window {
  readonly failures: number;
  readonly from: number;
}

/** Running attempts, and the attempts that wait for their outcome in order of arrival. */
interface Queue {
  running: number;
  readonly waiting: Set<(entrance: Entrance) => void>;
}

const ENTERED: Entrance = { kind: 'entered' };
const CROWDED: Entrance = { kind: 'crowded' };
/** About 10 MB. Each entry is one failed attempt. A client that wants to drop its own entry must fail as often. */
const MAX_WINDOWS = 100_000;
const MAX_WAITING = 4_096;
const MAX_WAIT_MS = 5_000;

export class Throttle {
  readonly #windows: LRUCache<string, Window>;
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;

  constructor(
    private readonly limits: ThrottleLimits,
    private readonly now: Now,
    max = MAX_WINDOWS,
  ) {
    this.#windows = new LRUCache({ max });
  }

  /**
   * Whether an attempt may start. Running attempts count as failures; otherwise a thousand could start before the first
   * fails. Further attempts wait for their outcome, because valid credentials also arrive many at a time. An attempt
   * that entered must call `leave`.
   */
  enter(key: string): MaybePromise<Entrance> {
    const spent = this.spent(key);
    if (spent) return spent;
    const left = this.#left(key);
    const queue = this.#queues.get(key) ?? { running: 0, waiting: new Set() };
    this.#queues.set(key, queue);
    if (queue.running < left) {
      queue.running += 1;
      return ENTERED;
    }
    return this.#waiting >= MAX_WAITING ? CROWDED : this.#wait(queue);
  }

  /** The refusal of a new attempt if the budget is spent, or undefined. */
  spent(key: string): (Entrance & { readonly kind: 'spent' }) | undefined {
    return this.#left(key) <= 0 ? this.#spent(key) : undefined;
  }

  /** Ends an attempt that entered. Returns whether its failure spent the budget. */
  leave(key: string, failed: boolean): boolean {
    const queue = this.#queues.get(key);
    if (queue) queue.running -= 1;
    if (failed) this.#count(key);
    const left = this.#left(key);
    if (queue) this.#wake(queue, key);
    return failed && left === 0;
  }

  /** Counts a failure of an attempt that did not enter. Returns whether it spent the budget. */
  fail(key: string): boolean {
    this.#count(key);
    return this.#left(key) === 0;
  }

  /** The numbers of remembered keys and of waiting attempts. */
  get size(): { readonly windows: number; readonly waiting: number; readonly queues: number } {
    return { windows: this.#windows.size, waiting: this.#waiting, queues: this.#queues.size };
  }

  #wait({ waiting }: Queue): Promise<Entrance> {
    return new Promise((resolve) => {
      const settle = (entrance: Entrance): void => {
        clearTimeout(timer);
        waiting.delete(settle);
        this.#waiting -= 1;
        resolve(entrance);
      };
      const timer = setTimeout(() => settle(CROWDED), MAX_WAIT_MS);
      waiting.add(settle);
      this.#waiting += 1;
    });
  }

  #wake(queue: Queue, key: string): void {
    const left = this.#left(key);
    for (const settle of [...queue.waiting]) {
      if (left <= 0) settle(this.#spent(key));
      else if (queue.running < left) {
        queue.running += 1;
        settle(ENTERED);
      } else break;
    }
    if (queue.running === 0 && queue.waiting.size === 0) this.#queues.delete(key);
  }

  #count(key: string): void {
    const { failures, from } = this.#windowOf(key) ?? { failures: 0, from: this.now() };
    this.#windows.set(key, { failures: failures + 1, from });
  }

  #left(key: string): number {
    return this.limits.failures - (this.#windowOf(key)?.failures ?? 0);
  }

  /** A clock that was set back ends a window and does not extend it. */
  #windowOf(key: string): Window | undefined {
    const window = this.#windows.get(key);
    if (!window) return undefined;
    const age = this.now() - window.from;
    if (age >= 0 && age < this.limits.per) return window;
    this.#windows.delete(key);
    return undefined;
  }

  #spent(key: string): Entrance & { readonly kind: 'spent' } {
    const { from = this.now() } = this.#windowOf(key) ?? {};
    return { kind: 'spent', waitMs: Math.max(0, from + this.limits.per - this.now()) };
  }
}
