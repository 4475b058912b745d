/** A circuit breaker: after failures in a row an endpoint is left alone for a while, then tried with a few requests. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import type { Now } from '../../lib/types.js';

export type BreakerState = 'closed' | 'half_open' | 'open';
export type BreakerPlan = NonNullable<PlannedUpstream['circuitBreaker']>;

export interface BreakerDeps {
  readonly now: Now;
  readonly changed: (state: BreakerState) => void;
}

/** One request, from its start: what it came to is told with it. */
export interface BreakerCall {
  readonly term: number;
  /** When it took one of the few places of a half-open circuit. */
  readonly since: number;
}

/**
 * What a call came to counts only in the term it began in: the late failure of a request from before the circuit opened
 * says nothing of the endpoint as it is now.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  /** Of this term, while it needs no place. */
  #plain: BreakerCall = { term: 0, since: 0 };
  /** In a row, while closed. */
  #failures = 0;
  /** While half open: probes that succeeded, and those that hold a place. */
  #successes = 0;
  readonly #probes = new Set<BreakerCall>();
  #openedAt = 0;

  constructor(
    private readonly plan: BreakerPlan,
    private readonly deps: BreakerDeps,
  ) {}

  get state(): BreakerState {
    this.#lapse();
    return this.#state;
  }

  /** Whether a request may go. Half open, no more probes are under way at once than are still needed to close. */
  get admits(): boolean {
    this.#lapse();
    if (this.#state === 'closed') return true;
    if (this.#state === 'open') return false;
    this.#giveUpOnSlow();
    return this.#successes + this.#probes.size < this.plan.successThreshold;
  }

  /** A request goes. */
  enter(): BreakerCall {
    if (this.#state !== 'half_open') return this.#plain;
    const probe = { term: this.#plain.term, since: this.deps.now() };
    this.#probes.add(probe);
    return probe;
  }

  /** It ended and says nothing of the endpoint: the client left. */
  leave(call: BreakerCall): void {
    this.#probes.delete(call);
  }

  succeeded(call: BreakerCall): void {
    if (call.term !== this.#plain.term) return;
    this.#failures = 0;
    if (this.#state !== 'half_open') return;
    this.#probes.delete(call);
    if (++this.#successes >= this.plan.successThreshold) this.#become('closed');
  }

  failed(call: BreakerCall): void {
    if (call.term !== this.#plain.term || this.#state === 'open') return;
    if (this.#state === 'closed' && ++this.#failures < this.plan.failureThreshold) return;
    this.#openedAt = this.deps.now();
    this.#become('open');
  }

  /**
   * How long a probe takes may be the client's to say, by a body that comes in drops: it must not shut all others out for
   * that long. Its place goes to another; what it comes to still counts.
   */
  #giveUpOnSlow(): void {
    for (const probe of this.#probes) if (this.#hasPassed(probe.since)) this.#probes.delete(probe);
  }

  #lapse(): void {
    if (this.#state === 'open' && this.#hasPassed(this.#openedAt)) this.#become('half_open');
  }

  /** Whether the time of an open circuit has gone by since. A clock that was set back must not hold it open. */
  #hasPassed(since: number): boolean {
    const waited = this.deps.now() - since;
    return waited >= this.plan.timeoutMs || waited < 0;
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#plain = { term: this.#plain.term + 1, since: 0 };
    this.#failures = 0;
    this.#successes = 0;
    this.#probes.clear();
    this.deps.changed(state);
  }
}
