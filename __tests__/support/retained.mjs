/**
 * A separate process with a small heap: reloads a gateway with something open of each table, and prints how many
 * replaced objects are still alive. `node --expose-gc retained.mjs DIST CERTIFICATE KEY CA`.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';

const [dist, cert, key, ca] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(dist, name)).href);
const { Snapshot } = await load('runtime/snapshot.js');
const { Member } = await load('proxy/upstream/member.js');
const { Listener } = await load('serve/listener.js');
const { serve } = await load('serve/serve.js');
const { loom } = await load('loom.js');

const RELOADS = 8;
const headers = { 'X-API-Key': 'key-of-the-only-caller' };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'loom-retained-'));

const unanswered = [];
const backend = createServer((req, res) => {
  if (req.url === '/stream') res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
  else if (req.url === '/slow') unanswered.push(res);
  else res.end('in');
});
const sockets = new WebSocketServer({ server: backend });
sockets.on('connection', (socket) => socket.on('error', () => undefined));
const upstream = await listening(backend);

async function listening(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createServer();
  const port = await listening(server);
  await once(server.close(), 'close');
  return port;
}

const keyOf = (turn) => `, { name: caller${turn}, key: key-of-caller-number-${turn} }`;
const routeOf = (turn) => `, { id: more${turn}, path: /more${turn}, upstream: backend, auth: { api_key: true } }`;

const rest = (turn, { changes }) => `
middleware: { auth: { chain: [api_key], api_key: { keys: [{ name: caller, key: key-of-the-only-caller }${changes ? keyOf(turn) : ''}] } } }
metrics: {}
routes: [{ id: all, path: /*, upstream: backend, auth: { api_key: true } }${changes ? routeOf(turn) : ''}]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"]${changes ? `, timeout: { connect: ${1_000 + turn}ms }, health_check: { path: / }` : ''} }]
`;

async function gateway(options) {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const file = join(folder, `${port}.yaml`);
  const write = (turn) => {
    const moment = options.changes ? `, idle_timeout: ${60 + turn}s` : '';
    const tls = `{ cert_file: ${cert}, key_file: ${key}, client_auth: request, ca_file: ${ca} }`;
    writeFileSync(
      file,
      `
listeners:
  - { name: main, address: "127.0.0.1:${port}", protocol: http }
  - { name: tls, address: "127.0.0.1:${tlsPort}", protocol: https, tls: ${tls}${options.replaced ? moment : ''} }
${rest(turn, options)}`,
    );
  };
  write(0);
  const running = await serve(file, { log, watch: false });
  const reload = (turn) => {
    write(turn);
    return running.reload();
  };
  return { port, tlsPort, reload, stop: () => running.stop({ timeout: 0 }) };
}

/** Each returns a function that ends what it opened. The function fails if it has ended already. */
const openings = {
  nothing: () => () => undefined,
  'answered requests': async ({ port }) => {
    await Promise.all(
      [1, 2].map(() => new Promise((done) => get({ port, headers }, (res) => res.resume().on('end', done)))),
    );
    return () => undefined;
  },
  'a WebSocket': async ({ port }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers });
    await once(socket, 'open');
    return () => {
      if (socket.readyState !== WebSocket.OPEN) throw new Error('the WebSocket was closed');
      socket.terminate();
    };
  },
  'an event stream': async ({ port }) => {
    const request = get({ port, path: '/stream', headers });
    request.on('error', () => undefined);
    const [response] = await once(request, 'response');
    await once(response, 'data');
    return () => request.destroy();
  },
  'a request without a response': async ({ port }) => {
    const before = unanswered.length;
    const request = get({ port, path: '/slow', headers });
    request.on('error', () => undefined);
    while (unanswered.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    return () => request.destroy();
  },
  'pending TLS handshakes': async ({ tlsPort }) => {
    const opened = await Promise.all(
      ['', '\x16\x03\x01\x02\x00\x01'].map(async (bytes) => {
        const socket = connect(tlsPort, '127.0.0.1').on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(bytes, 'latin1');
        return socket;
      }),
    );
    return () => opened.forEach((socket) => socket.destroy());
  },
};

const noted = { tables: [], endpoints: [], listeners: [] };
/** Stores weak references to everything that this method removes. The method works as before. */
function note({ prototype }, method, what, partsOf = (whole) => [whole]) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    noted[what].push(...partsOf(this).map((each) => new WeakRef(each)));
    return original.apply(this, args);
  };
}
for (const method of ['leaveSockets', 'close'])
  note(Snapshot, method, 'tables', (table) => [table, table.policy, table.gateway, table.methods, table.plan]);
note(Member, 'close', 'endpoints');
note(Listener, 'stop', 'listeners');

/** An object that has just ended may be referenced for some more turns. */
async function counts(most = {}) {
  for (let tries = 0; ; tries++) {
    globalThis.gc();
    const left = Object.fromEntries(
      Object.entries(noted).map(([what, all]) => [what, all.filter((each) => each.deref() !== undefined).length]),
    );
    if (tries === 20 || Object.entries(left).every(([what, number]) => number <= (most[what] ?? 0))) return left;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const tell = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);

async function scenario(name, open, options) {
  const running = await gateway(options);
  const ends = [];
  for (let turn = 1; turn <= RELOADS; turn++) {
    ends.push(await open(running));
    await running.reload(turn);
  }
  const lasting = { endpoints: options.lasting ? RELOADS : 0 };
  const during = await counts(lasting);
  for (const end of ends) end();
  const after = await counts();
  await running.stop();
  tell({ name, ...options, during, after });
}

/** Whatever keeps a connection to its endpoint while it is open. */
const LASTING = new Set(['a WebSocket', 'an event stream', 'a request without a response']);
for (const [name, open] of Object.entries(openings)) {
  await scenario(name, open, { changes: false });
  await scenario(name, open, { changes: true, lasting: LASTING.has(name) });
}
await scenario('answered requests', openings['answered requests'], { changes: true, replaced: true });

/** A table that the host's own guard refuses is rejected only after all of it has been built. */
async function refusals() {
  const source = (turn, more) => ({
    text: rest(turn, { changes: true }).replace('] } } }', `] }${more} } }`),
    file: 'x.yaml',
  });
  const basic =
    ', basic: { users: [{ username: ann, password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy" }] }';
  const gate = loom(source(0, basic), { log });
  gate.protect('basic');
  let refused = 0;
  for (let turn = 1; turn <= RELOADS; turn++) await gate.reload(source(turn, '')).catch(() => (refused += 1));
  const during = await counts();
  await gate.close();
  tell({ name: 'refused', refused, during });
}
await refusals();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
