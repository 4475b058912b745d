/** The stages that take rate limit tokens: by address before auth methods run, by identity after them. */
import type { RequestContext } from '../context/request-context.js';
import type { PlannedRateLimit } from '../config/plan-types.js';
import type { MaybePromise } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import type { RateLimitDecision } from '../limit/limiter.js';
import type { Denial } from './denial.js';
import { limitFacts } from './limit-facts.js';
import type { AdmissionPolicy } from './policy.js';

export function limitByAddress(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const decision = policy.limits.byAddress(context, () => limitFacts(policy, context));
  return decision instanceof Promise
    ? decision.then((each) => settle(policy, context, each))
    : settle(policy, context, decision);
}

export function limitByIdentity(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const decision = policy.limits.byIdentity(context, () => limitFacts(policy, context));
  return decision instanceof Promise
    ? decision.then((each) => settle(policy, context, each))
    : settle(policy, context, decision);
}

/** The response headers show the tightest limit. */
function settle(
  policy: AdmissionPolicy,
  context: RequestContext,
  decision: RateLimitDecision | undefined,
): Denial | undefined {
  if (!decision) return undefined;
  if (!decision.allowed) return limitDenial(decision, policy.plan.rateLimit?.response);
  const { limit } = context;
  if (!limit || decision.remaining <= limit.remaining) context.limit = decision;
  return undefined;
}

/** Returns the denial of a request above a limit (429), or of a request whose tokens could not be counted (503). */
export function limitDenial(decision: RateLimitDecision, own: PlannedRateLimit['response']): Denial {
  if (decision.unavailable === true) {
    const headers = { 'Retry-After': String(decision.retryAfterSeconds) };
    return { status: 503, code: 'unavailable', reason: 'store_unavailable', headers };
  }
  const headers = rateLimitHeaders(decision);
  if (!own) return { status: 429, code: 'rate_limited', headers };
  const { status, body } = own;
  const response = { status, headers: [...Object.entries(headers), ...own.headers], body: Buffer.from(body) };
  return { status, code: 'rate_limited', response };
}
