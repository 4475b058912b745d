/**
 * Floods beside honest traffic: `npm run bench:floods`. What honest clients wait, what one bad request costs beside a good
 * one, and whether memory stays as it is. Loopback alone, bounded in count and time: `BENCH_MS`, `BENCH_PASSES`,
 * `BENCH_HONEST`, `BENCH_BAD` (requests a second), `BENCH_SOCKETS` (slow connections at once), `BENCH_FLOODS` (their
 * names, with commas).
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, NODE, sleep, start } from './lib/contender.mjs';
import { BASIC, gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { generate, request } from './lib/load.mjs';
import { median, setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';
import { dripping } from './lib/slow.mjs';
import { peers } from './peers/index.mjs';

const MS = setting('BENCH_MS', 3_000);
const PASSES = setting('BENCH_PASSES', 4);
const HONEST = setting('BENCH_HONEST', 200);
const BAD = setting('BENCH_BAD', 300);
const SOCKETS = setting('BENCH_SOCKETS', 300);
const SETTLE_MS = setting('BENCH_SETTLE_MS', 250);
const DIFFERENT = setting('BENCH_TOKENS', 500);

const folder = mkdtempSync(join(tmpdir(), 'loom-floods-'));
const issuer = await openIssuer();
const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
await once(silent, 'listening');
const [upstream, port] = await freePorts(2);
const backend = await start((await peers[0].run()).command, { port: upstream, env: { PORT: String(upstream) } });
const gateway = await startGateway();

const honest = [
  request('/public/x'),
  request('/keys/x', { 'X-API-Key': KEY }),
  request('/ops/x', { Authorization: BASIC }),
  request('/internal/x', { Authorization: `Bearer ${issuer.token()}` }),
];
const distinct = (make) => Array.from({ length: DIFFERENT }, (_each, i) => make(i));
const internal = (token) => request('/internal/x', { Authorization: `Bearer ${token}` });
const base64 = (text) => Buffer.from(text).toString('base64');

/** `rate` of each; `answers` are the statuses that it may get. A bcrypt is bounded by its pool, not by its cost. */
const all = [
  { name: 'forged tokens', rate: BAD, requests: distinct(() => internal(issuer.forged())), answers: ['401'] },
  {
    name: 'unknown kids',
    rate: BAD,
    requests: distinct((i) => internal(issuer.forged({}, { kid: `nobody-${i}` }))),
    answers: ['401'],
  },
  {
    name: 'wrong Basic passwords',
    rate: BAD / 10,
    requests: distinct((i) => request('/ops/x', { Authorization: `Basic ${base64(`admin:guess ${i}`)}` })),
    answers: ['401', '503', '429'],
    hashes: true,
  },
  {
    name: 'unknown API keys',
    rate: BAD,
    requests: distinct((i) => request('/keys/x', { 'X-API-Key': `sk_guess_${i}` })),
    answers: ['401'],
  },
  {
    name: 'huge headers',
    rate: BAD,
    requests: [request('/public/x', { 'X-Filler': 'x'.repeat(60_000) })],
    answers: ['431'],
  },
  { name: 'a hundred fields', rate: BAD, requests: [request('/public/x', fields(300))], answers: ['431'] },
  { name: 'slow headers', drip: 'GET /public/x HTTP/1.1\r\nHost: localhost\r\nX-Slow: ' },
  { name: 'slow bodies', drip: 'POST /public/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n' },
  { name: 'silent upstreams', drip: request('/silent/x'), still: true },
];

const only = process.env.BENCH_FLOODS?.split(',');
const floods = all.filter(({ name }) => !only || only.includes(name));

try {
  const good = await costOfGood();
  const results = new Map(floods.map((flood) => [flood, []]));
  const resident = [];
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const flood of floods) results.get(flood).push(await beside(flood));
    await settled();
    resident.push(gateway.residentMb());
  }
  report(good, results, resident);
} finally {
  await Promise.all([gateway.stop(), backend.stop()]);
  silent.close();
  issuer.close();
  rmSync(folder, { recursive: true });
}

function fields(count) {
  return Object.fromEntries(Array.from({ length: count }, (_each, i) => [`X-F${i}`, 'x']));
}

async function startGateway() {
  const file = join(folder, 'loom.yaml');
  const more = {
    cost: 10,
    routes: '  - { id: silent, path: /silent/*, upstream: silent, timeout: 3s, auth: none }',
    upstreams: `  - { name: silent, endpoints: ["127.0.0.1:${silent.address().port}"] }`,
  };
  writeFileSync(file, gatewayFile({ port, upstream, issuer, ...more }));
  const output = join(folder, 'gateway.log');
  return start([NODE, CLI, 'serve', file], { port, output });
}

