/**
 * A soak: mixed load with faults for half an hour, `npm run bench:soak` (not in CI). A line a minute: what honest and
 * hostile clients got, and what the process holds: memory, descriptors, timers, sockets. Loopback alone; `BENCH_MINUTES`,
 * `BENCH_HONEST` and `BENCH_BAD` (requests a second), `BENCH_RELOAD_MS` (a reload every so often; 1,800 makes a thousand
 * in half an hour), `BENCH_FAULT_MS` (how long each fault lasts; as long again without one follows).
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import { CLI, NODE, sleep, start } from './lib/contender.mjs';
import { BASIC, gatewayFile, KEY } from './lib/gateway-file.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { generate, request } from './lib/load.mjs';
import { setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';
import { dripping } from './lib/slow.mjs';
import { peers } from './peers/index.mjs';

const MINUTES = setting('BENCH_MINUTES', 30);
const HONEST = setting('BENCH_HONEST', 150);
const BAD = setting('BENCH_BAD', 50);
const RELOAD_MS = setting('BENCH_RELOAD_MS', 1_800);
const FAULT_MS = setting('BENCH_FAULT_MS', 10_000);
const ROUND_MS = setting('BENCH_ROUND_MS', 60_000);

const folder = mkdtempSync(join(tmpdir(), 'loom-soak-'));
const file = join(folder, 'loom.yaml');
const plugin = fileURLToPath(new URL('../examples/wasm-plugin/auth-rust.wasm', import.meta.url));
const issuer = await openIssuer();
const [first, second, port, admin, redisPort] = await freePorts(5);
const hasRedis = spawnSync('redis-server', ['--version']).error === undefined;
const backend = async (at) => start((await peers[0].run()).command, { port: at, env: { PORT: String(at) } });
const backends = { steady: await backend(first), failing: await backend(second) };
let redis = hasRedis ? await openRedis() : undefined;
const whole = wholeFile();
writeFileSync(file, text(0));
const gateway = await start([NODE, CLI, 'serve', '--no-watch', file], { port, output: join(folder, 'gateway.log') });

const idle = await holds();
const honest = [
  request('/public/x'),
  request('/keys/x', { 'X-API-Key': KEY }),
  request('/ops/x', { Authorization: BASIC }),
  request('/internal/x', { Authorization: `Bearer ${issuer.token()}` }),
  request('/plugin/x', { 'X-API-Key': 'sk_example_orders' }),
];
const hostile = Array.from({ length: 200 }, (_each, i) => [
  request('/internal/x', { Authorization: `Bearer ${issuer.forged({}, { kid: `nobody-${i}` })}` }),
  request('/keys/x', { 'X-API-Key': `sk_guess_${i}` }),
  request('/ops/x', { Authorization: `Basic ${Buffer.from(`admin:guess ${i}`).toString('base64')}` }),
  request('/internal/x'),
]).flat();

const done = { reloads: 0, faults: 0, over: false };
const lines = [];
try {
  const background = [reloads(), faults(), leavers()];
  for (let minute = 1; minute <= MINUTES; minute += 1) lines.push(await round(minute));
  done.over = true;
  await Promise.all(background);
  await report();
} finally {
  await Promise.all([gateway.stop(), backends.steady.stop(), backends.failing.stop(), redis?.stop()]);
  issuer.close();
  rmSync(folder, { recursive: true });
}

/** The same block but for its last line: a new hash of a password would be a new method. */
function text(edit) {
  return `${whole}# edit ${edit}\n`;
}

function wholeFile() {
  const distributed = hasRedis ? `, distributed: { type: redis, address: "127.0.0.1:${redisPort}" }` : '';
  const gateway = gatewayFile({
    ...{ port, upstream: `${first}", "127.0.0.1:${second}`, issuer },
    backend: ', health_check: { path: /, interval: 1s }, retry: { max_retries: 2 }, circuit_breaker: { timeout: 2s }',
    routes: '  - { id: plugin, path: /plugin/*, upstream: backend, auth: { guard: true } }',
  });
  return `${gateway}
plugins: [{ name: guard, path: "${plugin}", credential_headers: [X-API-Key] }]
rate_limit: { rate: 100000, burst: 100000${distributed} }
admin: { enabled: true, address: "127.0.0.1:${admin}" }
metrics: { enabled: true }
`;
}

async function openRedis() {
  const options = ['--port', String(redisPort), '--save', '', '--appendonly', 'no', '--dir', folder];
  return start(['redis-server', ...options], { port: redisPort });
}

