/**
 * Upgraded sockets across a reload. Their credential or route is removed during authentication, during the handshake,
 * or while they are open.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { PassportStrategy } from '../../../src/auth/strategy-runner.js';
import { loom, type Loom } from '../../../src/loom.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { until } from '../../support/until.js';

const ONE = '{ name: one, key: first-key-of-the-sockets }';
const TWO = '{ name: two, key: second-key-of-the-sockets }';
const BASIC =
  'basic: { users: [{ username: ann, password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy" }] }';
const file = (keys: string, { auth = '', rest = '' } = {}) => ({
  text: `middleware: { auth: { ${auth} ${BASIC}, api_key: { keys: [${keys}] } } }\n${rest}`,
  file: 'loom.yaml',
});

/** Waits until the test releases it, then leaves the request to the next method. */
class Slow {
  readonly name = 'slow';
  static waiting: (() => void)[] = [];
  authenticate(this: { pass(): void }): void {
    Slow.waiting.push(() => this.pass());
  }
}
const strategies = { slow: { strategy: new Slow() as unknown as PassportStrategy, offered: () => true } };
const letPass = async (): Promise<void> => {
  await until(() => Slow.waiting.length > 0);
  Slow.waiting.splice(0).forEach((pass) => pass());
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function echoing(before: (go: () => void) => void = (go) => go()): Promise<{ server: Server; port: number }> {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) =>
    before(() => sockets.handleUpgrade(req, socket, head, () => undefined)),
  );
  closing.push(() => {
    sockets.clients.forEach((each) => each.terminate());
    return closed(server);
  });
  return { server, port: await listening(server) };
}

async function host(source: ReturnType<typeof file>): Promise<{ gate: Loom; port: number }> {
  const gate = loom(source, { log: quietLog(), strategies });
  const { server, port } = await echoing();
  server.on('request', (req, res) => gate(req, res, () => res.end()));
  gate.attach(server);
  closing.push(() => gate.close());
  return { gate, port };
}

function dial(port: number, path = '/live', key = 'first-key-of-the-sockets'): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { 'X-API-Key': key } });
  client.on('error', () => undefined);
  closing.push(() => Promise.resolve(client.terminate()));
  return client;
}
const open = (client: WebSocket): Promise<void> => until(() => client.readyState === WebSocket.OPEN);
const ended = (client: WebSocket): Promise<void> => until(() => client.readyState === WebSocket.CLOSED);
const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

const SLOW = { rest: 'routes: [{ id: live, path: /live, auth: { methods: [slow, api_key] } }]' };

test('authenticated by the old routes, open under the new ones: a removed key keeps nothing open for long', async () => {
  const { gate, port } = await host(file(`${ONE}, ${TWO}`, SLOW));
  const [gone, stays] = [dial(port), dial(port, '/live', 'second-key-of-the-sockets')];
  await until(() => Slow.waiting.length === 2);
  await gate.reload(file(TWO, SLOW));
  await letPass();
  await ended(gone);
  await open(stays);
});

test('if no route matches, the chain applies: another chain closes sockets that the old one admitted', async () => {
  const chain = (names: string) => file(ONE, { auth: `chain: [${names}], require_any: true,` });
  const { gate, port } = await host(chain('api_key, basic'));
  const client = dial(port);
  await open(client);
  await gate.reload(chain('api_key, basic'));
  await aMoment();
  expect(client.readyState).toBe(WebSocket.OPEN);
  await gate.reload(chain('basic'));
  await ended(client);
});

test('a path that a new route guards closes the sockets of the old one', async () => {
  const routes = (more = '') => ({
    rest: `routes: [{ id: all, path: "/*", auth: none }, { id: x, path: /x, auth: { basic: true } }${more}]`,
  });
  const { gate, port } = await host(file(ONE, routes()));
  const [admin, other] = [dial(port, '/admin/live'), dial(port, '/other')];
  await Promise.all([admin, other].map(open));
  await gate.reload(file(ONE, routes(', { id: admin, path: "/admin/*", auth: { basic: true } }')));
  await ended(admin);
  await aMoment();
  expect(other.readyState).toBe(WebSocket.OPEN);
});

test('a handshake with the upstream that outlasts one reload is closed by the next', async () => {
  const answers: (() => void)[] = [];
  const { port: upstream } = await echoing((go) => void answers.push(go));
  const source = (keys: string) =>
    file(keys, {
      rest: `
routes: [{ id: live, path: /live, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]`,
    });
  const { gate, port } = await host(source(`${ONE}, ${TWO}`));
  const [gone, stays] = [dial(port), dial(port, '/live', 'second-key-of-the-sockets')];
  await until(() => answers.length === 2);
  await gate.reload(source(`${ONE}, ${TWO}, { name: three, key: third-key-of-the-sockets }`));
  answers.forEach((go) => go());
  await Promise.all([gone, stays].map(open));
  await gate.reload(source(TWO));
  await ended(gone);
  await aMoment();
  expect(stays.readyState).toBe(WebSocket.OPEN);
});

test('a long authentication under old routes does not keep the sockets of others open', async () => {
  const routes = {
    rest: 'routes: [{ id: live, path: /live, auth: { api_key: true } }, { id: slow, path: /slow, auth: { slow: true } }]',
  };
  const { gate, port } = await host(file(`${ONE}, ${TWO}`, routes));
  const client = dial(port);
  await open(client);
  dial(port, '/slow');
  await until(() => Slow.waiting.length > 0);
  await gate.reload(file(`${ONE}, ${TWO}, { name: three, key: third-key-of-the-sockets }`, routes));
  await gate.reload(file(TWO, routes));
  const begun = Date.now();
  await ended(client);
  // The other one is given up after 5 s.
  expect(Date.now() - begun).toBeLessThan(2_500);
  await letPass();
});
