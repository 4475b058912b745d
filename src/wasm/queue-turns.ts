/** Tells a plugin of its queues one item at a time, so that requests come between: it may put in more than it takes out. */
import { LIMITS } from './abi.js';

export class QueueTurns {
  /** By the token of a queue: how many times it is still to be told of. */
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
    // Behind the others: each queue has its turn.
    this.#times.delete(token);
    if (times > 1) this.#times.set(token, times - 1);
    if (this.#times.size > 0) this.#next = setImmediate(() => this.#turn());
    this.tell(token);
  }
}
