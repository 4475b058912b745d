/** Shared queues of one VM id: first in, first out, bounded. */
import { LIMITS, Status } from './abi.js';

type Queue = Buffer[];

export class Queues {
  readonly #tokens = new Map<string, number>();
  readonly #queues: Queue[] = [];
  #bytes = 0;

  /**
   * Returns the token of the queue of that name, and creates the queue if needed. Returns 0 if there are too many
   * queues.
   */
  register(name: string): number {
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    if (this.#queues.length >= LIMITS.queues || name.length > LIMITS.queueName) return 0;
    const token = this.#queues.push([]);
    this.#tokens.set(name, token);
    return token;
  }

  resolve(name: string): number | undefined {
    return this.#tokens.get(name);
  }

  enqueue(token: number, item: Buffer): Status {
    const queue = this.#queues[token - 1];
    if (!queue) return Status.NotFound;
    const isFull = queue.length >= LIMITS.queueItems || this.#bytes + item.length > LIMITS.queueBytes;
    if (isFull) return Status.InternalFailure;
    queue.push(item);
    this.#bytes += item.length;
    return Status.Ok;
  }

  dequeue(token: number): Buffer | typeof Status.NotFound | typeof Status.Empty {
    const queue = this.#queues[token - 1];
    if (!queue) return Status.NotFound;
    const item = queue.shift();
    if (!item) return Status.Empty;
    this.#bytes -= item.length;
    return item;
  }
}
