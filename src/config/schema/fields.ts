/** Scalar fields of the gateway's blocks: each with one message for one mistake. */
import { parseOrigin } from '../../lib/origin-pattern.js';
import { z } from 'zod';
import { rateText } from '../../auth/rate.js';
import { hasControlCharacter } from '../../lib/control-character.js';
import { NEVER_SERVED } from '../../http/http-methods.js';
import { METHODS } from '../../http/node-http.js';

export const flag = () => z.boolean({ error: 'must be true or false' });

export const count = (min = 0, max = 1_000_000) =>
  z.int({ error: 'must be a whole number' }).min(min, `must be at least ${min}`).max(max, `must be at most ${max}`);

export const listOf = <T extends z.ZodType>(item: T) =>
  z.array(item, { error: 'must be a list' }).min(1, 'must not be an empty list');

export const name = () =>
  z
    .string({ error: 'must be a name' })
    .min(1, 'must not be empty')
    .max(128, 'must be at most 128 characters')
    .refine((text) => !hasControlCharacter(text) && text === text.trim(), {
      error: 'must not hold control characters or begin or end with white space',
    });

export const filePath = () => z.string({ error: 'must be the path of a file' }).min(1, 'must not be empty');

export const httpMethod = () =>
  z.enum(METHODS.filter((method) => !NEVER_SERVED.has(method)) as [string, ...string[]], {
    error: 'must be an HTTP method in upper case; TRACE and CONNECT are never served',
  });

export const status = () => count(100, 599);

/** What is not a failure is an answer. */
export const retryCodes = () =>
  listOf(count(400, 599)).refine((codes) => new Set(codes).size === codes.length, {
    error: 'must not repeat a status',
  });

const ORIGIN = 'must be an origin such as "https://app.example.com" or "capacitor://localhost"';

/** `null` and `*` are no origins: every sandboxed frame or every page would be let in. */
export const origin = () => z.string({ error: ORIGIN }).refine((text) => isExactOrigin(text), { error: ORIGIN });

function isExactOrigin(text: string): boolean {
  const pattern = parseOrigin(text);
  return typeof pattern === 'object' && pattern.kind === 'exact';
}

export const rate = {
  rate: rateText().describe('Requests per second, or a rate such as `"100/m"`.'),
  burst: count(1, 1_000_000_000).optional().describe('Requests at once; default: the rate.'),
};
