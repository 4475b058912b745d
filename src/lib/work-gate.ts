/** Bounds how many pieces of work run and wait at once, so that a flood of guesses does not flood a server. */

export class GateClosedError extends Error {
  override readonly name = 'GateClosedError';
}

interface GateLimits {
  readonly running: number;
  readonly waiting: number;
  readonly waitMs: number;
}

interface Waiter {
  enter(): void;
  refuse(words: string): void;
}

const FULL = 'too many requests wait already';

export class WorkGate {
  private running = 0;
  private waiting = 0;
  /** The waiters of each owner in order of arrival. The owners take turns, in the order of the map. */
  private readonly queues = new Map<string, Set<Waiter>>();

  constructor(private readonly limits: GateLimits) {}

  /** `owner`: who asked for the work. Many waiters of one owner do not delay or displace those of another. */
  async run<T>(work: () => Promise<T>, owner = ''): Promise<T> {
    await this.enter(owner);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private enter(owner: string): Promise<void> {
    if (this.running < this.limits.running) {
      this.running += 1;
      return Promise.resolve();
    }
    if (this.waiting >= this.limits.waiting && !this.makeRoom(owner)) return Promise.reject(new GateClosedError(FULL));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter.refuse('waited too long'), this.limits.waitMs);
      const waiter: Waiter = {
        enter: () => {
          this.remove(owner, waiter);
          clearTimeout(timer);
          resolve();
        },
        refuse: (words) => {
          this.remove(owner, waiter);
          clearTimeout(timer);
          reject(new GateClosedError(words));
        },
      };
      this.queues.set(owner, (this.queues.get(owner) ?? new Set()).add(waiter));
      this.waiting += 1;
    });
  }

  /** Refuses the last waiter of the owner with the most waiters. Returns false if that is this owner. */
  private makeRoom(owner: string): boolean {
    let longest = this.queues.get(owner) ?? new Set<Waiter>();
    for (const queue of this.queues.values()) if (queue.size > longest.size + 1) longest = queue;
    if (longest === this.queues.get(owner)) return false;
    const last = [...longest].at(-1);
    last?.refuse(FULL);
    return last !== undefined;
  }

  private remove(owner: string, waiter: Waiter): void {
    const queue = this.queues.get(owner);
    if (!queue?.delete(waiter)) return;
    this.waiting -= 1;
    if (queue.size === 0) this.queues.delete(owner);
  }

  /** Passes the slot to the next waiter, so that `running` never falls below the real number. */
  private leave(): void {
    const [next] = this.queues;
    if (!next) {
      this.running -= 1;
      return;
    }
    const [owner, queue] = next;
    const [waiter] = queue;
    // The owner takes its next turn after the others.
    this.queues.delete(owner);
    this.queues.set(owner, queue);
    waiter?.enter();
  }
}
