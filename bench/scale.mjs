/**
 * Large files: 10,000 routes and 100,000 API keys, `npm run bench:scale` (about five minutes). The bench measures the
 * start, its peak of memory, requests beside reloads, memory after ten reloads, and memory of idle WebSockets. It compares
 * the CPU per request with that of a small file.
 * `BENCH_ROUTES`, `BENCH_KEYS`, `BENCH_TOKENS`, `BENCH_SOCKETS`, `BENCH_RELOADS`, `BENCH_ROUNDS`, `BENCH_REQUESTS` (a round). Linux.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLI, NODE, sleep, start } from './lib/contender.mjs';
import { openIssuer } from './lib/issuer.mjs';
import { keyOf, largeFile, pathOf } from './lib/large-file.mjs';
import { generate, request } from './lib/load.mjs';
import { median, quantile, setting, summary, table, target } from './lib/numbers.mjs';
import { freePorts } from './lib/ports.mjs';
import { peers } from './peers/index.mjs';

const ROUTES = setting('BENCH_ROUTES', 10_000);
const KEYS = setting('BENCH_KEYS', 100_000);
const TOKENS = setting('BENCH_TOKENS', 10_000);
const SOCKETS = setting('BENCH_SOCKETS', 500);
const RELOADS = setting('BENCH_RELOADS', 10);
const ROUNDS = setting('BENCH_ROUNDS', 9);
const REQUESTS = setting('BENCH_REQUESTS', 4_000);
/** V8 returns memory to the system after about ten seconds without much work. */
const SETTLE_MS = setting('BENCH_SETTLE_MS', 15_000);
const PER_SECOND = 200;
const MOST_WAIT_MS = 50;
const MEGABYTE = 1_048_576;

const folder = mkdtempSync(join(tmpdir(), 'loom-scale-'));
const issuer = await openIssuer();
const [backendPort, socketsPort, ...ports] = await freePorts(5);
const backend = await start((await peers[0].run()).command, {
  port: backendPort,
  env: { PORT: String(backendPort) },
});
const echo = createServer().on('upgrade', acceptSocket).listen(socketsPort, '127.0.0.1');
const gateways = [];

try {
  const small = await open({ name: 'small', routes: 10, keys: 10 });
  const routes = await open({ name: `${ROUTES} routes`, routes: ROUTES, keys: 10 });
  const keys = await open({ name: `${KEYS} keys`, routes: 10, keys: KEYS });
  starts([small, routes, keys]);
  for (const gateway of [routes, keys]) await reloads(gateway);
  await perRequest({ small, routes, keys });
  await idleSockets(small);
  summary();
} finally {
  for (const { child } of gateways) child.kill('SIGKILL');
  await backend.stop();
  echo.close();
  echo.closeAllConnections();
  issuer.close();
  rmSync(folder, { recursive: true });
}

