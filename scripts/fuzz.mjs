/** Runs the property tests with many cases, fewer of those that cost more: `FAST_CHECK_RUNS=20000 npm run fuzz [jest arguments]`. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const tests = readdirSync(join(root, '__tests__'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('__tests__', name))
  .filter((path) =>
    /from '(?:fast-check|[./]+support\/fast-check-runs\.js)'/.test(readFileSync(join(root, path), 'utf8')),
  );

const runs = process.env.FAST_CHECK_RUNS ?? '1000000';
console.log(`${tests.length} files with properties, ${runs} runs of each cheap one`);
const { status } = spawnSync(
  process.execPath,
  [jest, '--runTestsByPath', ...tests, '--testTimeout=7200000', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', env: { ...process.env, FAST_CHECK_RUNS: runs } },
);
process.exitCode = status ?? 1;
