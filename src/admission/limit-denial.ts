/** The answer of whoever is over a limit, or whose limit could not be counted (spec §3). */
import type { PlannedRateLimit } from '../config/plan-types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import type { Decision } from '../limit/limiter.js';
import type { Denial } from './denial.js';

export function limitDenial(decision: Decision, own: PlannedRateLimit['response']): Denial {
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
