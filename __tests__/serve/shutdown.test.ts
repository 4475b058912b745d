/** `shutdown`: what balancers and clients see of a stop, from its first moment to the close of the ports. */
import { connect, type Socket } from 'node:net';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { readyBalancer, type Place } from '../support/ready-balancer.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

/** The delay never ends by itself in a test. */
const DELAY = 'shutdown: { delay: 1h, timeout: 1m }';

let upstream: Echo;
const held: (() => void)[] = [];
const cleanups: (() => Promise<void>)[] = [];
const running = new Set<Gatekeeper>();

beforeAll(async () => {
  upstream = await echoUpstream((req, res) => {
    if (req.url !== '/held') return false;
    held.push(() => res.end('late'));
    return true;
  });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  held.splice(0).forEach((letGo) => letGo());
  await Promise.all([...running].map((each) => each.stop({ delay: 0, timeout: 0 })));
  running.clear();
});
afterAll(() => upstream.close());

interface Started extends Place {
  readonly gateway: Gatekeeper;
}

async function place(): Promise<Place> {
  const [port = 0, admin = 0] = await freePorts(2);
  return { port, admin };
}

async function start(at: Place, block = DELAY): Promise<Started> {
  const text = `
listeners: [{ name: main, address: "127.0.0.1:${at.port}", protocol: http }]
health: { path: /healthz }
admin: { address: "127.0.0.1:${at.admin}" }
routes: [{ id: open, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]
${block}
`;
  const gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog(), watch: false });
  running.add(gateway);
  return { ...at, gateway };
}

/** A keep-alive connection, and the answers on it. */
class Client {
  text = '';
  ended = false;
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setEncoding('latin1');
    this.#socket.on('data', (piece) => (this.text += String(piece))).on('error', () => undefined);
    this.#socket.on('close', () => (this.ended = true));
  }

  /** Sends a request and returns the head of its answer. */
  async get(path: string): Promise<string> {
    this.send(path);
    return this.answer();
  }

  send(path: string): void {
    this.text = '';
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  async answer(): Promise<string> {
    await until(() => this.text.includes('\r\n\r\n'));
    return this.text.slice(0, this.text.indexOf('\r\n\r\n'));
  }
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

describe('during the delay', () => {
  test('/ready and the health path answer 503 at once, and requests are answered', async () => {
    const { port, admin, gateway } = await start(await place());
    expect((await ask({ port: admin, path: '/ready' })).status).toBe(200);
    const stopped = gateway.stop();
    expect((await ask({ port: admin, path: '/ready' })).status).toBe(503);
    expect((await ask({ port: admin, path: '/health' })).status).toBe(200);
    const health = await ask({ port, path: '/healthz' });
    expect([health.status, health.headers.connection]).toEqual([503, 'close']);
    expect((await ask({ port, path: '/x' })).status).toBe(200);
    await gateway.stop({ delay: 0 });
    await stopped;
    expect([await isOpen(port), await isOpen(admin)]).toEqual([false, false]);
  });

  test('a kept connection and a new one end after their next answer', async () => {
    const { port, gateway } = await start(await place());
    const kept = new Client(port);
    expect(await kept.get('/a')).not.toMatch(/^connection: close/im);
    const stopped = gateway.stop();
    expect(kept.ended).toBe(false);
    expect(await kept.get('/b')).toMatch(/^HTTP\/1\.1 200 [^]*^connection: close/im);
    await until(() => kept.ended);
    const fresh = new Client(port);
    expect(await fresh.get('/c')).toMatch(/^HTTP\/1\.1 200 [^]*^connection: close/im);
    await until(() => fresh.ended);
    await gateway.stop({ delay: 0 });
    await stopped;
  });

  test('an open request is answered after the ports have closed, and its connection ends', async () => {
    const { port, gateway } = await start(await place());
    const client = new Client(port);
    client.send('/held');
    await until(() => held.length === 1);
    const stopped = Promise.all([gateway.stop(), gateway.stop({ delay: 0 })]);
    while (await isOpen(port)) await new Promise((resolve) => setTimeout(resolve, 10));
    held.splice(0).forEach((letGo) => letGo());
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 200 [^]*^connection: close/im);
    await stopped;
    await until(() => client.ended);
  });

  test('a reload is refused, and changes no listener', async () => {
    const { port, gateway } = await start(await place());
    const stopped = gateway.stop();
    await expect(gateway.reload()).rejects.toThrow('the gateway is stopping');
    expect((await ask({ port, path: '/x' })).status).toBe(200);
    await gateway.stop({ delay: 0 });
    await stopped;
  });

  test('the delay ends by itself', async () => {
    const { port, gateway } = await start(await place(), 'shutdown: { delay: 50ms }');
    await gateway.stop();
    expect(await isOpen(port)).toBe(false);
  });
});

test('twin: without a delay the port closes at once, and open requests have their time', async () => {
  const { port, gateway } = await start(await place(), '');
  const client = new Client(port);
  client.send('/held');
  await until(() => held.length === 1);
  const stopped = gateway.stop();
  while (await isOpen(port)) await new Promise((resolve) => setTimeout(resolve, 10));
  held.splice(0).forEach((letGo) => letGo());
  expect(await client.answer()).toMatch(/^HTTP\/1\.1 200 /);
  await stopped;
});

test('an open request is cut at shutdown.timeout', async () => {
  const { port, gateway } = await start(await place(), 'shutdown: { timeout: 50ms }');
  const client = new Client(port);
  client.send('/held');
  await until(() => held.length === 1);
  await gateway.stop();
  await until(() => client.ended);
  expect(client.text).toBe('');
});

test('two gateways behind a balancer restart one after the other, and no request is lost', async () => {
  const statuses: number[] = [];
  let over = false;
  const places = [await place(), await place()];
  const gateways = await Promise.all(places.map((each) => start(each)));
  const balancer = await readyBalancer(places);
  cleanups.push(() => {
    over = true;
    return balancer.close();
  });
  await until(() => places.every((each) => balancer.isIn(each)));
  const load = Array.from({ length: 8 }, async (_, at) => {
    while (!over) statuses.push((await ask({ port: balancer.port, path: `/${at}`, method: 'POST', body: 'x' })).status);
  });
  for (const { gateway, ...at } of gateways) {
    const before = statuses.length;
    const stopped = gateway.stop();
    await until(() => !balancer.isIn(at));
    await until(() => statuses.length > before + 20);
    await gateway.stop({ delay: 0 });
    await stopped;
    running.delete(gateway);
    await start(at);
    await until(() => balancer.isIn(at));
  }
  over = true;
  await Promise.all(load);
  expect(statuses.length).toBeGreaterThan(40);
  expect(new Set(statuses)).toEqual(new Set([200]));
});
