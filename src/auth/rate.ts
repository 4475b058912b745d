/** A rate as written in the file: `1000`, `"1000/m"`, or, for an API key, `{rate, burst}` as well. */
import { z } from 'zod';
import type { Rate } from './identity.js';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PER = /^([1-9]\d{0,8})\/(s(?:ec(?:ond)?)?|m(?:in(?:ute)?)?|h(?:our)?|d(?:ay)?)$/;
export const RATE_FORMS = 'must be a number per second, such as 1000, a rate such as "1000/m", or {rate, burst}';
const ALONE = 'must be a number per second, such as 1000, or a rate such as "1000/m"';

const positive = (error: string) =>
  z.number({ error }).positive('must be above 0').max(1_000_000_000, 'must be at most 1000000000');
const spelled = (error: string) => z.union([positive(error), z.string().regex(PER, error)], { error });

/** The text or number of a rate; `rateOf` reads it. */
export const rateText = () => spelled(ALONE);

/** `burst` is the rate where the file says nothing, and one request at least. */
export function rateOf(written: number | string, burst?: number): Rate {
  const match = typeof written === 'string' ? PER.exec(written) : null;
  const rate = typeof written === 'number' ? written : Number(match?.[1]);
  const perMs = UNITS[(match?.[2]?.[0] ?? 's') as keyof typeof UNITS];
  return { rate, perMs, burst: burst ?? Math.max(1, Math.ceil(rate)) };
}

/**
 * `rate` per second, with `burst`. Default of `burst`: the tokens of one second, or of one unit of a rate with a unit.
 */
export function rateField() {
  const plain = spelled(RATE_FORMS).transform((written) => rateOf(written));
  const full = z
    .strictObject({
      rate: spelled(ALONE).describe('Requests per second, or a rate such as "1000/m".'),
      burst: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(1_000_000_000)
        .optional()
        .describe('Requests at once; default: the rate.'),
    })
    .transform(({ rate, burst }) => rateOf(rate, burst));
  return z.union([plain, full], { error: RATE_FORMS });
}
