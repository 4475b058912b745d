/**
 * CPU time per request of the gateway process beside its peers, all in one run: `npm run bench`.
 *
 * The rounds are interleaved, each ratio is taken within its round, and the median of the rounds is what counts: a busy
 * machine moves all contenders of a round alike. `BENCH_ROUNDS`, `BENCH_MS`, `BENCH_CONNECTIONS`, `BENCH_WARM` (requests
 * before the first round) say how much.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { besideIt, canPin, CLI, NODE, onMeasuredCore, start } from './lib/contender.mjs';
import { BASIC, gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { hasWrk, saturate } from './lib/load.mjs';
import { median, setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';
import { BARE, BARE_UNDICI, HAND_WIRED, peers } from './peers/index.mjs';

const ROUNDS = setting('BENCH_ROUNDS', 15);
const MS = setting('BENCH_MS', 1_000);
const WARM = setting('BENCH_WARM', 15_000);
const CONNECTIONS = setting('BENCH_CONNECTIONS', 32);

const folder = mkdtempSync(join(tmpdir(), 'loom-bench-'));
const issuer = await openIssuer();
const token = { Authorization: `Bearer ${issuer.token()}` };
const forged = { Authorization: `Bearer ${issuer.forged()}` };
const running = [];

try {
  const backend = await run('noop backend', besideIt((await peers[0].run()).command));
  const contenders = [
    ...(await startPeers(backend.port)),
    ...(await startOurs(backend.port, { engine: 'http-proxy-middleware', prefix: 'Loom auth' })),
    ...(await startOurs(backend.port, { engine: 'undici', prefix: 'Loom auth on undici' })),
  ];
  for (const contender of contenders) await checkAnswers(contender);
  console.log(`load: ${hasWrk ? 'wrk' : 'our generator'}, ${CONNECTIONS} connections; rounds: ${ROUNDS} of ${MS} ms`);
  if (!canPin) console.log('one core, or no taskset: nothing is pinned, and the figures are noisier');
  const measured = await rounds(contenders);
  report(contenders, measured);
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

async function startPeers(backend) {
  const started = [];
  for (const { name, run: how, checks } of peers) {
    const [PORT] = await freePorts(1);
    const UPSTREAM = `http://127.0.0.1:${backend}`;
    const world = { PORT, UPSTREAM, ISSUER: issuer.origin, AUDIENCE: issuer.audience, JWKS_URL: issuer.jwksUrl };
    const { command, missing } = await how(world, folder);
    if (missing) console.log(`${name}: left out, ${missing}`);
    else {
      const each = await run(name, onMeasuredCore(command), world);
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
  const basic = { Authorization: BASIC };
  return [
    { ...gateway, name: `${prefix}, public`, path: '/public/x', headers: {} },
    {
      ...gateway,
      name: `${prefix}, api_key`,
      path: '/keys/x',
      headers: { 'X-API-Key': KEY },
      refused: { 'X-API-Key': 'no' },
    },
    {
      ...gateway,
      name: `${prefix}, remembered Basic`,
      path: '/ops/x',
      headers: basic,
      refused: { Authorization: 'Basic YTpi' },
    },
    { ...gateway, name: `${prefix}, warm RS256`, path: '/internal/x', headers: token, refused: forged },
  ];
}

/** Who lets a forged credential in, or a good one wait, is no contender. */
async function checkAnswers({ name, port, path, headers, refused }) {
  const ask = async (fields) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: fields })).status;
  const good = await ask(headers);
  if (good !== 200) throw new Error(`${name} answers ${good} to a good request`);
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
      const before = process.cpuMs();
      const answered = await load(contender);
      measured.get(name).push(((process.cpuMs() - before) * 1_000) / answered);
    }
  }
  return measured;
}

function load({ port, path, headers }) {
  return saturate({ port, path, headers, ms: MS, connections: CONNECTIONS, folder });
}

/** By requests, not by time: a compiler that waits for a busy core has not compiled. */
async function warmUp(contender) {
  const end = performance.now() + 30_000;
  for (let answered = 0; answered < WARM && performance.now() < end;) answered += await load(contender);
}

/** The order of the programs changes in each round. */
function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function report(contenders, measured) {
  const ratio = (name, to) => {
    const base = measured.get(to);
    return median(measured.get(name).map((value, round) => value / base[round]));
  };
  const rows = contenders.map(({ name }) => {
    const all = measured.get(name);
    const least = Math.min(...all) / Math.min(...measured.get(BARE));
    const spread = `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`;
    const ratios = [ratio(name, BARE), least, ratio(name, HAND_WIRED)].map((each) => each.toFixed(2));
    return [name, median(all).toFixed(0), spread, ...ratios];
  });
  console.log('');
  table([['CPU of the process', 'µs/request', 'min–max', '× bare hpm', 'least ×', '× hand-wired'], ...rows]);
  console.log('');
  target('warm RS256 / bare hpm', ratio('Loom auth, warm RS256', BARE), 1.2);
  target('warm RS256 / hand-wired stack', ratio('Loom auth, warm RS256', HAND_WIRED), 0.6);
  target('API key / bare hpm', ratio('Loom auth, api_key', BARE), 1.15);
  target('remembered Basic / bare hpm', ratio('Loom auth, remembered Basic', BARE), 1.15);
  target('undici: open route / bare undici proxy', ratio('Loom auth on undici, public', BARE_UNDICI), 1.25);
  target('undici: warm RS256 / hand-wired stack', ratio('Loom auth on undici, warm RS256', HAND_WIRED), 0.33);
  target('undici: warm RS256 / bare hpm', ratio('Loom auth on undici, warm RS256', BARE), 0.8);
  summary();
}
