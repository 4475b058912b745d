/** A circuit breaker: after failures in a row an endpoint is left alone for a while, then tried with a few requests. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import type { Now } from '../../lib/types.js';

export type BreakerState = 'closed' | 'half_open' | 'open';
export type BreakerPlan = NonNullable<PlannedUpstream['circuitBreaker']>;

export interface BreakerDeps {
  readonly now: Now;
  readonly changed: (state: BreakerState) => void;
}

/**
 * What a call came to counts only in the term it began in: the late failure of a request from before the circuit opened
 * says nothing of the endpoint as it is now.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  #term = 0;
  /** In a row, while closed. */
  #failures = 0;
  /** While half open: probes that succeeded, and those that are under way. */
  #successes = 0;
  #probes = 0;
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
    return this.#state === 'half_open' && this.#successes + this.#probes < this.plan.successThreshold;
  }

  /** A request goes. Returns the term that its outcome is told for. */
  enter(): number {
    if (this.#state === 'half_open') this.#probes++;
    return this.#term;
  }

  /** It ended and says nothing of the endpoint: the client left. */
  leave(term: number): void {
    if (term === this.#term && this.#state === 'half_open') this.#probes--;
  }

  succeeded(term: number): void {
    if (term !== this.#term) return;
    this.#failures = 0;
    if (this.#state !== 'half_open') return;
    this.#probes--;
    if (++this.#successes >= this.plan.successThreshold) this.#become('closed');
  }

  failed(term: number): void {
    if (term !== this.#term || this.#state === 'open') return;
    if (this.#state === 'closed' && ++this.#failures < this.plan.failureThreshold) return;
    this.#openedAt = this.deps.now();
    this.#become('open');
  }

  #lapse(): void {
    if (this.#state !== 'open') return;
    const waited = this.deps.now() - this.#openedAt;
    // A clock that was set back must not hold it open.
    if (waited >= this.plan.timeoutMs || waited < 0) this.#become('half_open');
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#term++;
    this.#failures = 0;
    this.#successes = 0;
    this.#probes = 0;
    this.deps.changed(state);
  }
}