/** Each is a good file, but for every tenth, which must change nothing. */
async function reloads() {
  while (!done.over) {
    await sleep(RELOAD_MS);
    done.reloads += 1;
    writeFileSync(`${file}.next`, done.reloads % 10 === 0 ? 'routes: {' : text(done.reloads));
    renameSync(`${file}.next`, file);
    process.kill(gateway.pid, 'SIGHUP');
  }
}

/** One after the other: an endpoint gone, Redis killed, Redis hung, the issuer down. */
async function faults() {
  const kinds = [
    async () => {
      await backends.failing.stop();
      await sleep(FAULT_MS);
      backends.failing = await backend(second);
    },
    async () => {
      await redis?.stop();
      await sleep(FAULT_MS);
      redis = hasRedis ? await openRedis() : undefined;
    },
    async () => {
      if (redis) process.kill(redis.pid, 'SIGSTOP');
      await sleep(FAULT_MS);
      if (redis) process.kill(redis.pid, 'SIGCONT');
    },
    async () => {
      issuer.fail(true);
      await sleep(FAULT_MS);
      issuer.fail(false);
    },
  ];
  while (!done.over) {
    await kinds[done.faults % kinds.length]();
    done.faults += 1;
    await sleep(FAULT_MS);
  }
}

/** Clients that send a byte now and then, and leave. */
async function leavers() {
  const heads = [
    'GET /public/x HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /public/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n',
    handshake(),
  ];
  for (let turn = 0; !done.over; turn += 1) {
    await dripping({ port, head: heads[turn % heads.length], sockets: 20, rate: 50, ms: 2_000 });
  }
}

function handshake() {
  const fields = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
  return request('/keys/x', { ...fields, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'X-API-Key': KEY });
}

async function round(minute) {
  const job = { port, ms: ROUND_MS, folder };
  const [good, bad] = await Promise.all([
    generate({ ...job, connections: 16, rate: HONEST, requests: honest }),
    generate({ ...job, connections: 16, rate: BAD, requests: hostile }),
  ]);
  const held = await holds();
  console.log(
    [
      `minute ${minute}: honest ${told(good)}, p99 ${good.latency.p99.toFixed(1)} ms; hostile ${told(bad)}`,
      `${done.reloads} reloads, ${done.faults} faults; ${JSON.stringify(held)}`,
    ].join('; '),
  );
  return { minute, good, bad, held };
}

function told({ statuses, broken }) {
  return [...Object.entries(statuses).map(([status, count]) => `${status}: ${count}`), `broken: ${broken}`].join(' ');
}

async function holds() {
  const answer = await fetch(`http://127.0.0.1:${admin}/metrics`);
  const metrics = await answer.text();
  const active = (type) =>
    Number(new RegExp(`^nodejs_active_resources\\{type="${type}"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0);
  return {
    mb: Math.round(gateway.residentMb()),
    fds: readdirSync(`/proc/${gateway.pid}/fd`).length,
    threads: readdirSync(`/proc/${gateway.pid}/task`).length,
    timers: active('Timeout'),
    sockets: active('TCPSocketWrap'),
  };
}

async function report() {
  await sleep(2 * FAULT_MS);
  const rest = await holds();
  const rows = [...lines.map(({ minute, good, bad, held }) => [minute, told(good), told(bad), ...Object.values(held)])];
  console.log('');
  table([['minute', 'honest', 'hostile', ...Object.keys(rest)], ...rows, ['after', '', '', ...Object.values(rest)]]);
  console.log('');
  const middle = Math.ceil(lines.length / 2);
  // Descriptors and sockets go up and down with the load and its faults: what is left after it counts.
  for (const what of ['mb', 'threads', 'timers']) {
    const [before, after] = [lines.slice(0, middle), lines.slice(-middle)].map((half) =>
      Math.max(...half.map(({ held }) => held[what])),
    );
    target(`${what} in the later half / in the earlier`, after / Math.max(1, before), 1.15);
  }
  target('sockets left after it', rest.sockets, 5);
  target('descriptors left after it, those of pooled connections among them', rest.fds - idle.fds, 40);
  const count = (kind, wanted) =>
    lines.reduce(
      (sum, each) =>
        sum + Object.entries(each[kind].statuses).reduce((all, [status, n]) => all + (wanted(status) ? n : 0), 0),
      0,
    );
  const all = count('good', () => true);
  target(
    'hostile requests that were served',
    count('bad', (status) => status.startsWith('2')),
    0,
  );
  target(
    'honest requests that were called unauthorized',
    count('good', (status) => status === '401' || status === '403'),
    0,
  );
  target(
    'honest requests not served, of a thousand',
    (1_000 * count('good', (status) => status !== '200')) / Math.max(1, all),
    10,
  );
  summary();
}
