/**
 * What a WASM plugin costs: a request inline and through a thread, a fresh instance, a million requests, and a request to
 * a gateway. The plugin is the Loom page's own, in Rust and in AssemblyScript: it reads one header and sets another.
 * `BENCH_ROUNDS`, `BENCH_MS`, `BENCH_WARM` and `BENCH_ENGINES` say how the gateway is loaded.
 */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DIST } from './lib/contender.mjs';
import { judged as judgedRounds, median, setting, summary, table, target } from './lib/numbers.mjs';
import { pluginRoutes } from './lib/plugin-routes.mjs';

const CALLS = setting('BENCH_CALLS', 20_000);
const BATCHES = setting('BENCH_BATCHES', 10);
const STARTS = setting('BENCH_STARTS', 200);
const GROWTH = setting('BENCH_GROWTH', 1_000_000);
const AT_ONCE = 32;
const ENGINES = (process.env.BENCH_ENGINES ?? 'undici,http-proxy-middleware').split(',');
const LOAD = {
  rounds: setting('BENCH_ROUNDS', 15),
  ms: setting('BENCH_MS', 1_000),
  warm: setting('BENCH_WARM', 10_000),
  connections: AT_ONCE,
};

const { createRunner } = await dist('wasm/index.js');
const { CallOuts } = await dist('wasm/callouts.js');
const { VmSupervisor } = await dist('wasm/vm-supervisor.js');
const { loadModule } = await dist('wasm/module.js');
const { PluginMetrics } = await dist('wasm/metrics.js');
const { Queues } = await dist('wasm/queues.js');
const { SharedData } = await dist('wasm/shared-data.js');

const log = { info: noop, warn: console.error, error: console.error };
const REQUEST = {
  pairs: [
    [':method', 'GET'],
    [':path', '/api/orders?page=2'],
    [':authority', 'gateway.example'],
    [':scheme', 'https'],
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip, br'],
    ['accept-language', 'en'],
    ['user-agent', 'bench'],
    ['x-api-key', 'sk_example_orders'],
    ['x-request-id', '0123456789abcdef'],
  ],
  properties: { 'request.method': 'GET', 'request.path': '/api/orders?page=2', 'source.address': '192.0.2.1:4711' },
  hasBody: false,
};
const PLUGINS = { Rust: 'auth-rust.wasm', AssemblyScript: 'auth-assemblyscript.wasm' };

const rows = [['plugin', 'inline µs', 'thread µs', 'instance ms', 'after 1M: MB']];
const measured = {};
// A process whose only work is a thread of its own must not end meanwhile.
const alive = setInterval(noop, 1_000);
for (const [name, file] of Object.entries(PLUGINS)) {
  const bytes = readFileSync(new URL(`../examples/wasm-plugin/${file}`, import.meta.url));
  const inline = await judged('inline', bytes, 1);
  const worker = await judged('worker', bytes, AT_ONCE);
  const start = starts(bytes);
  const grown = await growth(bytes);
  measured[name] = { inline, worker, start, grown };
  rows.push([name, inline.toFixed(2), worker.toFixed(1), start.toFixed(2), grown.toFixed(1)]);
}
clearInterval(alive);
table(rows);
console.log('');
target('header-only plugin, inline', measured.Rust.inline, 10, ' µs of CPU a request');
target('header-only plugin, in a thread', measured.Rust.worker, 40, ' µs of CPU a request');
target('a fresh instance', measured.Rust.start, 1, ' ms');
target('memory after a million requests', measured.Rust.grown, 16, ' MB of growth');
for (const engine of ENGINES) {
  const { open, worker, inline } = await pluginRoutes(engine, LOAD);
  console.log(`\n${engine}, ${AT_ONCE} connections: the open route ${median(open).toFixed(0)} µs of CPU a request`);
  console.log(`inline above the open route: ${median(inline).toFixed(0)} µs`);
  judgedRounds(`${engine}: one thread above the open route`, worker, { limit: 150, unit: ' µs' });
}
summary();

function noop() {}

function dist(path) {
  return import(new URL(path, DIST));
}

function optionsOf() {
  return {
    ...{ name: 'bench', rootId: 'bench', vmId: 'bench', env: {}, upstreams: [], logLevel: 'warn', workers: 1 },
    ...{ config: Buffer.from('{}'), vmConfig: Buffer.alloc(0), memoryLimitBytes: 16 * 1_048_576 },
    ...{ timeoutMs: 1_000, pauseTimeoutMs: 5_000 },
  };
}

async function open(isolation, bytes) {
  const callOuts = new CallOuts(new Map(), { http: new HttpAgent(), https: new HttpsAgent() });
  const runner = createRunner(isolation, { bytes, log, callOuts, options: optionsOf() });
  await runner.ready;
  return runner;
}

async function many(runner, calls, atOnce) {
  let left = calls;
  const loop = async () => {
    while (left-- > 0) {
      const { kind } = await new Promise((resolve) => runner.judge(REQUEST, resolve));
      if (kind !== 'continue') throw new Error(`the plugin decided ${kind}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
}

/** The least of several batches: a neighbour on the machine can only add to it. CPU of all threads of the process. */
async function judged(isolation, bytes, atOnce) {
  const runner = await open(isolation, bytes);
  await many(runner, CALLS, atOnce);
  let least = Infinity;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const before = process.cpuUsage();
    await many(runner, CALLS, atOnce);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / CALLS);
  }
  await runner.close();
  return least;
}

/** Instantiated, started and configured; the module itself is compiled once. */
function starts(bytes) {
  const { module, facts } = loadModule(bytes, optionsOf().memoryLimitBytes);
  const environment = {
    ...{ shared: new SharedData(), queues: new Queues(), metrics: new PluginMetrics() },
    ...{ log: noop, call: () => false, running: noop, queued: noop },
  };
  const times = Array.from({ length: STARTS }, () => {
    const from = performance.now();
    new VmSupervisor({ module, facts, options: optionsOf(), timeoutMs: 1_000, environment }).close();
    return performance.now() - from;
  });
  return median(times);
}

async function growth(bytes) {
  const runner = await open('inline', bytes);
  await many(runner, Math.min(GROWTH, 50_000), 1);
  const before = process.memoryUsage().rss;
  await many(runner, GROWTH, 1);
  const grown = (process.memoryUsage().rss - before) / 1_048_576;
  await runner.close();
  return Math.max(0, grown);
}
