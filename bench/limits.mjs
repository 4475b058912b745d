/**
 * What limits cost in this process, what ten million callers leave in memory, and what two gateways on one Redis admit
 * together: `npm run bench:limits`. Needs `redis-server`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, DIST, NODE, sleep, start } from './lib/contender.mjs';
import { setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';

const CALLS = setting('BENCH_CALLS', 200_000);
const KEYS = setting('BENCH_LIMIT_KEYS', 10_000_000);
const SECONDS = setting('BENCH_LIMIT_SECONDS', 20);
const RATE = 200;
const BURST = 400;

const load = (path) => import(new URL(path, DIST));
const { MemoryLimiter } = await load('limit/limiter.js');
const { Limits } = await load('admission/limits.js');

const rows = [['limits', '']];
overhead();
memory();
await together();
table(rows);
summary();

/** The whole of what a request pays: facts, key, bucket, decision. */
function overhead() {
  const key = [{ kind: 'identity' }];
  const rate = { rate: 1e9, perMs: 1_000, burst: 1e9 };
  const none = { addresses: [], paths: [], headers: [] };
  const limits = new Limits(new MemoryLimiter(Date.now), { rate, key, tiers: [], quotas: [], exemptions: none });
  const identity = { method: 'jwt', issuer: 'https://auth.example.com', subject: 'user-4711', scopes: [], claims: {} };
  const identities = [identity];
  const route = { id: 'api', path: '/api/*' };
  const facts = () => ({
    address: '192.0.2.1',
    path: '/api/*',
    identity,
    header: () => undefined,
    claim: () => undefined,
  });
  const known = { route, identities, address: '192.0.2.1', target: { segments: ['api', 'x'] } };
  const one = () => limits.byIdentity({ ...known, takenTokens: new Map() }, facts);
  let best = Infinity;
  for (let batch = 0; batch < 20; batch += 1) {
    const from = performance.now();
    for (let i = 0; i < CALLS / 10; i += 1) if (!one().allowed) throw new Error('limited');
    best = Math.min(best, ((performance.now() - from) * 1_000) / (CALLS / 10));
  }
  rows.push(['a limit by identity, in memory (µs)', best.toFixed(2)]);
  target('a limit by identity, in memory', best, 2, ' µs');
}

function memory() {
  const limiter = new MemoryLimiter(Date.now);
  const rate = { rate: 1, perMs: 1_000, burst: 5 };
  const resident = () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 1_048_576;
  };
  const take = (from, to) => {
    for (let i = from; i < to; i += 1) limiter.take(`8:identity3:jwt24:https://auth.example.com${i}`, rate);
  };
  const from = performance.now();
  take(0, KEYS / 10);
  const early = resident();
  take(KEYS / 10, KEYS);
  const late = resident();
  rows.push([`${KEYS} callers (s)`, ((performance.now() - from) / 1_000).toFixed(1)]);
  rows.push(['heap after a tenth, after all (MB)', `${early.toFixed(0)}, ${late.toFixed(0)}`]);
  target('growth from a tenth of the callers to all', Math.max(0, late - early), 20, ' MB');
}

async function together() {
  const [redisPort, upstream, ...ports] = await freePorts(4);
  const redis = spawn('redis-server', ['--port', String(redisPort), '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  });
  const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
  const backend = spawn(NODE, [
    '-e',
    `require('node:http').createServer((q, s) => s.end('ok')).listen(${upstream}, '127.0.0.1')`,
  ]);
  await sleep(500);
  const gateways = [];
  for (const port of ports) {
    const file = join(folder, `${port}.yaml`);
    writeFileSync(
      file,
      `listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
routes: [{ id: open, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
rate_limit: { rate: ${RATE}, burst: ${BURST}, distributed: { type: redis, address: "127.0.0.1:${redisPort}" } }
`,
    );
    gateways.push(await start([NODE, CLI, 'serve', file], { port }));
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (port) =>
    new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      }).on('error', reject);
    });
  const counts = { 200: 0, 429: 0 };
  const from = performance.now();
  const until = from + SECONDS * 1_000;
  let last = from;
  const client = async (port) => {
    while (performance.now() < until) {
      const status = await ask(port);
      counts[status] = (counts[status] ?? 0) + 1;
      if (status === 200) last = performance.now();
      // Four times what the limit lets through, not all that the machine can.
      await sleep(8);
    }
  };
  await Promise.all(ports.flatMap((port) => Array.from({ length: 4 }, () => client(port))));
  const expected = BURST + (RATE * (last - from)) / 1_000;
  rows.push(['two gateways on one Redis: admitted, burst + rate * t', `${counts[200]}, ${expected.toFixed(0)}`]);
  rows.push(['answers', JSON.stringify(counts)]);
  target('their difference', (Math.abs(counts[200] - expected) / expected) * 100, 2, ' %');
  agent.destroy();
  for (const gateway of gateways) await gateway.stop();
  backend.kill();
  redis.kill();
  rmSync(folder, { recursive: true });
}