async function open({ name, routes, keys }) {
  const port = ports.shift();
  const file = join(folder, `${port}.yaml`);
  const write = (edit) =>
    writeFileSync(
      file,
      largeFile({ port, upstream: backendPort, sockets: socketsPort, issuer, routes, keys, edit, engine: 'undici' }),
    );
  write(0);
  const watched = fileURLToPath(new URL('lib/watched.mjs', import.meta.url));
  const began = performance.now();
  const child = spawn(NODE, ['--import', watched, CLI, 'serve', '--no-watch', file], {
    env: { ...process.env, BENCH_WATCHED: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const gateway = { name, port, child, write, output: lines(child.stderr), edit: 0 };
  gateways.push(gateway);
  await said(gateway, 'the configuration is in use');
  const startMs = performance.now() - began;
  const { cpuMs } = await ask(gateway);
  const peak = peakMb(child.pid);
  await sleep(SETTLE_MS);
  return Object.assign(gateway, { startMs, cpuMs, peak, settled: await ask(gateway, true) });
}

function starts(all) {
  table([
    ['start', 'wall ms', 'CPU ms', 'peak MiB', 'settled MiB'],
    ...all.map(({ name, startMs, cpuMs, peak, settled }) => [
      name,
      ...[startMs, cpuMs, peak, settled.rss / MEGABYTE].map((value) => value.toFixed(0)),
    ]),
  ]);
  console.log('');
  const [, routes, keys] = all;
  target(`CPU of a start with ${routes.name}`, routes.cpuMs, 2_000, ' ms');
  target(`peak of memory of a start with ${routes.name}`, routes.peak, 320, ' MiB');
  target(`CPU of a start with ${keys.name}`, keys.cpuMs, 4_500, ' ms');
  target(`peak of memory of a start with ${keys.name}`, keys.peak, 620, ' MiB');
}

/** Each reload runs beside 200 requests a second. Waits are counted from the moment at which a request was due. */
async function reloads(gateway) {
  const before = await steady(gateway, () => sleep(3_000));
  await ask(gateway);
  const during = await steady(gateway, async () => {
    for (let each = 0; each < RELOADS; each += 1) {
      gateway.write((gateway.edit += 1));
      gateway.child.kill('SIGHUP');
      await said(gateway, 'the configuration was reloaded');
    }
  });
  const { longestPauseMs } = await ask(gateway);
  await sleep(SETTLE_MS);
  const after = await ask(gateway, true);
  const row = (name, { waits, ms }) => [
    name,
    waits.length,
    ...[ms, median(waits), quantile(waits, 0.999), Math.max(...waits)].map((value) => value.toFixed(1)),
  ];
  console.log('');
  table([
    [gateway.name, 'requests', 'ms', 'median', 'p99.9', 'longest'],
    row('no reload', before),
    row(`${RELOADS} reloads`, during),
  ]);
  console.log(
    `longest pause of the event loop: ${longestPauseMs.toFixed(1)} ms; each reload: ${(during.ms / RELOADS).toFixed(0)} ms\n`,
  );
  const lengthened = quantile(during.waits, 0.999) - quantile(before.waits, 0.999);
  target(`p99.9 of requests beside reloads of ${gateway.name}, above that without`, lengthened, MOST_WAIT_MS, ' ms');
  const { settled } = gateway;
  target(`memory after ${RELOADS} reloads of ${gateway.name}, beside its start`, after.rss / settled.rss, 1.2, ' ×');
  target(
    `peak of memory with reloads of ${gateway.name}, beside its start`,
    peakMb(gateway.child.pid) / gateway.peak,
    1.5,
    ' ×',
  );
}

async function steady({ port }, act) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const waits = [];
  const pending = new Set();
  const began = performance.now();
  let due = began;
  let over = false;
  const send = () => {
    for (; due <= performance.now(); due += 1_000 / PER_SECOND) {
      const at = due;
      const sent = get({ port, agent, path: '/keys/x', headers: { 'X-API-Key': keyOf(0) } });
      const done = sent.then(() => waits.push(performance.now() - at)).finally(() => pending.delete(done));
      pending.add(done);
    }
    if (!over) setTimeout(send, 1);
  };
  send();
  await act();
  const ms = performance.now() - began;
  over = true;
  await Promise.all(pending);
  agent.destroy();
  return { waits, ms };
}

/** CPU of the gateway per request, in turns, so that a busy machine slows all of them alike. */
async function perRequest({ small, routes, keys }) {
  const tokens = Array.from({ length: TOKENS }, (_each, i) => issuer.token({ sub: `caller-${i}` }));
  const key = (number) => ({ 'X-API-Key': keyOf(number) });
  const spread = (count, most) => Array.from({ length: count }, (_each, i) => Math.floor((i * most) / count));
  const token = (text) => ({ Authorization: `Bearer ${text}` });
  // Routes that an API key opens, on each host.
  const opened = spread(500, ROUTES / 30)
    .map((each) => each * 30)
    .filter((each) => each % 7 !== 6);
  const loads = [
    ['one route of 10', small, [request(pathOf(0), key(0))]],
    [`${opened.length} of ${routes.name}`, routes, opened.map((number) => request(pathOf(number), key(0)))],
    ['one key of 10', small, [request('/keys/x', key(0))]],
    [
      `500 of ${keys.name}`,
      keys,
      spread(500, KEYS).map((number) => request('/keys/x', key(number === 1 ? 0 : number))),
    ],
    ['10 warm tokens', small, tokens.slice(0, 10).map((text) => request('/tokens/x', token(text)))],
    [`${TOKENS} warm tokens`, small, tokens.map((text) => request('/tokens/x', token(text)))],
  ].map(([name, gateway, requests]) => ({ name, gateway, requests, costs: [] }));
  for (const load of loads) await cost(load, Math.max(load.requests.length * 2, REQUESTS));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const load of loads) load.costs.push(await cost(load, REQUESTS));
  }
  console.log('');
  table([['CPU per request', 'µs'], ...loads.map(({ name, costs }) => [name, median(costs).toFixed(0)])]);
  console.log('');
  for (let at = 0; at < loads.length; at += 2) {
    const [few, many] = [loads[at], loads[at + 1]];
    const ratio = median(many.costs.map((each, round) => each / few.costs[round]));
    target(`CPU per request, ${many.name} beside ${few.name}`, ratio, 1.05, ' ×');
  }
}

