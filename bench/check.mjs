/**
 * What a request costs in numbers that do not depend on the load of the machine: bytes allocated, promises, ticks, timers,
 * and the modules loaded at start. `npm run bench:check` compares them with `baseline.json`, and fails above +15 %.
 * `npm run bench:check -- --update` writes the file. CPU is printed beside them and decides nothing.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE, start } from './lib/contender.mjs';
import { openExchanges } from './lib/exchanges.mjs';
import { BASIC, gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { median, setting, table } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';

const WARM = setting('BENCH_WARM', 4_000);
const WINDOWS = setting('BENCH_WINDOWS', 9);
const REQUESTS = setting('BENCH_REQUESTS', 500);
const CONNECTIONS = 4;
const MOST = 1.15;
/** A connection that opens in a window adds a few timers to its requests. */
const LEAST = 0.3;

const ENGINES = (process.env.BENCH_ENGINES ?? 'http-proxy-middleware,undici').split(',');
const WORK = ['promises', 'ticks', 'timers', 'immediates'];
/** No collection of the young generation within a window. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
const BASELINE = process.env.BENCH_BASELINE ?? fileURLToPath(new URL('baseline.json', import.meta.url));
const GATEWAY = fileURLToPath(new URL('lib/measured-gateway.mjs', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'loom-check-'));
const issuer = await openIssuer();
const requests = {
  open: { path: '/public/x', status: 200, headers: {} },
  api_key: { path: '/keys/x', status: 200, headers: { 'X-API-Key': KEY } },
  basic: { path: '/ops/x', status: 200, headers: { Authorization: BASIC } },
  'warm jwt': { path: '/internal/x', status: 200, headers: { Authorization: `Bearer ${issuer.token()}` } },
  'no credential': { path: '/internal/x', status: 401, headers: {} },
};

try {
  const [backendPort] = await freePorts(1);
  const noop = fileURLToPath(new URL('peers/noop.mjs', import.meta.url));
  const backend = await start([NODE, noop], { port: backendPort, env: { PORT: String(backendPort) } });
  const found = {};
  const cpu = {};
  for (const engine of ENGINES) Object.assign(found, await costsOf(engine, { upstream: backendPort, cpu }));
  await backend.stop();
  report(found, cpu);
} finally {
  issuer.close();
  rmSync(folder, { recursive: true });
}

/** The counts of each kind of request, for one engine in one process. */
async function costsOf(engine, { upstream, cpu }) {
  const gateway = await startGateway(engine, upstream);
  const { ours, all } = await gateway.ask({ act: 'loaded' });
  const costs = { [`${engine}: start`]: { 'own modules': ours, modules: all } };
  for (const request of Object.values(requests)) await gateway.send(request, WARM);
  const measured = Object.fromEntries(Object.keys(requests).map((name) => [name, { bytes: [], cpu: [] }]));
  for (let at = 0; at < WINDOWS; at += 1) {
    for (const [name, request] of Object.entries(requests)) {
      const { bytes, cpuUs } = await gateway.window(request, 'bytes');
      measured[name].bytes.push(bytes / REQUESTS);
      measured[name].cpu.push(cpuUs / REQUESTS);
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const work = await gateway.window(request, 'work');
    const perRequest = WORK.map((kind) => [kind, Number((work[kind] / REQUESTS).toFixed(1))]);
    costs[`${engine}: ${name}`] = {
      bytes: Math.round(median(measured[name].bytes)),
      ...Object.fromEntries(perRequest),
    };
    const ratios = measured[name].cpu.map((each, round) => each / measured.open.cpu[round]);
    cpu[`${engine}: ${name}`] = { us: median(measured[name].cpu), ratio: median(ratios) };
  }
  gateway.stop();
  return costs;
}

async function startGateway(engine, upstream) {
  const [port] = await freePorts(1);
  const file = join(folder, `${engine}.yaml`);
  writeFileSync(file, gatewayFile({ port, upstream, issuer, engine }));
  const child = fork(GATEWAY, [file], {
    execPath: NODE,
    execArgv: FLAGS,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the gateway ended with ${code}`);
  });
  const answer = () => Promise.race([once(child, 'message').then(([message]) => message), ended]);
  const ask = (message) => {
    const answered = answer();
    child.send(message);
    return answered;
  };
  await answer();
  const exchanges = await openExchanges(port, CONNECTIONS);
  const send = (request, count) => exchanges.send(request.path, { ...request, count });
  const window = async (request, what) => {
    await ask({ act: 'begin', what });
    await send(request, REQUESTS);
    return ask({ act: 'end', what });
  };
  const stop = () => {
    ended.catch(() => undefined);
    child.disconnect();
  };
  return { ask, send, window, stop };
}

function report(found, cpu) {
  const counts = ['bytes', ...WORK];
  const rows = [['per request', ...counts, 'CPU µs', '× open']];
  for (const [name, costs] of Object.entries(found)) {
    if (!cpu[name]) console.log(`${name}: ${costs['own modules']} modules of our own, ${costs.modules} in all`);
    else rows.push([name, ...counts.map((each) => costs[each]), cpu[name].us.toFixed(0), cpu[name].ratio.toFixed(2)]);
  }
  console.log('');
  table(rows);
  console.log('');
  if (process.argv.includes('--update')) {
    writeFileSync(BASELINE, `${JSON.stringify(found, null, 2)}\n`);
    console.log(`written: ${BASELINE}`);
    return;
  }
  const worse = worseThan(JSON.parse(readFileSync(BASELINE, 'utf8')), found);
  for (const each of worse) console.log(`MISSED  ${each}`);
  if (worse.length > 0) process.exitCode = 1;
  else console.log('PASS    no count is more than 15 % above the baseline');
}

function worseThan(known, found) {
  const worse = [];
  for (const [name, costs] of Object.entries(found)) {
    for (const [what, value] of Object.entries(costs)) {
      const before = known[name]?.[what];
      if (before === undefined) worse.push(`${name}: ${what} is not in the baseline`);
      else if (value > before * MOST && value - before > LEAST) worse.push(`${name}: ${what} ${before} -> ${value}`);
    }
  }
  return worse;
}
