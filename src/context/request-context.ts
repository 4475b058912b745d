/** The state of one request or upgrade in the gateway, from its arrival to its end. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Place } from '../auth/credentials.js';
import type { Decision, NearRoute, Outcome } from '../auth/decision.js';
import type { Identity } from '../auth/identity.js';
import type { Requirement } from '../auth/requirement.js';
import type { Challenge, Detail, ReasonCode, Verdict } from '../auth/verdict.js';
import type { Next } from '../lib/types.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { adoptRequest, type InjectedRequest } from '../http/injected-request.js';
import { findRequestState, replaceRequestState, RequestState } from '../http/request-state.js';
import type { Target } from '../http/target.js';
import { clientOfPeer } from '../http/client-address.js';
import { peerAddressOf } from '../lib/connection.js';
import type { Patience, RateLimitDecision } from '../limit/limiter.js';

/** A `preflight` is an OPTIONS request that the `cors` block of the configuration answers. */
export type RequestKind = 'request' | 'upgrade' | 'preflight';

/** The requirement of a request. A guard is data: the policy has the function that checks the requirement. */
export interface Guard {
  readonly requirement: Requirement;
  /** The request headers that the response depends on. */
  readonly vary: readonly string[];
  /** The challenges of the auth methods, by their names. */
  readonly challenges: ReadonlyMap<string, Challenge>;
}

/** A denial by a handler of the host, after admission. */
export interface LateDenial {
  readonly status: 401 | 403;
  readonly code: 'unauthorized' | 'insufficient_scope';
  readonly reason: ReasonCode;
  readonly method?: string | undefined;
  readonly challenges: readonly Challenge[];
  /** For the log: what was found, in one sentence. */
  readonly detail?: Detail;
}

/** The parts of a request that a guard of the host has. */
export interface Leaving {
  readonly context: RequestContext;
  readonly res: ServerResponse;
  readonly next: Next;
}

/** Answers a request that a guard of the host refuses after admission. */
export type DenyLate = (leaving: Leaving, denial: LateDenial) => void;

export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** The rate limit buckets from which one set of limits has taken a token. */
export interface TakenTokens {
  readonly keys: Set<string>;
  readonly patience: Patience;
}

/** One request to an upstream. The proxy library reports its events here. */
export interface UpstreamExchange {
  attach(request: ClientRequest): void;
  answer(message: IncomingMessage): void;
  fail(error: unknown): void;
}

/** The span of a request in a trace. */
export interface RequestSpan {
  /** Runs a host's handlers within the span. */
  within(act: () => void): void;
  /** Returns the headers for the upstream, or undefined if the request is not forwarded. */
  decided(method: string, decision: Decision): Readonly<Record<string, string | undefined>> | undefined;
  end(status: number): void;
}

/** The verdict of one auth method on a request, for the decision record. */
export interface MethodOutcome {
  readonly method: string;
  readonly places: readonly Place[];
  readonly verdict: Verdict;
  readonly elapsedMs: number;
  readonly cache: 'hit' | 'miss' | undefined;
}

/** A denial as its log line has it. */
export interface DeniedLine {
  readonly instance: string;
  /** Undefined for a TLS handshake, which has no response. */
  readonly status?: number | undefined;
  readonly code: string;
  /** Of OpenSSL. */
  readonly cause?: string | undefined;
  readonly reason?: ReasonCode | undefined;
  readonly outcome: Outcome;
  readonly auth_method?: string | undefined;
  readonly detail?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly client?: string | undefined;
  readonly http_method?: string | undefined;
  readonly route?: string | undefined;
  readonly listener?: string | undefined;
  /** The routes that nearly match. */
  readonly near?: (() => readonly NearRoute[]) | undefined;
  /** The bucket that is empty, in words, and the seconds until it has a token. */
  readonly limit?: { readonly key: string; readonly opens_in_s: number } | undefined;
}

/** Keeps the decisions of a process. It outlives a configuration. */
export interface DecisionSink {
  admitted(context: RequestContext): void;
  /** Called before the response is written. It must not change the time of the response. */
  denied(line: DeniedLine, context?: RequestContext): void;
}

/** The data of a request for the access log, the metrics and the trace. */
export interface Trail {
  readonly path: string;
  readonly startMs: number;
  /** The bytes that the socket had written before this request. */
  readonly sent: number;
  readonly span?: RequestSpan | undefined;
  decision?: Decision;
}

const NONE: readonly never[] = [];

/**
 * A request has one context, even if several gateways and guards of the process check it. An upgraded socket keeps its
 * context for hours, and reloads happen in that time. No field may reference a snapshot or a policy.
 */
