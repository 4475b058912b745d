/** From the `rate_limit` block to the global limit and the answer of whoever is over it. */
import type { PlannedRateLimit } from '../plan-types.js';
import { parseLimitKey, type RateLimitBlock } from '../schema/rate-limit.js';
import { rateOf } from './routes.js';

export function planLimit(block: RateLimitBlock | undefined): { readonly rateLimit?: PlannedRateLimit } {
  if (!block?.enabled || block.rate === undefined) return {};
  const { rate, burst, key, response } = block;
  return {
    rateLimit: {
      rate: rateOf({ rate, burst }),
      key: parseLimitKey(key) ?? [],
      ...(response && {
        response: { status: response.status, headers: Object.entries(response.headers), body: response.body },
      }),
    },
  };
}
