/** Decides whether, when and where a request is retried, without repeated side effects and within a budget. */
import type { IncomingMessage } from 'node:http';
import type { PlannedRetry } from '../../config/plan-types.js';
import type { Now } from '../../lib/types.js';
import { hasBody } from '../../http/request-body.js';
import type { Call } from '../engine.js';
import { codeOf, type UpstreamShortage } from '../failure.js';
import type { EndpointLease, Member } from './member.js';
import type { Members } from './members.js';

/** Idempotent HTTP methods (RFC 9110 §9.2.2). TRACE is never served. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** `carriesBody`: a body is streamed, so no copy is left for a second attempt. */
export function isRepeatable({ method }: IncomingMessage, carriesBody: boolean): boolean {
  return !carriesBody && IDEMPOTENT.has(method ?? '');
}

/** Safe HTTP methods (RFC 9110 §9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether the upstream had already closed the pooled socket and has not seen the safe request without a body. */
export function isStale(req: IncomingMessage, { reused }: Call, error: unknown): boolean {
  return (
    reused &&
    !hasBody(req) &&
    SAFE.has(req.method ?? '') &&
    ['ECONNRESET', 'EPIPE'].includes(codeOf(error)) &&
    !req.socket.destroyed
  );
}

/**
 * At most this share of the requests in flight are retries. A small fixed number is always allowed, so that a quiet
 * upstream has retries.
 */
const SHARE = 0.2;
const ALWAYS = 3;

/** Counts the current retries of one upstream. An upstream that is down must not receive each request several times. */
export class RetryBudget {
  #taken = 0;

  constructor(private readonly inFlight: () => number) {}

  take(): boolean {
    if (this.#taken >= Math.max(ALWAYS, SHARE * this.inFlight())) return false;
    this.#taken++;
    return true;
  }

  giveBack(): void {
    this.#taken--;
  }
}

/** What the attempts of all requests to one upstream have in common. */
export interface AttemptsShared {
  readonly members: Members;
  readonly budget: RetryBudget;
  readonly now: Now;
  readonly random: () => number;
}

export interface AttemptsParts {
  readonly client: () => string;
  /** Absent: this request is sent once. */
  readonly rule?: PlannedRetry | undefined;
  /** Whether a closed pooled connection allows a second send. False if the file forbids retries. */
  readonly resends: boolean;
  /** The limit of all attempts together, to the response head. */
  readonly timeoutMs: number;
}

export interface Failed {
  /** The upstream's status, or the status that the gateway would send. */
  readonly status: number;
  /** Without a connection the endpoint has not seen the request. */
  readonly unsent: boolean;
}

/** The attempts of one request. */
export class Attempts {
  readonly #startedAt: number;
  #tried: Set<Member> | undefined;
  #retries = 0;
  #resent = 0;
  #holdsBudget = false;

  constructor(
    private readonly shared: AttemptsShared,
    private readonly parts: AttemptsParts,
  ) {
    this.#startedAt = parts.rule ? shared.now() : 0;
  }

  /** Whether a second attempt is possible. */
  get repeatable(): boolean {
    return this.parts.rule !== undefined;
  }

  next(): EndpointLease | UpstreamShortage {
    return this.shared.members.lease({ use: 'request', client: this.parts.client, tried: this.#tried });
  }

  /** Whether a request on a closed pooled connection is sent again at once. True once. Counts against `maxRetries`. */
  resend(): boolean {
    const { resends } = this.parts;
    if (!resends || this.#resent > 0 || this.#isSpent()) return false;
    this.#resent++;
    return true;
  }

  /**
   * Returns the milliseconds before the next attempt, and counts that attempt. Undefined: this attempt was the last.
   */
  again(member: Member, { status, unsent }: Failed): number | undefined {
    const { rule, timeoutMs } = this.parts;
    const { members, now, budget } = this.shared;
    if (!rule || this.#isSpent()) return undefined;
    if (!unsent && !rule.codes.includes(status)) return undefined;
    const wait = this.#backoff(rule);
    const elapsed = now() - this.#startedAt;
    if (elapsed + wait >= timeoutMs || !members.admits) return undefined;
    if (!this.#holdsBudget && !budget.take()) return undefined;
    this.#holdsBudget = true;
    this.#retries++;
    (this.#tried ??= new Set()).add(member);
    return wait;
  }

  end(): void {
    if (this.#holdsBudget) this.shared.budget.giveBack();
    this.#holdsBudget = false;
  }

  #isSpent(): boolean {
    const { rule } = this.parts;
    return rule !== undefined && this.#retries + this.#resent >= rule.maxRetries;
  }

  /**
   * The upper bound doubles each time. The delay is random below it ("full jitter"), so that failed requests do not
   * return together.
   */
  #backoff({ backoffBaseMs, backoffMaxMs }: PlannedRetry): number {
    return this.shared.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** this.#retries);
  }
}
