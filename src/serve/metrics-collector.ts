/** The primary's part of `/metrics`: any worker reports the sums of all workers, including workers that have ended. */
import type { Worker } from 'node:cluster';
import type { Log } from '../lib/types.js';
import { lastingMetrics, combinedText, type ProcessMetrics } from '../observe/combined-metrics.js';
import { send, type Notice } from './worker-messages.js';

/** A worker that takes longer is left out of this scrape. */
const SCRAPE_TIMEOUT_MS = 2_000;

/** A scrape that waits for the counts of workers. */
interface Scrape {
  readonly missing: Set<Worker>;
  readonly done: () => void;
}

export class MetricsCollector {
  /** The last known counts of each worker. */
  readonly #last = new Map<Worker, ProcessMetrics>();
  readonly #scrapes = new Map<number, Scrape>();
  #legacy: Promise<ProcessMetrics> = Promise.resolve([]);
  #lastId = 0;

  /** `serving` returns the workers that accept connections now. */
  constructor(
    private readonly serving: () => readonly Worker[],
    private readonly log: Log,
  ) {}

  receive(notice: Extract<Notice, { kind: 'total' | 'counted' }>, from: Worker): void {
    if (notice.kind === 'counted') {
      this.#last.set(from, notice.snapshot);
      this.#answered(notice.id, from);
      return;
    }
    this.#total().then(
      (text) => send(from, { kind: 'total', id: notice.id, text }),
      (err: unknown) => this.log.error({ err }, 'the metrics of the workers could not be collected'),
    );
  }

  /** The counts of the ended worker stay in the sums. */
  ended(worker: Worker): void {
    for (const id of this.#scrapes.keys()) this.#answered(id, worker);
    const left = this.#last.get(worker);
    this.#last.delete(worker);
    if (left) this.#legacy = this.#legacy.then((before) => lastingMetrics([before, left]));
  }

  async #total(): Promise<string> {
    const workers = this.serving();
    const id = ++this.#lastId;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => done(), SCRAPE_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(late);
        this.#scrapes.delete(id);
        resolve();
      };
      this.#scrapes.set(id, { missing: new Set(workers), done });
      for (const worker of workers) send(worker, { kind: 'count', id });
    });
    return combinedText([await this.#legacy, ...this.#last.values()]);
  }

  #answered(id: number, by: Worker): void {
    const scrape = this.#scrapes.get(id);
    scrape?.missing.delete(by);
    if (scrape?.missing.size === 0) scrape.done();
  }
}
