/** The response headers of a rate limit: the fields of the IETF draft, the customary fields, and Retry-After. */
import type { RateLimitDecision } from './limiter.js';

/**
 * The response fields of a decision (draft-ietf-httpapi-ratelimit-headers; RFC 9110 §10.2.3).
 *
 * @example rateLimitHeaders(decision)['RateLimit'] // '"default";r=9;t=1'
 */
export function rateLimitHeaders(decision: RateLimitDecision): Readonly<Record<string, string>> {
  const { allowed, limit, remaining, resetAtSeconds, resetAfterSeconds, retryAfterSeconds, rate } = decision;
  const window = rate.rate > 0 ? Math.max(1, Math.ceil((limit * rate.perMs) / rate.rate / 1_000)) : 1;
  return {
    RateLimit: `"default";r=${remaining};t=${allowed ? resetAfterSeconds : retryAfterSeconds}`,
    'RateLimit-Policy': `"default";q=${limit};w=${window}`,
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(resetAtSeconds),
    ...(allowed ? {} : { 'Retry-After': String(Math.max(1, retryAfterSeconds)) }),
  };
}
