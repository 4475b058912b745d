/** Denials as data: what a refused request is answered with, and the denial that a verdict leads to. */
import type { Outcome } from '../auth/decision.js';
import type { Challenge, RawResponse, ReasonCode, Rejected, Verdict } from '../auth/verdict.js';
import type { DenialCode } from '../http/problem.js';

/** What a refused request is answered with; written only by `deny`. */
export interface Denial {
  readonly status: number;
  readonly code: DenialCode;
  readonly challenges?: readonly Challenge[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  /** A plugin's own answer, passed through as it was written. */
  readonly response?: RawResponse;
  /** For the log and the audit event, never for the client. */
  readonly reason?: ReasonCode;
  /** The method that refused, for the same two. */
  readonly method?: string | undefined;
}

/** Seconds a client should wait where the method did not say. */
const RETRY_AFTER = 5;

/** The denial of a verdict that did not grant. */
export function denialOf(verdict: Exclude<Verdict, { kind: 'granted' }>): Denial {
  switch (verdict.kind) {
    case 'absent':
      return { status: 401, code: 'unauthorized', challenges: verdict.challenges, reason: 'credential_missing' };
    case 'rejected': {
      const { status, reason, challenges, response, refusedBy: method } = verdict;
      return { status, code: codeOf(status, reason), challenges, reason, method, ...(response ? { response } : {}) };
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
      const { reason, refusedBy: method } = verdict;
      if (reason === 'throttled') return { status: 429, code: 'rate_limited', headers, reason, method };
      return { status: 503, code: 'unavailable', headers, reason, method };
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

/** The denial in the one word that metrics count by. */
export function outcomeOf({ code, reason, response }: Denial): Outcome {
  if (reason === 'credential_missing') return 'absent';
  // A plugin's redirect, 429 or 200: its own answer, for no reason of ours.
  if (code === 'forbidden' && response && reason === undefined) return 'answered';
  return OUTCOMES[code];
}
