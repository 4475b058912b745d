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
}

export class WorkGate {
  private running = 0;
  /** A Set keeps the order of arrival, and a waiter that gave up can be removed from the middle. */
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly limits: GateLimits) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private enter(): Promise<void> {
    if (this.running < this.limits.running) {
      this.running += 1;
      return Promise.resolve();
    }
    if (this.waiters.size >= this.limits.waiting)
      return Promise.reject(new GateClosedError('too many requests wait already'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new GateClosedError('waited too long'));
      }, this.limits.waitMs);
      const waiter: Waiter = {
        enter: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.waiters.add(waiter);
    });
  }

  /** Passes the slot to the next waiter, so that `running` never falls below the real number. */
  private leave(): void {
    const [next] = this.waiters;
    if (!next) {
      this.running -= 1;
      return;
    }
    this.waiters.delete(next);
    next.enter();
  }
}
