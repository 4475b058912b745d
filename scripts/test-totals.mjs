/** Reads the JSON results of both test tiers: prints the attack tally, the tests that were skipped, and `N passed, N failed`. */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { tallyAttacks } from './attack-tally.mjs';

/** Tests that a machine may skip although every program of `scripts/programs.mjs` is installed: no Debian package has what they need. */
const MAY_SKIP = [
  // A Rust compiler with the target wasm32-wasip1.
  /^__tests__\/examples\/wasm-plugin-build\./,
  /^__tests__\/wasm\/foreign-filters\./,
];

const [failedSteps, ...paths] = process.argv.slice(2);
const runs = paths.map((path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined));
const files = lastResults(runs.map((run) => run?.testResults ?? []));
const faults = paths.filter((_, index) => runs[index] === undefined).map((path) => `no results: ${path}`);

for (const { name, assertionResults } of files) {
  const path = relative(process.cwd(), name);
  const skipped = assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed');
  if (skipped.length === 0) continue;
  console.log(`${path}: ${skipped.length} tests skipped`);
  if (!MAY_SKIP.some((each) => each.test(path))) faults.push(`${path}: tests were skipped that CI must run`);
}
const { summary, wrong } = tallyAttacks(files);
faults.push(...wrong);
console.log(summary);
for (const fault of faults) console.error(fault);

const testsOf = (wanted) =>
  files.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === wanted).length;
// A file that does not load has no failed test, but the run failed.
const broken = files.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
const failed = testsOf('failed') + broken.length + faults.length + Number(failedSteps);
console.log(`${testsOf('passed')} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/**
 * CI runs the files that need programs twice: first without the programs, where they are skipped. The last run of a file
 * counts. Within one run a file has a result for each Jest project.
 */
function lastResults(results) {
  const later = new Set();
  return results
    .reverse()
    .map((each) => {
      const kept = each.filter(({ name }) => !later.has(name));
      for (const { name } of each) later.add(name);
      return kept;
    })
    .reverse()
    .flat();
}
