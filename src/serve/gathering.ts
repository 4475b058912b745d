/** The primary's part of `/metrics`: any worker reports the sums of all workers, including workers that have ended. */
import type { Worker } from 'node:cluster';
import type { Log } from '../lib/types.js';
import { legacyOf, textOf, type MetricsSnapshot } from '../observe/snapshot.js';
import { send, type Notice } from './worker-messages.js';

/** A worker that takes longer is left out of this scrape. */
const PATIENCE_MS = 2_000;

interface Question {
  readonly missing: Set<Worker>;
  readonly done: () => void;
}

export class Gathering {
  /** The last known counts of each worker. */
  readonly #last = new Map<Worker, MetricsSnapshot>();
  readonly #questions = new Map<number, Question>();
  #legacy: Promise<MetricsSnapshot> = Promise.resolve([]);
  #asked = 0;

  /** `serving` returns the workers that accept connections now. */
  constructor(
    private readonly serving: () => readonly Worker[],
    private readonly log: Log,
  ) {}

  hear(notice: Extract<Notice, { kind: 'total' | 'counted' }>, from: Worker): void {
    if (notice.kind === 'counted') {
      this.#last.set(from, notice.snapshot);
      this.#answered(notice.id, from);
      return;
    }
    this.#total().then(
      (text) => send(from, { kind: 'total', id: notice.id, text }),
      (err: unknown) => this.log.error({ err }, 'the numbers of the workers could not be gathered'),
    );
  }

  /** The counts of the ended worker stay in the sums. */
  ended(worker: Worker): void {
    for (const id of this.#questions.keys()) this.#answered(id, worker);
    const left = this.#last.get(worker);
    this.#last.delete(worker);
    if (left) this.#legacy = this.#legacy.then((before) => legacyOf([before, left]));
  }

  async #total(): Promise<string> {
    const workers = this.serving();
    const id = ++this.#asked;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => done(), PATIENCE_MS);
      const done = (): void => {
        clearTimeout(late);
        this.#questions.delete(id);
        resolve();
      };
      this.#questions.set(id, { missing: new Set(workers), done });
      for (const worker of workers) send(worker, { kind: 'count', id });
    });
    return textOf([await this.#legacy, ...this.#last.values()]);
  }

  #answered(id: number, by: Worker): void {
    const question = this.#questions.get(id);
    question?.missing.delete(by);
    if (question?.missing.size === 0) question.done();
  }
}
