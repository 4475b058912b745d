/**
 * Notifies a plugin of its queues one item at a time, with requests in between. A plugin may add more items than it
 * removes.
 */
import { LIMITS } from './abi.js';

export class QueueTurns {
  /** The number of pending notifications, by the token of a queue. */
  readonly #times = new Map<number, number>();
  #next: NodeJS.Immediate | undefined;

  constructor(private readonly tell: (token: number) => void) {}

  add(token: number): void {
    this.#times.set(token, Math.min((this.#times.get(token) ?? 0) + 1, LIMITS.queueItems));
    this.#next ??= setImmediate(() => this.#turn());
  }

  close(): void {
    clearImmediate(this.#next);
    this.#times.clear();
  }

  #turn(): void {
    this.#next = undefined;
    const [first] = this.#times;
    if (!first) return;
    const [token, times] = first;
    // Put the queue behind the others, so that each queue has its turn.
    this.#times.delete(token);
    if (times > 1) this.#times.set(token, times - 1);
    if (this.#times.size > 0) this.#next = setImmediate(() => this.#turn());
    this.tell(token);
  }
}
