/** A rate, a throttle and scopes in words, for lists of changes. */
import { durationText, type Leaf } from '../lib/change-classes.js';
import type { Rate } from './identity.js';
import type { ThrottleOption } from './methods/throttle-option.js';

/** @example rateWords({ rate: 10, perMs: 1_000, burst: 20 }) // '10 per 1s, burst 20' */
export function rateWords({ rate, perMs, burst }: Rate): string {
  return `${rate} per ${durationText(perMs)}, burst ${burst}`;
}

export const RATE: Leaf = { in: 'limits', as: 'rate_limit', show: rateWords };

export const THROTTLE: Leaf = {
  in: 'limits',
  show: (throttle: ThrottleOption) =>
    throttle ? `${throttle.failures} failures per ${durationText(throttle.per)}` : 'off',
  equal: (throttle: ThrottleOption) => (throttle ? `${throttle.failures} ${throttle.per}` : 'off'),
  default: { failures: 20, per: 60_000 },
};
