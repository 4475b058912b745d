/** Scalar fields that several blocks of a Loom file use, with one error message per mistake. */
import { z } from 'zod';
import { hasControlCharacter } from './control-character.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/** Milliseconds of `"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"7d"`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}

/** A duration: in the file a string with a unit, in the options milliseconds. */
export function duration(bounds: { min?: number; max?: number } = {}) {
  const { min = 1, max = 366 * UNITS.d } = bounds;
  return z
    .string({ error: 'must be a duration with a unit, such as "30s" or "5m"' })
    .regex(DURATION, 'must be a duration with a unit (ms, s, m, h, d), such as "30s" or "5m"')
    .transform((text) => parseDuration(text) as number)
    .refine((ms) => ms >= min && ms <= max, { error: `must lie between ${min} ms and ${max} ms` });
}

/** An HTTP field name (RFC 9110 §5.1). */
export const headerName = () => z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'must be an HTTP header name');

/** A non-empty string without control characters and without white space at either end. */
export const plainText = () =>
  z
    .string()
    .min(1, 'must not be empty')
    .refine((text) => !hasControlCharacter(text), { error: 'must not contain control characters' })
    .refine((text) => text === text.trim(), { error: 'must not begin or end with white space' });

/** A text that is compared exactly. A wildcard would match nothing, so it is an error. */
export const exactText = () =>
  plainText().refine((text) => !text.includes('*'), {
    error: 'is compared literally, so "*" is no wildcard; list the exact values',
  });

/** One value or a non-empty list of values, parsed to a list. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z
    .union([item, z.array(item).min(1, 'must not be an empty list')])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

/** A `setTimeout` of more than 2^31-1 ms fires immediately. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const timeout = () => duration({ min: 1, max: LONGEST_TIMER_MS });

const SIZE = /^(\d{1,9})(B|KB|MB|KiB|MiB)?$/;
const SIZES: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, KiB: 1_024, MiB: 1_048_576 };

/** A number of bytes, or a string such as `"16KB"`. */
export const byteSize = (min: number, max: number) =>
  z
    .union([z.int(), z.string().regex(SIZE)], { error: 'must be a number of bytes, or a size such as "16KB"' })
    .transform((written) => {
      const [, digits, unit = 'B'] = SIZE.exec(String(written)) ?? [];
      return Number(digits) * (SIZES[unit] ?? 1);
    })
    .refine((bytes) => bytes >= min && bytes <= max, { error: `must lie between ${min} and ${max} bytes` });
