/** How many cases a property gets: `FAST_CHECK_RUNS` says so in `npm run fuzz`, the property itself otherwise. */
import fc from 'fast-check';

const wanted = Number(process.env.FAST_CHECK_RUNS);
/** Whether `npm run fuzz` runs: then tests that try some of very many cases try them all. */
export const fuzzing = Number.isSafeInteger(wanted) && wanted > 0;
if (fuzzing) fc.configureGlobal({ numRuns: wanted });

/**
 * The cases of a property: `usual` in `npm test`. Where one case costs what `cost` cheap ones do (it compiles a file,
 * verifies a signature, opens a socket), a fuzz run gets that many fewer, but never fewer than usual.
 *
 * @example fc.assert(property, cases(2_000))
 */
export function cases(usual: number, { cost = 1 } = {}): { readonly numRuns: number } {
  return { numRuns: fuzzing ? Math.max(usual, Math.ceil(wanted / cost)) : usual };
}
