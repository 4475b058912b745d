/** `loom.reload` in a host: the table that is in force, what it takes over, and what it refuses. */
import { createServer, type Server } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { loom, type Loom } from '../../src/loom.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

const KEYS = { one: 'first-key-of-the-host', two: 'second-key-of-the-host' };
const file = (keys: string, more = ''): { text: string; file: string } => ({
  text: `
middleware: { auth: { chain: [api_key], api_key: { keys: [${keys}] }, basic: { users: [{ username: ann, password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy" }] } } }
routes: [{ id: open, path: /open/*, auth: none }, { id: ops, path: /ops/*, auth: { basic: true } }, { id: live, path: /live, auth: { api_key: true } }${more}]
`,
  file: 'loom.yaml',
});
const key = (name: keyof typeof KEYS): string => `{ name: ${name}, key: ${KEYS[name]} }`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function host(
  keys = key('one'),
): Promise<{ gate: Loom; port: number; server: Server; log: ReturnType<typeof quietLog> }> {
  const log = quietLog();
  const gate = loom(file(keys), { log });
  const server = createServer((req, res) => gate(req, res, () => res.end('in')));
  closing.push(
    () => closed(server),
    () => gate.close(),
  );
  return { gate, server, port: await listening(server), log };
}

const knock = async (port: number, name: keyof typeof KEYS, path = '/x'): Promise<number> =>
  (await ask({ port, path, headers: { 'X-API-Key': KEYS[name] } })).status;

test('the next request is judged by the next table, and the plan is its plan', async () => {
  const { gate, port } = await host();
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([200, 401]);
  await gate.reload(file(key('two')));
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([401, 200]);
  await gate.reload(file(key('two'), ', { id: more, path: /more/*, auth: none }'));
  expect(gate.plan.routes.map(({ id }) => id)).toEqual(['open', 'ops', 'live', 'more']);
  expect((await ask({ port, path: '/more/x' })).status).toBe(200);
});

test('without a source the last one that was taken is taken again', async () => {
  const { gate, port } = await host();
  await gate.reload(file(key('two')));
  await expect(gate.reload({ text: 'routes: 1', file: 'broken.yaml' })).rejects.toThrow(/broken\.yaml/);
  await gate.reload();
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([401, 200]);
});

test.each([
  ['a mistake', 'routes: 1\n', /routes/],
  [
    'a chain that is gone, and with it the guard of every other path',
    file(key('one')).text.replace('chain: [api_key], ', ''),
    /was guarded by api_key and would be PUBLIC/,
  ],
  [
    'a route that lost its auth',
    file(key('one')).text.replace('chain: [api_key], ', '').replace(', auth: { api_key: true }', ''),
    /\/\* was guarded by api_key and would be PUBLIC/,
  ],
])('%s keeps the old table, and the log says why', async (_name, text, why) => {
  const { gate, port, log } = await host();
  await expect(gate.reload({ text, file: 'loom.yaml' })).rejects.toThrow(why);
  expect([await knock(port, 'one'), await knock(port, 'two'), await knock(port, 'one', '/live')]).toEqual([
    200, 401, 200,
  ]);
  const told = log.entries.filter(({ level, facts }) => level === 'error' && facts['event'] === 'config');
  expect(told).toHaveLength(1);
  expect(JSON.stringify(told)).toMatch(why);
});

test('a guard of the host reads the table in force, and a table that cannot bear it is refused', async () => {
  const { gate } = await host();
  const guard = gate.protect('api_key');
  const server = createServer((req, res) => guard(req, res, () => res.end('in')));
  closing.push(() => closed(server));
  const port = await listening(server);
  await gate.reload(file(key('two')));
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([401, 200]);
  const { text } = file(key('one'));
  const without = text.replaceAll(
    'api_key: { keys',
    'jwt: { secret: "0123456789abcdef0123456789abcdef", algorithm: HS256, audience: a }, mtls: { enabled: false }, ax: { keys',
  );
  await expect(gate.reload({ text: without, file: 'loom.yaml' })).rejects.toThrow();
  const basicOnly = text.replace(/api_key: \{ keys: \[[^\]]*\] \}, /, '').replaceAll('api_key', 'basic');
  await expect(gate.reload({ text: basicOnly, file: 'loom.yaml' })).rejects.toThrow(/api_key/);
  expect(await knock(port, 'two')).toBe(200);
});

test('strategies under their names are those of the table in force', async () => {
  const { gate } = await host();
  const judge = gate.passport.authenticate('api_key', { session: false });
  const server = createServer((req, res) => judge(req, res, () => res.end('in')));
  closing.push(() => closed(server));
  const port = await listening(server);
  expect(await knock(port, 'one')).toBe(200);
  await gate.reload(file(key('two')));
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([401, 200]);
});

describe('an upgraded socket', () => {
  async function open(): Promise<{ gate: Loom; ended: () => boolean; socket: WebSocket }> {
    const { gate, server, port } = await host(`${key('one')}, ${key('two')}`);
    gate.attach(server);
    const sockets = new WebSocketServer({ server });
    closing.unshift(() => new Promise((resolve) => sockets.close(resolve)));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers: { 'X-API-Key': KEYS.one } });
    let over = false;
    socket.on('close', () => (over = true)).on('error', () => undefined);
    await new Promise((resolve) => socket.once('open', resolve));
    return { gate, socket, ended: () => over };
  }

  const gone: readonly (readonly [string, string])[] = [
    ['its key', file(key('two')).text],
    ['its route', file(`${key('one')}, ${key('two')}`).text.replace('id: live', 'id: living')],
    [
      'what its route asks for',
      file(`${key('one')}, ${key('two')}`).text.replace(
        'path: /live, auth: { api_key: true }',
        'path: /live, auth: { basic: true }',
      ),
    ],
  ];
  test.each(gone)('is closed by a reload that takes away %s', async (_what, text) => {
    const { gate, ended } = await open();
    await gate.reload({ text, file: 'loom.yaml' });
    await until(ended);
  });

  test('goes on where another key changes, and is closed when its own does later', async () => {
    const { gate, ended, socket } = await open();
    await gate.reload(file(key('one')));
    socket.ping();
    await new Promise((resolve) => socket.once('pong', resolve));
    expect(ended()).toBe(false);
    await gate.reload(file(key('two')));
    await until(ended);
  });
});

test('a reload refills no bucket', async () => {
  const { gate, port } = await host();
  const limited = (burst: number) => ({
    text: `${file(key('one')).text}rate_limit: { rate: 0.001, burst: ${burst} }\n`,
    file: 'loom.yaml',
  });
  await gate.reload(limited(2));
  expect([await knock(port, 'one'), await knock(port, 'one'), await knock(port, 'one')]).toEqual([200, 200, 429]);
  await gate.reload(limited(2));
  expect(await knock(port, 'one')).toBe(429);
});

test('reloads that come at once are taken one after the other; after the end none is', async () => {
  const { gate, port } = await host();
  const outcomes = await Promise.allSettled([
    gate.reload(file(key('two'))),
    gate.reload({ text: 'nonsense', file: 'loom.yaml' }),
    gate.reload(file(key('one'))),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect([await knock(port, 'one'), await knock(port, 'two')]).toEqual([200, 401]);
  await gate.close();
  await expect(gate.reload()).rejects.toThrow(/closed/);
});
