/** A worker's part of `/metrics`: sends its counts to the primary, and reports the primary's sums to the scraper. */
import type { ProcessMetrics, SharedMetrics } from '../observe/combined-metrics.js';
import { isOrder, tell } from './worker-messages.js';

/** The primary may be too busy, or may be stopping. */
const ANSWER_TIMEOUT_MS = 5_000;

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