async function cost({ gateway, requests }, count) {
  const before = await ask(gateway);
  const { answered, statuses } = await generate({
    folder,
    port: gateway.port,
    count,
    ms: 60_000,
    connections: 16,
    requests,
    first: Math.floor(Math.random() * requests.length),
  });
  const wrong = Object.keys(statuses).find((status) => !status.startsWith('2'));
  if (wrong !== undefined) throw new Error(`${gateway.name}: a request was answered ${wrong}`);
  return (((await ask(gateway)).cpuMs - before.cpuMs) / answered) * 1_000;
}

/** Memory of idle WebSockets, with the connection to the upstream of each. */
async function idleSockets(gateway) {
  const before = await ask(gateway, true);
  const opened = [];
  while (opened.length < SOCKETS) opened.push(await openSocket(gateway.port));
  await sleep(SETTLE_MS);
  const after = await ask(gateway, true);
  console.log(`memory of an idle WebSocket: ${((after.rss - before.rss) / SOCKETS / 1_024).toFixed(1)} KiB\n`);
  for (const socket of opened) socket.destroy();
}

async function openSocket(port) {
  const socket = connect(port, '127.0.0.1');
  const fields = `Host: gateway\r\nX-API-Key: ${keyOf(0)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`;
  const handshake = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  socket.write(`GET /sockets/x HTTP/1.1\r\n${fields}${handshake}\r\n`);
  const [head] = await once(socket, 'data');
  if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(`a WebSocket was refused: ${head}`);
  return socket;
}

/** The handshake of RFC 6455 §4.2.2. */
function acceptSocket(request, socket) {
  const text = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(text).digest('base64');
  socket.on('error', () => socket.destroy());
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

function get(options) {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', ...options }, (answer) => {
      answer
        .resume()
        .once('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
        );
    });
    // A kept connection may end while a request is on its way: Node's clients send it again.
    const again = (error) => (sent.reusedSocket && error.code === 'ECONNRESET' ? resolve(get(options)) : reject(error));
    sent.once('error', again).end();
  });
}

async function ask({ child }, settle = false) {
  child.send({ settle });
  return (await once(child, 'message'))[0];
}

/** The lines of a stream; each is asked for once. */
function lines(stream) {
  const known = { text: '' };
  stream.setEncoding('utf8').on('data', (piece) => (known.text += piece));
  return known;
}

async function said({ child, output }, words) {
  for (; ; await sleep(5)) {
    const at = output.text.indexOf(words);
    if (at >= 0) return void (output.text = output.text.slice(at + words.length));
    if (output.text.includes('the reload failed: the old configuration stays in use')) throw new Error(output.text);
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the gateway ended: ${output.text}`);
  }
}

function peakMb(pid) {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}
