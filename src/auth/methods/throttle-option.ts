/** The `throttle` option of costly auth methods: the failed attempts that an address may make before it must wait. */
import { z } from 'zod';
import { duration } from '../../lib/fields.js';
import type { Summary } from '../method.js';

/** `whose`: what has its own count of failures, in words. */
export const throttleOption = (whose: string) =>
  z
    .union(
      [
        z.literal(false),
        z.strictObject({
          failures: z
            .int({ error: 'must be a whole number' })
            .min(1, 'must be at least 1')
            .max(1_000_000)
            .default(20)
            .describe('Failures allowed within `per`.'),
          per: duration({ min: 1_000, max: 86_400_000 }).prefault('1m').describe('The window of `failures`.'),
        }),
      ],
      { error: 'must be false or {failures, per}' },
    )
    .prefault({})
    .describe(
      `The budget of failed attempts ${whose} within a window. Above the budget the response is 429, and nothing is ` +
        'checked. Cached credentials still work. false: no budget.',
    );

export type ThrottleOption = z.output<ReturnType<typeof throttleOption>>;

/** The line of `check` about the throttle. */
export function throttleSummary(throttle: ThrottleOption, whose: string): Summary {
  const words = throttle ? `${throttle.failures} failures in ${throttle.per / 1_000} s ${whose}` : 'off';
  return [['throttle', words]];
}
