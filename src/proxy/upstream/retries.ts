/** Whether a request may be sent once more, when, and where: never one that could do a thing twice, never a flood. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { PlannedRetry } from '../../config/plan-types.js';
import type { Now } from '../../lib/types.js';
import { hasBody } from '../../http/request-body.js';
import { codeOf, type UpstreamShortage } from '../failure.js';
import type { EndpointLease, Member } from './member.js';
import type { Members } from './members.js';

/** RFC 9110 §9.2.2; TRACE is never served. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** `carriesBody`: a body is read as it is sent, and there is no second copy of it. */
export function isRepeatable({ method }: IncomingMessage, carriesBody: boolean): boolean {
  return !carriesBody && IDEMPOTENT.has(method ?? '');
}

/** RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A pooled socket that the upstream had closed already: a bodiless safe request has not been seen by anyone. */
export function isStale(req: IncomingMessage, sent: ClientRequest | undefined, error: unknown): boolean {
  return (
    sent?.reusedSocket === true &&
    !hasBody(req) &&
    SAFE.has(req.method ?? '') &&
    ['ECONNRESET', 'EPIPE'].includes(codeOf(error)) &&
    !req.socket.destroyed
  );
}

/** Of the requests in flight, at most this share are retries; a few always may be, or a quiet upstream would have none. */
const SHARE = 0.2;
const ALWAYS = 3;

/** Retries of one upstream at this moment: an upstream that is down must not get each request several times. */
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

export interface AttemptsParts {
  readonly members: Members;
  readonly budget: RetryBudget;
  readonly client: () => string;
  /** Absent: this request is sent once. */
  readonly rule?: PlannedRetry | undefined;
  /** Whether a closed pooled connection allows a second send. False where the file forbids retries. */
  readonly resends: boolean;
  /** For all attempts together, to the head of an answer. */
  readonly timeoutMs: number;
  readonly now: Now;
  readonly random: () => number;
}

export interface Failed {
  /** The upstream's, or the one that we would answer. */
  readonly status: number;
  /** There was no connection: the endpoint has seen nothing of the request. */
  readonly unsent: boolean;
}

/** The attempts of one request. */
export class Attempts {
  readonly #startedAt: number;
  #tried: Set<Member> | undefined;
  #retries = 0;
  #resent = 0;
  #holdsBudget = false;

  constructor(private readonly parts: AttemptsParts) {
    this.#startedAt = parts.rule ? parts.now() : 0;
  }

  /** Whether there may be a second attempt at all. */
  get repeatable(): boolean {
    return this.parts.rule !== undefined;
  }

  next(): EndpointLease | UpstreamShortage {
    const { members, client } = this.parts;
    return members.lease({ use: 'request', client, ...(this.#tried && { tried: this.#tried }) });
  }

  /** Whether a request that met a closed pooled connection is sent again at once. True once; counts against `maxRetries`. */
  resend(): boolean {
    const { resends } = this.parts;
    if (!resends || this.#resent > 0 || this.#isSpent()) return false;
    this.#resent++;
    return true;
  }

  /** Milliseconds to wait before the next attempt, which is then counted; undefined: this one was the last. */
  again(member: Member, { status, unsent }: Failed): number | undefined {
    const { rule, members, now, timeoutMs, budget } = this.parts;
    if (!rule || this.#isSpent()) return undefined;
    if (!unsent && !rule.codes.includes(status)) return undefined;
    const wait = this.#backoff(rule);
    const elapsed = now() - this.#startedAt;
    if (elapsed + wait >= timeoutMs || !members.anyUp) return undefined;
    if (!this.#holdsBudget && !budget.take()) return undefined;
    this.#holdsBudget = true;
    this.#retries++;
    (this.#tried ??= new Set()).add(member);
    return wait;
  }

  end(): void {
    if (this.#holdsBudget) this.parts.budget.giveBack();
    this.#holdsBudget = false;
  }

  #isSpent(): boolean {
    const { rule } = this.parts;
    return rule !== undefined && this.#retries + this.#resent >= rule.maxRetries;
  }

  /** Doubled each time; anywhere up to it ("full jitter"), or those that failed together would come back together. */
  #backoff({ backoffBaseMs, backoffMaxMs }: PlannedRetry): number {
    return this.parts.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** this.#retries);
  }
}
