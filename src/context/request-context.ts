/** Everything that a gateway knows of one request or upgrade, field by field, from its arrival to its end. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Decision } from '../auth/decision.js';
import type { Identity } from '../auth/identity.js';
import type { Requirement } from '../auth/requirement.js';
import type { Verdict } from '../auth/verdict.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { findRequestState, replaceRequestState, RequestState } from '../http/request-state.js';
import type { Target } from '../http/target.js';
import type { Patience, RateLimitDecision } from '../limit/limiter.js';

/** A `preflight` is an OPTIONS request that the file's `cors` block answers. */
export type RequestKind = 'request' | 'upgrade' | 'preflight';

/** What a request must satisfy. It is data: the policy holds the function that judges by it. */
export interface Guard {
  readonly requirement: Requirement;
  /** The request headers that the response depends on. */
  readonly vary: readonly string[];
}

export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** The rate limit buckets that one set of limits has taken a token from. */
export interface TakenTokens {
  readonly keys: Set<string>;
  readonly patience: Patience;
}

/** One request on its way through an upstream, as the proxy library reports on it. */
export interface UpstreamExchange {
  attach(request: ClientRequest): void;
  answer(message: IncomingMessage): void;
  fail(error: unknown): void;
}

/** The span of a request in a trace. */
export interface RequestSpan {
  /** Runs a host's handlers within the span. */
  within(act: () => void): void;
  /** Returns the fields that go on to the upstream; undefined where the request does not go on. */
  decided(method: string, decision: Decision): Readonly<Record<string, string | undefined>> | undefined;
  end(status: number): void;
}

/** What the access log, the metrics and the trace need of a request. */
export interface Trail {
  readonly path: string;
  readonly startMs: number;
  /** Bytes that the socket had written before. */
  readonly sent: number;
  readonly span?: RequestSpan | undefined;
  decision?: Decision;
}

/**
 * A request has one context, however many gateways and guards of the process judge it. An upgraded socket keeps its
 * context for hours, and reloads happen meanwhile: no field may lead to a snapshot or to a policy.
 */
export class RequestContext extends RequestState {
  /** The request id; undefined where the file asks for none. */
  id: string | undefined;
  /** The status of the response to an upgrade, which has no response object. */
  answeredStatus: number | undefined;

  kind: RequestKind = 'request';
  /** The guard that the host's code names, in place of the route's. */
  hostGuard: Guard | undefined;
  /** Undefined before a route is found, and where no route matches. */
  route: PlannedRoute | undefined;
  /** The verified identities, the primary first. */
  identities: readonly Identity[] = [];
  /** The identity headers to set before the request goes on. */
  identityHeaders: HeaderFields = [];
  /** The tightest rate limit that the request passed. */
  limit: RateLimitDecision | undefined;
  #target: Target | undefined;
  #guard: Guard | undefined;

  /** What `identitiesOf` returns to the host. */
  sharedIdentities: readonly Identity[] | undefined;
  /** The verdict of each method, where the host's code asks for them. */
  readonly methodVerdicts: Verdict[] = [];
  /** Identity headers that a gateway of this process has set, in lower case. */
  readonly ownHeaders = new Set<string>();
  /** Which trailer fields are removed when the trailers arrive. */
  trailerFilters: ((name: string) => boolean)[] | undefined;
  /** Tokens taken, for each set of limits that has judged the request. */
  readonly takenTokens = new Map<symbol, TakenTokens>();
  exchange: UpstreamExchange | undefined;
  trail: Trail | undefined;

  constructor(readonly request: IncomingMessage) {
    super();
  }

  /** The client address that was found, or the address of the peer. */
  get address(): string {
    return this.clientAddress ?? this.request.socket.remoteAddress ?? '';
  }

  get target(): Target {
    return known(this.#target, 'the target was not read');
  }

  set target(target: Target) {
    this.#target = target;
  }

  get guard(): Guard {
    return known(this.#guard, 'no guard was found');
  }

  set guard(guard: Guard) {
    this.#guard = guard;
  }

  /** Begins one judgement: nothing that an earlier gateway or guard found out holds for it. */
  begin(kind: RequestKind, hostGuard?: Guard): void {
    this.kind = kind;
    this.hostGuard = hostGuard;
    this.route = undefined;
    this.identities = [];
    this.identityHeaders = [];
    this.limit = undefined;
    this.#target = undefined;
    this.#guard = undefined;
    this.methodVerdicts.length = 0;
  }
}

/** A throw here is a bug of the pipeline, and is answered 500. */
function known<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new TypeError(otherwise);
  return value;
}

/** The context of a request; undefined where no gateway of this process has seen the request. */
export function findContext(request: IncomingMessage): RequestContext | undefined {
  const state = findRequestState(request);
  return state instanceof RequestContext ? state : undefined;
}

/** The context of a request; made when the request arrives at the first gateway. */
export function contextOf(request: IncomingMessage): RequestContext {
  const found = findContext(request);
  if (found) return found;
  const context = new RequestContext(request);
  replaceRequestState(request, context);
  return context;
}
