/** How many introspections run at once and how many wait: a flood of made-up tokens reaches the server as a trickle. */

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

export class IntrospectionGate {
  private running = 0;
  /** A Set keeps the order of arrival and lets one that gave up leave from the middle. */
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
    if (this.waiters.size >= this.limits.waiting) return Promise.reject(new GateClosedError('too many wait already'));
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

  /** The place goes to the next in line, so that `running` never dips below what runs. */
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
