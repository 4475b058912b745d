/** A bounded queue of work beside the live requests, which uses at most a share of the time of the process. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WorkQueueOptions<T> {
  readonly work: (item: T) => void | Promise<void>;
  /** The most items that wait. */
  readonly most: number;
  /** The most memory of the items that wait, in the unit of `sizeOf`. */
  readonly mostSize: number;
  readonly sizeOf: (item: T) => number;
}

/** After this time of work the queue rests. */
const SLICE_MS = 2;
/** The rest is this many times as long as the work before it. */
const REST = 3;

export class WorkQueue<T> {
  #items: T[] = [];
  #size = 0;
  #running = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(private readonly options: WorkQueueOptions<T>) {}

  /** Whether a new item would be dropped. */
  get isFull(): boolean {
    return this.#items.length >= this.options.most || this.#size >= this.options.mostSize;
  }

  /** The caller has asked `isFull`. */
  add(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#size += this.options.sizeOf(item);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  /** Resolves when nothing waits. */
  drained(): Promise<void> {
    return this.#running ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#items = [];
    this.#size = 0;
  }

  async #run(): Promise<void> {
    while (this.#items.length > 0) {
      const start = performance.now();
      await this.#slice(start + SLICE_MS);
      if (this.#items.length === 0) break;
      const restMs = (performance.now() - start) * REST;
      await sleep(restMs, undefined, { ref: false });
    }
    this.#running = false;
    for (const idle of this.#idle.splice(0)) idle();
  }

  async #slice(until: number): Promise<void> {
    let at = 0;
    for (const item of this.#items) {
      at += 1;
      this.#size -= this.options.sizeOf(item);
      const working = this.options.work(item);
      if (working instanceof Promise) await working;
      if (this.#closed || performance.now() >= until) break;
    }
    this.#items = this.#items.slice(at);
  }
}
