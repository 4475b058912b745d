/** A worker's part of `/metrics`: sends its counts to the primary, and reports the primary's sums to the scraper. */
import type { MetricsSnapshot, Together } from '../observe/snapshot.js';
import { isOrder, tell } from './worker-messages.js';

/** The primary may be too busy, or may be stopping. */
const PATIENCE_MS = 5_000;

export class WorkerNumbers implements Together {
  #own: () => Promise<MetricsSnapshot> = () => Promise.resolve([]);
  readonly #waiting = new Map<number, (text: string) => void>();
  #asked = 0;

  constructor() {
    process.on('message', (message) => {
      if (!isOrder(message)) return;
      if (message.kind === 'total') this.#waiting.get(message.id)?.(message.text);
      if (message.kind !== 'count') return;
      const { id } = message;
      void this.#own().then((snapshot) => tell({ kind: 'counted', id, snapshot }));
    });
  }

  share(own: () => Promise<MetricsSnapshot>): void {
    this.#own = own;
  }

  text(): Promise<string> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error('the primary did not answer'));
      }, PATIENCE_MS);
      this.#waiting.set(id, (text) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(text);
      });
      tell({ kind: 'total', id });
    });
  }
}
