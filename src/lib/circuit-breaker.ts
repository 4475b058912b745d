/** A circuit breaker: after failures in a row a server gets no calls for a while, and then a few calls as probes. */
import type { Now } from './types.js';

export type BreakerState = 'closed' | 'half_open' | 'open';

export interface BreakerPlan {
  /** Failures in a row that open the circuit. */
  readonly failureThreshold: number;
  /** Successful probes that close the circuit. */
  readonly successThreshold: number;
  /** How long the circuit stays open. */
  readonly timeoutMs: number;
  /** The open time doubles with each failed probe, up to this limit. Default: `timeoutMs`, so that it never grows. */
  readonly longestTimeoutMs?: number;
  /** After this time another probe may replace an open probe. Default: `timeoutMs`. */
  readonly probeMs?: number;
}

export interface BreakerDeps {
  readonly now: Now;
  readonly changed?: (state: BreakerState) => void;
}

/** One call, from its start; the caller reports its outcome with it. */
export interface BreakerCall {
  readonly term: number;
  /** When the call became a probe of a half-open circuit. */
  readonly since: number;
}

/**
 * A term lasts from one change of state to the next. The outcome of a call counts only in the term in which the call
 * began. A call from before the circuit opened does not describe the current state of the server.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  /** The call of all requests of this term that are not probes. */
  #plain: BreakerCall = { term: 0, since: 0 };
  /** Failures in a row, while closed. */
  #failures = 0;
  /** Successful probes, and open probes, while half open. */
  #successes = 0;
  readonly #probes = new Set<BreakerCall>();
  #openedAt = 0;
  #timeoutMs: number;

  constructor(
    private readonly plan: BreakerPlan,
    private readonly deps: BreakerDeps,
  ) {
    this.#timeoutMs = plan.timeoutMs;
  }

  get state(): BreakerState {
    this.#lapse();
    return this.#state;
  }

  /** Whether a call may start. A half-open circuit admits no more probes at once than it needs to close. */
  get admits(): boolean {
    this.#lapse();
    if (this.#state === 'closed') return true;
    if (this.#state === 'open') return false;
    this.#dropSlowProbes();
    return this.#successes + this.#probes.size < this.plan.successThreshold;
  }

  /** Milliseconds after which a refused call may be tried again; 0 where a call may start now. */
  get waitMs(): number {
    if (this.admits) return 0;
    return this.#state === 'open' ? this.#openedAt + this.#timeoutMs - this.deps.now() : this.#timeoutMs;
  }

  /** Starts a call. */
  enter(): BreakerCall {
    if (this.#state !== 'half_open') return this.#plain;
    const probe = { term: this.#plain.term, since: this.deps.now() };
    this.#probes.add(probe);
    return probe;
  }

  /** Ends a call whose outcome does not depend on the server, for example after the client disconnected. */
  leave(call: BreakerCall): void {
    this.#probes.delete(call);
  }

  succeeded(call: BreakerCall): void {
    if (call.term !== this.#plain.term) return;
    this.#failures = 0;
    if (this.#state !== 'half_open') return;
    this.#probes.delete(call);
    if (++this.#successes < this.plan.successThreshold) return;
    this.#timeoutMs = this.plan.timeoutMs;
    this.#become('closed');
  }

  failed(call: BreakerCall): void {
    if (call.term !== this.#plain.term || this.#state === 'open') return;
    if (this.#state === 'closed' && ++this.#failures < this.plan.failureThreshold) return;
    const { timeoutMs, longestTimeoutMs = timeoutMs } = this.plan;
    if (this.#state === 'half_open') this.#timeoutMs = Math.min(this.#timeoutMs * 2, longestTimeoutMs);
    this.#openedAt = this.deps.now();
    this.#become('open');
  }

  /**
   * A client can make a probe slow with a body that arrives in small parts. A slow probe must not block all other
   * requests for that long, so another call may replace it. The outcome of the slow probe still counts.
   */
  #dropSlowProbes(): void {
    const { probeMs = this.plan.timeoutMs } = this.plan;
    for (const probe of this.#probes) if (this.#hasPassed(probe.since, probeMs)) this.#probes.delete(probe);
  }

  #lapse(): void {
    if (this.#state === 'open' && this.#hasPassed(this.#openedAt, this.#timeoutMs)) this.#become('half_open');
  }

  /** A clock that was set back must not keep a circuit open. */
  #hasPassed(since: number, ms: number): boolean {
    const waited = this.deps.now() - since;
    return waited >= ms || waited < 0;
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#plain = { term: this.#plain.term + 1, since: 0 };
    this.#failures = 0;
    this.#successes = 0;
    this.#probes.clear();
    this.deps.changed?.(state);
  }
}
