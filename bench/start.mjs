/**
 * What a start costs: `import 'loom-auth'` and `loom()` of a file with API keys alone, beside `import 'express'`.
 * `npm run bench:start`. Each figure is the CPU time of all threads of a fresh process, its own start left out.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DIST, NODE } from './lib/contender.mjs';
import { median, setting, summary, table, target } from './lib/numbers.mjs';

/** A round starts one process of each kind, so that a busy machine slows all of them alike. */
const ROUNDS = setting('BENCH_ROUNDS', 15);
const MOST_TIMES_EXPRESS = 2.5;

const FILE = `
middleware:
  auth:
    api_key: { keys: [{ key: sk_bench_0123456789abcdef0123456789abcdef, name: orders }] }
    chain: [api_key]
`;

const HEAD = `
const used = process.cpuUsage();
const cpu = (since) => Object.values(process.cpuUsage(since)).reduce((sum, each) => sum + each) / 1000;
`;

const EXPRESS = `${HEAD}
await import('express');
console.log(JSON.stringify({ imported: cpu(used), rss: process.memoryUsage.rss() }));
`;

const LOOM = `${HEAD}
const { loom } = await import(${JSON.stringify(new URL('index.js', DIST).href)});
const imported = cpu(used);
const gate = loom({ text: ${JSON.stringify(FILE)}, file: 'loom.yaml' });
console.log(JSON.stringify({ imported, made: cpu(used) - imported, rss: process.memoryUsage.rss() }));
await gate.close();
`;

const cwd = fileURLToPath(new URL('.', import.meta.url));

async function started(script) {
  const run = promisify(execFile);
  const { stdout } = await run(NODE, ['--input-type=module', '-e', script], { cwd });
  return JSON.parse(stdout);
}

const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  rounds.push({ express: await started(EXPRESS), loom: await started(LOOM) });
}

const of = (read) => median(rounds.map(read));
const MEGABYTE = 1_048_576;
const megabytes = (bytes) => (bytes / MEGABYTE).toFixed(0);
table([
  ['a fresh process', 'CPU ms', 'RSS MiB'],
  ["import 'express'", of(({ express }) => express.imported).toFixed(0), megabytes(of(({ express }) => express.rss))],
  ["import 'loom-auth'", of(({ loom }) => loom.imported).toFixed(0), ''],
  ['loom() of a file with API keys', of(({ loom }) => loom.made).toFixed(0), megabytes(of(({ loom }) => loom.rss))],
]);
console.log('');
const ratio = of(({ express, loom }) => (loom.imported + loom.made) / express.imported);
target("import 'loom-auth' and loom(), beside import 'express'", ratio, MOST_TIMES_EXPRESS, ' ×');
summary();
