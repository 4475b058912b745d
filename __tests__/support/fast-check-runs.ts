/** How many cases a property gets: `FAST_CHECK_RUNS` says so in `npm run fuzz`, fast-check's own default otherwise. */
import fc from 'fast-check';

const runs = Number(process.env.FAST_CHECK_RUNS);
if (Number.isSafeInteger(runs) && runs > 0) fc.configureGlobal({ numRuns: runs });
