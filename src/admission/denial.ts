/** Denials as data: the response to a refused request, and the denial that belongs to a verdict. */
import type { Decision, NearRoute, Outcome } from '../auth/decision.js';
import type { Challenge, Detail, RawResponse, ReasonCode, Rejected, Verdict } from '../auth/verdict.js';
import type { DeniedLine } from '../context/request-context.js';
import type { RequestContext } from '../context/request-context.js';
import type { DenialCode } from '../http/problem.js';

/** The response to a refused request. Only `deny.ts` writes it. */
export interface Denial {
  readonly status: number;
  readonly code: DenialCode;
  readonly challenges?: readonly Challenge[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  /** The response of a plugin, which is sent unchanged. */
  readonly response?: RawResponse;
  /** For the log and the audit event. The client never receives it. */
  readonly reason?: ReasonCode;
  /** The auth method that refused the request, also for the log and the audit event. */
  readonly method?: string | undefined;
  /** For the log: what was found, in one sentence. */
  readonly detail?: Detail | undefined;
  /** For the log: the path that is ambiguous, and why. */
  readonly target?: TargetFault;
  /** For the decision record: the routes that nearly match. */
  readonly near?: (() => readonly NearRoute[]) | undefined;
  /** For the decision record: the bucket that is empty. */
  readonly limit?: DeniedLine['limit'];
}

/** Why a path is ambiguous. */
export interface TargetFault {
  readonly path: string;
  readonly detail: string;
  /** The id of the route that an upstream with another reading of the path finds. */
  readonly otherRoute?: string;
}

/** The seconds that a client should wait, if the auth method gives no value. */
const RETRY_AFTER = 5;

/** Returns the denial of a verdict that is not `granted`. */
export function denialOf(verdict: Exclude<Verdict, { kind: 'granted' }>): Denial {
  switch (verdict.kind) {
    case 'absent':
      return {
        status: 401,
        code: 'unauthorized',
        challenges: verdict.challenges,
        reason: 'credential_missing',
        detail: verdict.detail,
      };
    case 'rejected': {
      const { status, reason, challenges, response, refusedBy: method, detail } = verdict;
      const code = codeOf(status, reason);
      return { status, code, challenges, reason, method, detail, ...(response ? { response } : {}) };
    }
    case 'answered':
      return {
        status: verdict.response.status,
        code: 'forbidden',
        response: verdict.response,
        method: verdict.refusedBy,
      };
    case 'unavailable': {
      const headers = { 'Retry-After': String(verdict.retryAfter ?? RETRY_AFTER) };
      const { reason, refusedBy: method, detail } = verdict;
      if (reason === 'throttled') return { status: 429, code: 'rate_limited', headers, reason, method, detail };
      return { status: 503, code: 'unavailable', headers, reason, method, detail };
    }
  }
}

function codeOf(status: Rejected['status'], reason: ReasonCode): DenialCode {
  if (status === 408) return 'request_timeout';
  if (status === 413) return 'body_too_large';
  if (status === 400) return 'invalid_request';
  if (status === 401) return 'unauthorized';
  return reason === 'insufficient_scope' || reason === 'cross_site' ? reason : 'forbidden';
}

const OUTCOMES: Readonly<Record<DenialCode, Outcome>> = {
  bad_request: 'malformed',
  bad_target: 'malformed',
  invalid_request: 'malformed',
  unauthorized: 'rejected',
  forbidden: 'forbidden',
  insufficient_scope: 'forbidden',
  cross_site: 'forbidden',
  no_route: 'unrouted',
  method_not_allowed: 'unrouted',
  upgrade_malformed: 'malformed',
  upgrade_unsupported: 'malformed',
  rate_limited: 'limited',
  too_many_headers: 'malformed',
  request_timeout: 'malformed',
  body_too_large: 'rejected',
  body_consumed: 'failed',
  internal: 'failed',
  upstream_unreachable: 'failed',
  upstream_invalid: 'failed',
  upstream_timeout: 'failed',
  upstream_unavailable: 'failed',
  upstream_overloaded: 'failed',
  gateway_exhausted: 'failed',
  unavailable: 'unavailable',
};

/** Returns the outcome label of a denial in the metrics. */
export function outcomeOf({ code, reason, response }: Pick<Denial, 'code' | 'reason' | 'response'>): Outcome {
  if (reason === 'credential_missing') return 'absent';
  // A plugin sent its own response, such as a redirect, 429 or 200. Loom has no reason code for it.
  if (code === 'forbidden' && response && reason === undefined) return 'answered';
  return OUTCOMES[code];
}

/** Returns the refusal of bytes that never became a request. */
export function denialOfBytes(code: string | undefined): Denial {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, code: 'too_many_headers' };
  return code === 'ERR_HTTP_REQUEST_TIMEOUT'
    ? { status: 408, code: 'request_timeout' }
    : { status: 400, code: 'bad_request' };
}

/** The decision on a request, as logs, metrics and traces report it. */
export function decisionOf({ id, kind, route, identities }: RequestContext, denial: Denial | undefined): Decision {
  const about = { requestId: id, route: route?.id };
  if (denial) {
    const { status, reason, code, method, near } = denial;
    return { ...about, outcome: outcomeOf(denial), status, method, identities: [], reason, code, near };
  }
  if (kind === 'preflight') return { ...about, outcome: 'preflight', identities: [] };
  const outcome = identities.length > 0 ? 'granted' : 'open';
  return { ...about, upstream: route?.upstream, outcome, identities };
}
