/**
 * Changes one place of the source at a time and runs the fast tests that run this place. A mutant that no test notices
 * shows a missing test, or code that can go. Prints the survivors and the score of each folder.
 *
 * @example npm run test:mutants -- --count 20 --seed 7 auth tokens
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutants/operators.mjs';

const FOLDERS = ['admission', 'auth', 'http', 'routing', 'tokens'];
const GOAL = 85;
/** A mutant may run in a circle. */
const TIMEOUT_MS = 300_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    lines: { type: 'string' },
  },
});
const folders = positionals.length > 0 ? positionals : FOLDERS;
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const work = join('node_modules', '.cache', 'mutants');
mkdirSync(work, { recursive: true });

const testsByLine = JSON.parse(readFileSync(values.lines ?? (await recordLines()), 'utf8'));
const random = randomFrom(Number(values.seed));
let [all, killed] = [0, 0];
for (const folder of folders) {
  const mutants = sample(
    filesOf(folder).flatMap((file) => mutantsOf(file, readFileSync(file, 'utf8'))),
    Number(values.count),
  );
  const survivors = await survivorsOf(mutants);
  all += mutants.length;
  killed += mutants.length - survivors.length;
  console.log(`${folder}: ${score(mutants.length - survivors.length, mutants.length)}`);
}
console.log(`all: ${score(killed, all)}; the goal is ${GOAL} %`);

/** Runs the fast tier once with coverage. Returns the file that says which tests run each line. */
async function recordLines() {
  const path = join(process.cwd(), work, 'lines.json');
  const coverage = ['--coverage', '--coverageReporters=none', `--coverageDirectory=${join(work, 'coverage')}`];
  const reporters = ['--reporters=default', `--reporters=${join(process.cwd(), 'scripts/mutants/lines-reporter.mjs')}`];
  rmSync(path, { force: true });
  if ((await run([...coverage, ...reporters], { MUTANT_LINES: path }, 'inherit')) !== 0)
    throw new Error('the tests fail without a mutant');
  return path;
}

function filesOf(folder) {
  return readdirSync(join('src', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
    .map((name) => join('src', folder, name));
}

/** One mutant for each core at a time. */
async function survivorsOf(mutants) {
  const waiting = [...mutants];
  const survivors = [];
  const worker = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const outcome = await judge(mutant);
      if (outcome === undefined) continue;
      survivors.push(mutant);
      console.log(`  ${outcome}: ${mutant.file}:${mutant.line}: ${mutant.what}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return survivors;
}

/** Undefined if a test noticed the mutant. The tests nearest to the file run first. */
async function judge(mutant) {
  const { file, lines } = mutant;
  const known = testsByLine[file] ?? {};
  const tests = known[lines.find((line) => known[line])] ?? [];
  if (tests.length === 0) return 'no test runs this';
  const distance = (test) => {
    if (basename(test).startsWith(`${basename(file, '.ts')}.`)) return 0;
    return dirname(test) === dirname(file).replace('src', '__tests__') ? 1 : 2;
  };
  const nearest = [...tests].sort((a, b) => distance(a) - distance(b));
  const env = { LOOM_MUTANT: JSON.stringify(mutant) };
  for (const some of [nearest.slice(0, 2), nearest.slice(2, 8), nearest.slice(8)]) {
    if (some.length > 0 && (await run(['-i', '--bail', '--runTestsByPath', ...some], env, 'ignore')) !== 0)
      return undefined;
  }
  return 'survived';
}

function run(args, env, stdio) {
  const command = [jest, '--selectProjects', 'fast', '--ci', '--testTimeout=60000', ...args];
  const child = spawn(process.execPath, command, { stdio, env: { ...process.env, ...env } });
  const late = env.LOOM_MUTANT && setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(late);
      resolve(code);
    });
  });
}

function score(some, of) {
  return `${some} of ${of} mutants killed (${of === 0 ? 100 : Math.round((100 * some) / of)} %)`;
}

function sample(list, count) {
  const rest = [...list];
  return Array.from(
    { length: Math.min(count, rest.length) },
    () => rest.splice(Math.floor(random() * rest.length), 1)[0],
  );
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
