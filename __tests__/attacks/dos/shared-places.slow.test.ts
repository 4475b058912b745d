/**
 * Slots that clients share, at a half-open circuit and for busy connections. A slow or leaving client must not keep
 * one.
 */
import { ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { closeUpstreamGrounds, moody, upstreamGround, type MoodyEndpoint } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

const clients: Socket[] = [];
afterEach(async () => {
  clients.splice(0).forEach((client) => client.destroy());
  await closeUpstreamGrounds();
});

function client(port: number, bytes: string): Socket {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  clients.push(socket.on('error', () => undefined).resume());
  return socket;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const UPLOAD = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\na';

describe('a half-open circuit', () => {
  const TIMEOUT_MS = 500;
  async function halfOpen() {
    const endpoint = await moody(500);
    const circuitBreaker = { failureThreshold: 1, successThreshold: 1, timeoutMs: TIMEOUT_MS };
    const ground = await upstreamGround([endpoint], { plan: { circuitBreaker } });
    await ground.get();
    endpoint.mood = (req, res) => void req.on('end', () => res.end('answer'));
    await wait(TIMEOUT_MS + 50);
    const state = (): unknown => ground.upstream.status().endpoints[0]?.breaker;
    return { endpoint, ground, state };
  }

  test('is not blocked by a slow upload: the next request is the probe', async () => {
    const { endpoint, ground, state } = await halfOpen();
    const slow = client(ground.port, UPLOAD);
    const drops = setInterval(() => slow.write('a'), 50);
    await until(() => endpoint.asked.length === 2);
    expect([(await ground.get()).status, state()]).toEqual([503, 'half_open']);
    await wait(TIMEOUT_MS + 50);
    expect([(await ground.get()).status, state()]).toEqual([200, 'closed']);
    clearInterval(drops);
  });

  test('twin: a slow upload still closes it when it succeeds', async () => {
    const { endpoint, ground, state } = await halfOpen();
    const slow = client(ground.port, UPLOAD);
    await until(() => endpoint.asked.length === 2);
    await wait(TIMEOUT_MS + 50);
    slow.write('a'.repeat(999));
    await until(() => state() === 'closed');
  });
});

describe('connections that are all busy', () => {
  async function busy(): Promise<{
    endpoint: MoodyEndpoint;
    port: number;
    inFlight: () => unknown;
  }> {
    const endpoint = await moody((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: a\n\n');
    });
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 1 }, options: { timeoutMs: 60_000 } });
    const inFlight = (): unknown => ground.upstream.status().endpoints[0]?.inFlight;
    return { endpoint, port: ground.port, inFlight };
  }

  test('keep nothing of requests that waited for one and left', async () => {
    const { endpoint, port, inFlight } = await busy();
    client(port, GET);
    await until(() => endpoint.asked.length === 1);
    const before = queryObjects(ClientRequest, { format: 'count' });
    for (let round = 0; round < 10; round += 1) {
      const crowd = Array.from({ length: 50 }, () => client(port, GET));
      await until(() => inFlight() === 51);
      crowd.forEach((each) => each.destroy());
      await until(() => inFlight() === 1);
    }
    clients.length = 1;
    await wait(100);
    expect(queryObjects(ClientRequest, { format: 'count' })).toBeLessThan(before + 100);
    expect(endpoint.asked).toHaveLength(1);
  });

  test('keep nothing of requests that waited too long, and lose no connection', async () => {
    const endpoint = await moody('hang');
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 1, readTimeoutMs: 300 } });
    const held: (() => void)[] = [];
    endpoint.mood = (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      held.push(() => res.end('data: a\n\n'));
    };
    const first = ground.get();
    await until(() => held.length === 1);
    expect((await Promise.all([ground.get(), ground.get()])).map(({ status }) => status)).toEqual([504, 504]);
    endpoint.mood = 200;
    held[0]?.();
    expect((await first).status).toBe(200);
    expect([(await ground.get()).status, endpoint.connections]).toEqual([200, 1]);
  });

  test('twin: waiting requests are served in order of arrival', async () => {
    const { endpoint, port, inFlight } = await busy();
    const holder = client(port, GET);
    await until(() => endpoint.asked.length === 1);
    endpoint.mood = 200;
    for (const name of ['b', 'c', 'd', 'e']) {
      const before = Number(inFlight());
      client(port, GET.replace('/x', `/${name}`));
      await until(() => inFlight() === before + 1);
    }
    clients[2]?.destroy();
    await until(() => inFlight() === 4);
    holder.destroy();
    await until(() => inFlight() === 0);
    expect(endpoint.asked.map(({ url }) => url)).toEqual(['/x', '/b', '/d', '/e']);
  });
});

describe('a response after another on one connection', () => {
  test('holds no slot at its endpoint after it arrived: no other request is refused for it', async () => {
    const endpoint = await moody((req, res) => {
      if (req.url === '/x') res.end('answer');
      else res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: a\n\n');
    });
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 5 } });
    for (let at = 0; at < 3; at += 1) client(ground.port, GET.replace('/x', '/events') + GET.repeat(34));
    await until(() => endpoint.asked.length === 3 * 35);
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 3);
    expect((await ground.get('/x')).status).toBe(200);
  });

  test('twin: one that is in progress holds its slot until its last byte', async () => {
    const held: (() => void)[] = [];
    const endpoint = await moody((_req, res) => {
      res.writeHead(200).write('ans');
      held.push(() => res.end('wer'));
    });
    const ground = await upstreamGround([endpoint], { plan: { maxOpen: 1 } });
    const [first, second] = [ground.get(), ground.get()];
    await until(() => held.length === 1);
    await wait(100);
    expect([ground.upstream.status().endpoints[0]?.inFlight, endpoint.asked.length]).toEqual([2, 1]);
    held[0]?.();
    await until(() => held.length === 2);
    held[1]?.();
    expect((await Promise.all([first, second])).map(({ body }) => body)).toEqual(['answer', 'answer']);
  });
});
