/**
 * Preloaded into a measured gateway with `--import`: answers each message with its longest pause of the event loop since
 * the last message, its CPU time and its memory.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_MS = 2;

if (process.send && process.env.BENCH_WATCHED === '1') {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  let longest = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - EVERY_MS);
    last = now;
  }, EVERY_MS).unref();
  process.on('message', ({ settle }) => {
    const told = longest;
    if (settle) collect();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send({ longestPauseMs: told, cpuMs: (user + system) / 1_000, rss, heapUsed, external });
    longest = 0;
    last = performance.now();
  });
  process.channel.unref();
}
