/**
 * The attacks by crowds at full size: `node bench/crowds.mjs [disconnects] [requests]`, by default 10^5 clients that leave
 * at every step and 10^6 requests of fifty callers. The tests are those of `npm test`, with these numbers.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const [disconnects = '100000', requests = '1000000'] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const { status } = spawnSync(
  process.execPath,
  [
    jest,
    '--runInBand',
    '--testTimeout=7200000',
    '--runTestsByPath',
    '__tests__/attacks/dos/disconnects.slow.test.ts',
    '__tests__/attacks/hdr/cross-talk.slow.test.ts',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, DISCONNECTS: disconnects, CROSS_TALK_REQUESTS: requests },
  },
);
process.exitCode = status ?? 1;
