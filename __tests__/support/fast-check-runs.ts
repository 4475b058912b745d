/** The number of cases of a property: `FAST_CHECK_RUNS` in `npm run fuzz`, otherwise the property's own number. */
import fc from 'fast-check';

const wanted = Number(process.env.FAST_CHECK_RUNS);
/** Whether `npm run fuzz` runs. Then tests that sample very many cases try all of them. */
export const fuzzing = Number.isSafeInteger(wanted) && wanted > 0;
if (fuzzing) fc.configureGlobal({ numRuns: wanted });

/**
 * The cases of a property: `usual` in `npm test`. `cost` is the cost of one case (it compiles a file, verifies a
 * signature, opens a socket). A fuzz run has that many times fewer cases, but never fewer than usual.
 *
 * @example fc.assert(property, cases(2_000))
 */
export function cases(usual: number, { cost = 1 } = {}): { readonly numRuns: number } {
  return { numRuns: fuzzing ? Math.max(usual, Math.ceil(wanted / cost)) : usual };
}