export class RequestContext extends RequestState {
  override readonly isContext = true;
  /** The request id, or undefined if the configuration does not enable request ids. */
  id: string | undefined;
  /** The id of the denial in the log: the request id, or an id of its own. Undefined for a request without a denial. */
  instance: string | undefined;
  /** The status of the response to an upgrade, which has no response object. */
  answeredStatus: number | undefined;

  kind: RequestKind = 'request';
  /** The guard that the host's code sets. It replaces the guard of the route. */
  hostGuard: Guard | undefined;
  /** Undefined until a route is found, and if no route matches. */
  route: PlannedRoute | undefined;
  /** The verified identities. The first one is the primary identity. */
  identities: readonly Identity[] = NONE;
  /** The identity headers to set before the request continues. */
  identityHeaders: HeaderFields = NONE;
  /** The tightest rate limit that the request passed. */
  limit: RateLimitDecision | undefined;
  #target: Target | undefined;
  #guard: Guard | undefined;

  /** The identities that `identitiesOf` returns to the host. */
  sharedIdentities: readonly Identity[] | undefined;
  /** Undefined until the request is admitted to the handlers of the host. */
  denyLate: DenyLate | undefined;
  /** The value of `req.user` that Loom has set. */
  user: unknown;
  /** The verdict of each auth method, if the host's code requests the verdicts. */
  methodVerdicts: readonly Verdict[] = NONE;
  /** Identity headers that a gateway of this process has set, in lower case. */
  ownHeaders: readonly string[] = NONE;
  /** The addresses from the CDN to the peer, if the header of the CDN has the client address. */
  cdnRoute: readonly string[] | undefined;
  /** Selects the trailer fields that are removed when the trailers arrive. */
  trailerFilters: ((name: string) => boolean)[] | undefined;
  /** The taken tokens, for each set of limits that has checked the request. */
  takenTokens: Map<symbol, TakenTokens> | undefined;
  exchange: UpstreamExchange | undefined;
  /** Undefined if no records are kept. */
  records: DecisionSink | undefined;
  /** The arrival of the request, of `performance.now()`. Set if records are kept. */
  arrivedMs = 0;
  methodOutcomes: MethodOutcome[] | undefined;
  /** The last endpoint of the upstream that failed on the request. */
  endpointFailure: { readonly endpoint: string; readonly cause: string } | undefined;
  trail: Trail | undefined;

  constructor(
    readonly request: IncomingMessage,
    /** Undefined for a request that Node has parsed. */
    readonly injected?: InjectedRequest | undefined,
  ) {
    super();
  }

  /** The client address behind trusted proxies, or the address of the peer. */
  get address(): string {
    return this.clientAddress ?? this.injected?.client ?? clientOfPeer(peerAddressOf(this.request));
  }

  get target(): Target {
    return known(this.#target, 'the target was not read');
  }

  set target(target: Target) {
    this.#target = target;
  }

  /** Undefined until a guard is found. */
  get foundGuard(): Guard | undefined {
    return this.#guard;
  }

  get guard(): Guard {
    return known(this.#guard, 'no guard was found');
  }

  set guard(guard: Guard) {
    this.#guard = guard;
  }

  /** Starts one admission and resets the results of an earlier gateway or guard. */
  begin(kind: RequestKind, hostGuard?: Guard): void {
    this.kind = kind;
    this.hostGuard = hostGuard;
    this.route = undefined;
    this.identities = NONE;
    this.identityHeaders = NONE;
    this.limit = undefined;
    this.#target = undefined;
    this.#guard = undefined;
    this.methodVerdicts = NONE;
    this.methodOutcomes = undefined;
  }
}

/** A throw here is a bug of the pipeline, and the response is 500. */
function known<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new TypeError(otherwise);
  return value;
}

/** Returns the context of a request, or undefined if no gateway of this process has received the request. */
export function findContext(request: IncomingMessage): RequestContext | undefined {
  const state = findRequestState(request);
  return state?.isContext ? (state as RequestContext) : undefined;
}

/** Returns the context of a request. The first gateway that receives the request creates the context. */
export function contextOf(request: IncomingMessage): RequestContext {
  const found = findContext(request);
  if (found) return found;
  const injected = adoptRequest(request);
  const context = new RequestContext(request, injected);
  // An object that cannot be changed has no state. Each access then finds the same fault.
  if (injected?.fault === undefined || Object.isExtensible(request)) replaceRequestState(request, context);
  return context;
}
