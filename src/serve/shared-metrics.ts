/** A worker's part of `/metrics`: sends its counts to the primary, and reports the primary's sums to the scraper. */
import type { ProcessMetrics, SharedMetrics } from '../observe/combined-metrics.js';
import { isOrder, tell, UNASKED } from './worker-messages.js';

/** The primary may be too busy, or may be stopping. */
const ANSWER_TIMEOUT_MS = 5_000;
/** How often the primary gets the counts unasked. A killed worker loses at most the counts of this time. */
const REPORT_MS = 1_000;
/** A report with thousands of series takes long, so the next report waits this many times longer. */
const REPORT_PAUSE = 20;

export class SharedWorkerMetrics implements SharedMetrics {
  #own: () => Promise<ProcessMetrics> = () => Promise.resolve([]);
  readonly #waiting = new Map<number, (text: string) => void>();
  #lastId = 0;

  constructor() {
    process.on('message', (message) => {
      if (!isOrder(message)) return;
      if (message.kind === 'total') this.#waiting.get(message.id)?.(message.text);
      if (message.kind !== 'count') return;
      const { id } = message;
      void this.#own().then((snapshot) => tell({ kind: 'counted', id, snapshot }));
    });
  }

  share(own: () => Promise<ProcessMetrics>): void {
    this.#own = own;
    this.#reportIn(REPORT_MS);
  }

  /** Sends the counts to the primary, which keeps them when this worker ends. Resolves when they are sent. */
  async report(): Promise<void> {
    const snapshot = await this.#own();
    await new Promise<void>((sent) => tell({ kind: 'counted', id: UNASKED, snapshot }, sent));
  }

  #reportIn(ms: number): void {
    setTimeout(() => {
      const start = performance.now();
      void this.report().then(() => this.#reportIn(Math.max(REPORT_MS, REPORT_PAUSE * (performance.now() - start))));
    }, ms).unref();
  }

  text(): Promise<string> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error('the primary did not answer'));
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, (text) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(text);
      });
      tell({ kind: 'total', id });
    });
  }
}
