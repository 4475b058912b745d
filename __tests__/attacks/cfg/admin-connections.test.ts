/** The admin address while clients hold its connections: who is closed, and who is still answered. */
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { serve, type Gatekeeper } from '../../../src/serve/serve.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { until } from '../../support/until.js';

/** The bounds of the admin address: in total, and for one client. */
const MOST = 64;
const OF_CLIENT = 32;

let gateway: Gatekeeper;
let admin = 0;
const held: Socket[] = [];

beforeAll(async () => {
  const [port = 0, other = 0] = await freePorts(2);
  admin = other;
  const text = `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
routes: [{ id: open, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
admin: { address: ":${admin}", auth: { type: bearer, bearer: { token: token-of-the-reader-01 } } }
`;
  gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
});
afterEach(async () => {
  for (const socket of held.splice(0)) socket.destroy();
  // The gateway has seen every end.
  await asked();
});
afterAll(() => gateway.stop({ timeout: 0 }));

/** Opens connections that send `bytes` and read nothing. Resolves when the gateway has accepted all of them. */
async function hold(count: number, { bytes = '', from = '127.0.0.1' } = {}): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at++) {
    const socket = connect({ port: admin, host: '127.0.0.1', localAddress: from }).on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    if (bytes !== '') socket.write(bytes);
    sockets.push(socket);
  }
  held.push(...sockets);
  return sockets;
}

/** The status of a page, over a connection of its own unless an agent is given. */
function asked(options: { from?: string; path?: string; agent?: Agent | false } = {}): Promise<number> {
  const { from: localAddress = '127.0.0.1', path = '/ready', agent = false } = options;
  const headers = { Authorization: 'Bearer token-of-the-reader-01' };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: admin, path, localAddress, agent, headers })
      .on('response', (response) => response.resume().once('end', () => resolve(response.statusCode ?? 0)))
      .on('error', reject)
      .end();
  });
}

/** A closed socket that nothing reads ends only when it is read. */
const isClosed = (socket: Socket): boolean => {
  socket.resume();
  return socket.destroyed || socket.readableEnded;
};

describe('CFG-19 connections that are held', () => {
  test.each([
    ['send nothing', ''],
    ['send half of a head', 'GET /ready HTTP/1.1\r\nHost: a'],
    ['read no answer', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
  ])('64 connections of one address %s: readers of this and of another address are answered', async (_what, bytes) => {
    await hold(MOST, { bytes });
    expect([await asked(), await asked({ from: '127.0.0.2' }), await asked({ path: '/routes' })]).toEqual([
      200, 200, 200,
    ]);
  });

  test('many addresses hold all connections: another address is answered', async () => {
    for (const last of [3, 4, 5]) await hold(OF_CLIENT, { from: `127.0.0.${last}` });
    expect([await asked(), await asked({ from: '127.0.0.2' })]).toEqual([200, 200]);
  });

  test('the connection that has been silent longest ends first, and no other', async () => {
    const [first, ...others] = await hold(OF_CLIENT);
    await hold(1);
    await until(() => first !== undefined && isClosed(first));
    expect(others.filter(isClosed)).toEqual([]);
  });

  test('twin: connections below the bounds all stay', async () => {
    const sockets = [...(await hold(OF_CLIENT - 1)), ...(await hold(OF_CLIENT - 1, { from: '127.0.0.2' }))];
    expect(await asked()).toBe(200);
    expect(sockets.filter(isClosed)).toEqual([]);
  });

  test('twin: a kept connection that was used again is younger than silent ones', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let opened = 0;
    agent.on('free', () => (opened += 1));
    expect(await asked({ agent })).toBe(200);
    await until(() => opened === 1);
    const [first] = await hold(OF_CLIENT - 1);
    expect(await asked({ agent })).toBe(200);
    await hold(1);
    await until(() => first !== undefined && isClosed(first));
    const [kept] = Object.values(agent.freeSockets).flat();
    expect(kept?.destroyed).toBe(false);
    agent.destroy();
  });

  test('twin: an event stream is not silent', async () => {
    const [stream] = await hold(1, {
      bytes:
        'GET /decisions/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer token-of-the-reader-01\r\n\r\n',
    });
    let text = '';
    stream?.on('data', (piece) => (text += String(piece)));
    await until(() => text.includes('text/event-stream'));
    await hold(MOST);
    expect(await asked()).toBe(200);
    expect(stream?.destroyed).toBe(false);
    const before = text.length;
    const port = gateway.listening[0]?.port ?? 0;
    request({ port, host: '127.0.0.1', path: '/x', agent: false })
      .on('response', (response) => response.resume())
      .on('error', () => undefined)
      .end();
    await until(() => text.length > before && text.includes('"open"'));
  });
});

test('a prober that sends no Host reads /ready and /health, and no page with data', async () => {
  const send = (path: string): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      connect(admin, '127.0.0.1')
        .on('data', (piece) => (text += String(piece)))
        .on('close', () => resolve(text.slice(9, 12)))
        .on('error', () => undefined)
        .write(`GET ${path} HTTP/1.0\r\n\r\n`);
    });
  expect([await send('/ready'), await send('/health'), await send('/routes')]).toEqual(['200', '200', '421']);
});