/** The honest mix for a while: what it waited, and what the gateway paid in that time. */
async function honestly(rate = HONEST) {
  const before = gateway.cpuMs();
  const got = await generate({ port, connections: 16, ms: MS, rate, requests: honest, folder });
  const wrong = Object.keys(got.statuses).filter((status) => status !== '200');
  if (wrong.length > 0 || got.answered === 0) throw new Error(`honest clients got ${JSON.stringify(got)}`);
  return { ...got, cpuMs: gateway.cpuMs() - before };
}

/** Microseconds of a good request more, in the company that the bad ones will have. */
async function costOfGood() {
  await honestly(BAD + HONEST);
  const costs = [];
  for (let round = 0; round < PASSES; round += 1) {
    const [alone, more] = [await honestly(), await honestly(HONEST + BAD)];
    costs.push(((more.cpuMs - alone.cpuMs) * 1_000) / Math.max(1, more.answered - alone.answered));
  }
  return Math.max(1, median(costs));
}

async function beside(flood) {
  const quiet = await honestly();
  const [met, attack] = await Promise.all([honestly(), flood.drip ? drip(flood) : storm(flood)]);
  await settled();
  return {
    quiet: quiet.latency.p99,
    met: met.latency.p99,
    sent: attack.sent,
    answers: attack.answers,
    cost: (Math.max(0, met.cpuMs - quiet.cpuMs) * 1_000) / Math.max(1, attack.sent),
  };
}

async function storm({ name, rate, requests, answers }) {
  const got = await generate({ port, connections: 32, ms: MS, rate, requests, folder });
  const wrong = Object.keys(got.statuses).filter((status) => !answers.includes(status));
  if (wrong.length > 0) throw new Error(`${name} got ${JSON.stringify(got.statuses)}`);
  const told = Object.entries(got.statuses).map(([status, count]) => `${status}: ${count}`);
  return { sent: got.answered + got.broken + got.waiting, answers: told.join(', ') || 'none' };
}

async function drip({ drip: head, still }) {
  const opened = await dripping({ port, head, sockets: SOCKETS, rate: BAD, ms: MS, still });
  return { sent: opened, answers: `${opened} connections` };
}

/** What a flood left behind has ended: no answer of it is paid for in the next quiet. */
async function settled() {
  let before = gateway.cpuMs();
  for (let tries = 0; tries < 40; tries += 1) {
    await sleep(SETTLE_MS);
    const now = gateway.cpuMs();
    if (now - before <= 20) return;
    before = now;
  }
}

/** The least of the passes on either side: a neighbour on the machine can only add to what clients wait. */
function waited(all) {
  const [quiet, met] = ['quiet', 'met'].map((field) => Math.min(...all.map((each) => each[field])));
  return { quiet, met, ratio: met / quiet };
}

function report(good, results, resident) {
  const costOf = (all) => median(all.map(({ cost }) => cost));
  const rows = [...results].map(([{ name }, all]) => {
    const { quiet, met, ratio } = waited(all);
    const figures = [quiet.toFixed(1), met.toFixed(1), ratio.toFixed(2)];
    return [name, ...figures, costOf(all).toFixed(0), (costOf(all) / good).toFixed(1), all.at(-1).answers];
  });
  console.log(
    `honest: ${HONEST}/s of four kinds; floods: ${BAD}/s or ${SOCKETS} connections; ${PASSES} passes of ${MS} ms`,
  );
  console.log(`one good request: ${good.toFixed(0)} µs of CPU\n`);
  table([['beside', 'quiet p99 ms', 'p99 ms', '×', 'µs a bad one', '× good', 'answers'], ...rows]);
  console.log(`\nresident after each pass: ${resident.map((mb) => `${mb.toFixed(0)} MB`).join(', ')}\n`);
  for (const [{ name, hashes }, all] of results) {
    target(`honest p99 beside ${name} / quiet`, waited(all).ratio, 2);
    if (!hashes) target(`one of ${name} / a good request`, costOf(all) / good, 100);
  }
  // What grows with the floods grows on; the young generation grows and shrinks.
  const middle = Math.ceil(resident.length / 2);
  const [before, after] = [resident.slice(0, middle), resident.slice(-middle)].map((half) => Math.max(...half));
  target('memory in the later passes / in the earlier', after / before, 1.15);
  summary();
}
