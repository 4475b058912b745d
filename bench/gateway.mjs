/**
 * CPU time per request of the gateway process beside its peers, all in one run: `npm run bench`.
 *
 * The rounds are interleaved, each ratio is taken within its round, and the median of the rounds counts, with its
 * confidence interval: a busy machine moves all contenders of a round alike. `--rounds 15` and `--ms 1000` say how much;
 * `--report FILE` writes the tables between the marks of a Markdown file. `BENCH_ROUNDS`, `BENCH_MS`, `BENCH_CONNECTIONS`
 * and `BENCH_WARM` (requests before the first round) do the same for tests.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { besideIt, canPin, CLI, NODE, onMeasuredCore, start } from './lib/contender.mjs';
import { BASIC, gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { hasWrk, saturate } from './lib/load.mjs';
import { setting, summary } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';
import { report } from './lib/report.mjs';
import { LOCAL, LOCAL_PEERS, peers } from './peers/index.mjs';

const { values: given } = parseArgs({
  options: { rounds: { type: 'string' }, ms: { type: 'string' }, report: { type: 'string' } },
});
const ROUNDS = Number(given.rounds ?? setting('BENCH_ROUNDS', 15));
const MS = Number(given.ms ?? setting('BENCH_MS', 1_000));
const WARM = setting('BENCH_WARM', 10_000);
const CONNECTIONS = setting('BENCH_CONNECTIONS', 32);

const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
const issuer = await openIssuer();
const token = { Authorization: `Bearer ${issuer.token()}` };
const forged = { Authorization: `Bearer ${issuer.forged()}` };
const key = { headers: { 'X-API-Key': KEY }, refused: { 'X-API-Key': 'no' } };
const running = [];

try {
  const backend = await run('noop backend', besideIt((await peers[0].run()).command));
  const contenders = [
    ...(await startPeers(backend.port)),
    ...(await startOurs(backend.port, { engine: 'http-proxy-middleware', prefix: 'Loom auth' })),
    ...(await startOurs(backend.port, { engine: 'undici', prefix: 'Loom auth on undici' })),
    ...(await startLocal()),
  ];
  for (const contender of contenders) await checkAnswers(contender);
  const load = `${hasWrk ? 'wrk' : 'our generator'}, ${CONNECTIONS} connections; ${ROUNDS} rounds of ${MS} ms`;
  console.log(`load: ${load}`);
  if (!canPin) console.log('one core, or no taskset: nothing is pinned, and the figures are noisier');
  report(contenders, await rounds(contenders), { load, file: given.report });
  summary();
} finally {
  await Promise.all(running.map((each) => each.stop()));
  issuer.close();
  rmSync(folder, { recursive: true });
}

async function run(name, command, env = {}) {
  const [port] = env.PORT ? [env.PORT] : await freePorts(1);
  const process = await start(command, { port, env: { ...env, PORT: String(port) } });
  running.push(process);
  return { name, port, process };
}

/** The environment of a peer. */
async function world(backend) {
  const [PORT] = await freePorts(1);
  const UPSTREAM = `http://127.0.0.1:${backend}`;
  return { PORT, UPSTREAM, ISSUER: issuer.origin, AUDIENCE: issuer.audience, JWKS_URL: issuer.jwksUrl };
}

async function startPeers(backend) {
  const started = [];
  for (const { name, run: how, checks } of peers) {
    const env = await world(backend);
    const { command, missing } = await how(env, folder);
    if (missing) console.log(`${name}: left out, ${missing}`);
    else {
      const each = await run(name, onMeasuredCore(command), env);
      started.push({ ...each, path: '/internal/x', headers: token, refused: checks && forged });
    }
  }
  return started;
}

/** One process for each engine; its routes are contenders of their own. */
async function startOurs(upstream, { engine, prefix }) {
  const [port] = await freePorts(1);
  const file = join(folder, `${engine}.yaml`);
  writeFileSync(file, gatewayFile({ port, upstream, issuer, engine }));
  const gateway = await run(prefix, onMeasuredCore([NODE, CLI, 'serve', file]), { PORT: port });
  const basic = { headers: { Authorization: BASIC }, refused: { Authorization: 'Basic YTpi' } };
  const jwt = { headers: token, refused: forged };
  return [
    { ...gateway, name: `${prefix}, public`, path: '/public/x', headers: {} },
    { ...gateway, name: `${prefix}, api_key`, path: '/keys/x', ...key },
    { ...gateway, name: `${prefix}, remembered Basic`, path: '/ops/x', ...basic },
    { ...gateway, name: `${prefix}, warm RS256`, path: '/internal/x', ...jwt },
    { ...gateway, name: `${prefix}, 401`, path: '/internal/x', headers: {}, status: 401 },
  ];
}

/** Middlewares on Express before a local handler. */
async function startLocal() {
  const started = [];
  for (const { name, KIND, checks } of LOCAL_PEERS) {
    const each = await run(name, onMeasuredCore([NODE, LOCAL]), { ...(await world()), KIND });
    started.push({ ...each, path: '/internal/x', headers: token, refused: checks && forged });
  }
  const ours = await run('Express + Loom', onMeasuredCore([NODE, LOCAL]), { ...(await world()), KIND: 'loom' });
  return [
    ...started,
    { ...ours, name: 'Express + Loom, local, api_key', path: '/keys/x', ...key },
    { ...ours, name: 'Express + Loom, local, warm RS256', path: '/internal/x', headers: token, refused: forged },
  ];
}

/** A contender that admits a forged credential, or refuses a good one, is not measured. */
async function checkAnswers({ name, port, path, headers, refused, status = 200 }) {
  const ask = async (fields) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: fields })).status;
  const good = await ask(headers);
  if (good !== status) throw new Error(`${name} answers ${good} to a request that gets ${status}`);
  if (!refused) return;
  for (const fields of [refused, {}]) {
    const bad = await ask(fields);
    if (bad !== 401) throw new Error(`${name} answers ${bad} to ${JSON.stringify(fields)}`);
  }
  console.log(`${name}: passes a good credential, refuses a forged one and none`);
}

/** Microseconds of CPU per request: a list for each contender, one entry for each round. */
async function rounds(contenders) {
  const measured = new Map(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await warmUp(contender);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, process, ...contender } of rotated(contenders, round)) {
      // V8 drops compiled code that was not used for half a minute.
      await load(contender);
      const before = process.cpuMs();
      const answered = await load(contender);
      measured.get(name).push(((process.cpuMs() - before) * 1_000) / answered);
    }
  }
  return measured;
}

function load({ port, path, headers, status }) {
  return saturate({ port, path, headers, status, ms: MS, connections: CONNECTIONS, folder });
}

/** By requests, not by time: a compiler that waits for a busy core has not compiled. */
async function warmUp(contender) {
  const end = performance.now() + 10_000;
  for (let answered = 0; answered < WARM && performance.now() < end;) answered += await load(contender);
}

/** The order of the programs changes in each round. */
function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
