/** WebSocket handshakes: who may knock, what the upstream hears before it opens, and how a tunnel ends. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { contextOf } from '../../src/context/request-context.js';
import { createUpstream } from '../../src/proxy/upstream.js';
import { checkUpgrade } from '../../src/http/upgrade-check.js';
import { LiveSockets } from '../../src/proxy/tunnel.js';
import { forwardUpgrade, type UpgradeOptions } from '../../src/proxy/upgrade.js';
import { callAt } from '../../src/proxy/tunnel.js';
import { closed, listening, recordingUpstream, type Answer } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function gateway(url: string, more: Partial<UpgradeOptions> = {}) {
  const plan = {
    name: 'ws',
    endpoints: [{ url, weight: 1 }],
    balancer: 'round_robin' as const,
    connectTimeoutMs: 2_000,
    readTimeoutMs: 5_000,
    maxIdle: 1,
    maxOpen: 9,
    idleTimeoutMs: 9_000,
  };
  const upstream = createUpstream(plan, { log: quiet, now: Date.now, onFailure: () => undefined });
  const liveSockets = new LiveSockets();
  const sockets: Socket[] = [];
  const server = createServer((_req, res) => res.end('plain'));
  server.on('connection', (socket) => sockets.push(socket));
  server.on('upgrade', (req, socket, head) => {
    const deny = (status: number, code: string) =>
      void socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n${code}`);
    const refusal = checkUpgrade(req);
    if (refusal) return deny(refusal.status, refusal.code);
    forwardUpgrade({
      context: contextOf(req),
      socket,
      head,
      upstream,
      deny,
      liveSockets,
      url: '/socket',
      timeoutMs: 3_000,
      preserveHost: true,
      maxSessionMs: 60_000,
      log: quiet,
      now: Date.now,
      ...more,
    });
  });
  const port = await listening(server);
  cleanups.push(async () => {
    liveSockets.close();
    await closed(server, sockets);
  });
  return { port, liveSockets };
}

async function recording(answer: Answer) {
  const upstream = await recordingUpstream(answer);
  cleanups.push(() => upstream.close());
  return upstream;
}

async function echoing(options: { protocol?: boolean } = {}) {
  const server = createServer();
  const requests: IncomingMessage[] = [];
  const sockets = new WebSocketServer({
    server,
    ...(options.protocol === false && { handleProtocols: () => false as const }),
  });
  sockets.on('connection', (socket, req) => {
    requests.push(req);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.on('error', () => undefined);
  });
  const port = await listening(server);
  cleanups.push(async () => {
    for (const client of sockets.clients) client.terminate();
    await closed(server);
  });
  return { url: `http://127.0.0.1:${port}`, requests, clients: sockets.clients };
}

const KEY = randomBytes(16).toString('base64');
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const handshake = (more = '') =>
  `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${more}\r\n`;

function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

const opened = (socket: WebSocket) =>
  new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
const ended = (socket: WebSocket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

describe('a tunnel', () => {
  test('carries messages both ways and shows the upstream the decided URL', async () => {
    const upstream = await echoing();
    const { port, liveSockets } = await gateway(upstream.url);
    const client = new WebSocket(`ws://127.0.0.1:${port}/anything`);
    await opened(client);
    const big = randomBytes(2 ** 20);
    const back = new Promise<Buffer>((resolve) => client.once('message', (data) => resolve(data as Buffer)));
    client.send(big);
    expect(big.equals(await back)).toBe(true);
    expect(upstream.requests[0]?.url).toBe('/socket');
    expect(liveSockets.size).toBe(1);
    client.close();
    await ended(client);
  });

  test('closes when the identity expires, and stays open for one that does not', async () => {
    const upstream = await echoing();
    const expiring = await gateway(upstream.url, { expiresAtMs: Date.now() + 600 });
    const lasting = await gateway(upstream.url);
    const [first, second] = [
      new WebSocket(`ws://127.0.0.1:${expiring.port}/`),
      new WebSocket(`ws://127.0.0.1:${lasting.port}/`),
    ];
    await Promise.all([opened(first), opened(second)]);
    await ended(first);
    expect(second.readyState).toBe(WebSocket.OPEN);
    while (expiring.liveSockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(lasting.liveSockets.size).toBe(1);
  });

  test('closes after the longest session where nothing expires', async () => {
    const upstream = await echoing();
    const { port } = await gateway(upstream.url, { maxSessionMs: 300 });
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    await opened(client);
    await ended(client);
  });

  test('is left to another keeper, which closes it where it does not uphold the session', async () => {
    const upstream = await echoing();
    const session = { route: 'route-1', host: 'localhost', path: '/', identities: [] };
    const { port, liveSockets } = await gateway(upstream.url, { session });
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    await opened(client);
    const [next, last] = [new LiveSockets(), new LiveSockets()];
    liveSockets.handOver(
      () => next,
      ({ route }) => route === 'route-1',
    );
    expect([liveSockets.size, next.size]).toEqual([0, 1]);
    next.handOver(
      () => last,
      ({ route }) => route === 'route-2',
    );
    await ended(client);
    await until(() => last.size === 0);
  });

  test.each(['client', 'upstream'])('ends on both sides when the %s breaks off', async (side) => {
    const upstream = await echoing();
    const { port } = await gateway(upstream.url);
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    await opened(client);
    const other = [...upstream.clients][0] as WebSocket;
    const both = Promise.all([ended(client), ended(other)]);
    (side === 'client' ? client : other).terminate();
    await both;
  });

  test('answers bearer where the upstream selects no subprotocol, and keeps the one it selects', async () => {
    const silent = await gateway((await echoing({ protocol: false })).url, { answerSubprotocol: 'bearer' });
    expect(await head(silent.port)).toMatch(/sec-websocket-protocol: bearer\r\n/i);
    const choosing = await gateway((await echoing()).url, { answerSubprotocol: 'bearer' });
    const text = await head(choosing.port, 'Sec-WebSocket-Protocol: chat\r\n');
    expect(text).toMatch(/sec-websocket-protocol: chat\r\n/i);
    expect(text).not.toMatch(/bearer/);
  });

  async function head(port: number, more = ''): Promise<string> {
    const socket = connect(port, '127.0.0.1', () => socket.write(handshake(more)));
    const text = await new Promise<string>((resolve) =>
      socket.once('data', (chunk) => resolve(chunk.toString('latin1'))),
    );
    socket.destroy();
    return text;
  }
});

describe('before the upstream has said 101', () => {
  const smuggled = 'GET /internal HTTP/1.1\r\nHost: a\r\n\r\n';

  test('it sees no byte of what follows the head, afterwards every one', async () => {
    const upstream = await recording((received, socket) => {
      if (received.includes('/internal')) socket.destroy();
      else
        setTimeout(
          () =>
            socket.write(
              `HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
            ),
          200,
        );
      return undefined;
    });
    const { port } = await gateway(upstream.url);
    const done = raw(port, handshake() + smuggled);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(upstream.received[0]).toMatch(/^GET \/socket/);
    expect(upstream.received[0]).not.toMatch(/internal/);
    expect(await done).toMatch(/^HTTP\/1.1 101/);
    expect(upstream.received[0]).toMatch(/internal/);
  });

  test('a refusal is passed on as a plain answer, the connection closes and the bytes behind are dropped', async () => {
    const upstream = await recording(
      () =>
        'HTTP/1.1 403 Nope\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    );
    const { port } = await gateway(upstream.url);
    const text = await raw(port, handshake() + smuggled);
    expect(text).toMatch(/^HTTP\/1.1 403 Nope\r\n/);
    expect(text).toMatch(/X-Kept: 1/);
    expect(text).toMatch(/Connection: close/);
    expect(text).not.toMatch(/x-hop|transfer-encoding|plain/i);
    expect(text.endsWith('\r\n\r\nbody')).toBe(true);
    expect(upstream.received.join()).not.toMatch(/internal/);
  });

  test.each([
    ['garbage', 502, 'SSH-2.0\r\n\r\n'],
    [
      'a wrong accept key',
      502,
      'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n',
    ],
    [
      'another protocol',
      502,
      `HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    ],
    ['nothing', 504, undefined],
  ])('%s answers %i in bounded time', async (_what, status, answer) => {
    const upstream = await recording(() => answer);
    const { port, liveSockets } = await gateway(upstream.url, { timeoutMs: 400 });
    expect(await raw(port, handshake())).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(liveSockets.size).toBe(0);
  });

  test.each([
    [
      'a 1xx status of no meaning',
      'HTTP/1.1 199 No\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['a control character in a field', 'HTTP/1.1 403 No\r\nX-Bad: a\u0001b\r\nContent-Length: 0\r\n\r\n'],
  ])('%s answers 502', async (_what, answer) => {
    const upstream = await recording(() => answer);
    const { port } = await gateway(upstream.url);
    expect(await raw(port, handshake())).toMatch(/^HTTP\/1.1 502 /);
  });

  test('a client that leaves ends the handshake and its load', async () => {
    const upstream = await recording(() => undefined);
    const { port, liveSockets } = await gateway(upstream.url);
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    await until(() => upstream.received.join('').includes('/socket'));
    expect(liveSockets.size).toBe(1);
    client.destroy();
    await until(() => liveSockets.size === 0);
  });

  test.each(['reset', 'client'])('a refusal whose body does not end: a %s ends both sides', async (side) => {
    const sockets: Socket[] = [];
    const upstream = await recording((_received, socket) => {
      sockets.push(socket);
      return 'HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhalf';
    });
    const { port, liveSockets } = await gateway(upstream.url);
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    let text = '';
    client.on('data', (chunk) => (text += chunk.toString('latin1'))).on('error', () => undefined);
    await until(() => text.endsWith('half'));
    const ended = new Promise((resolve) => client.once('close', resolve));
    if (side === 'reset') sockets[0]?.resetAndDestroy();
    else client.end();
    await ended;
    await until(() => liveSockets.size === 0 && sockets.every((socket) => socket.destroyed));
  });

  test('a closed connection and a refused one answer 502', async () => {
    const closing = await recording((_received, socket) => void socket.destroy());
    expect(await raw((await gateway(closing.url)).port, handshake())).toMatch(/^HTTP\/1.1 502 /);
    const gone = await recordingUpstream();
    await gone.close();
    expect(await raw((await gateway(gone.url)).port, handshake())).toMatch(/^HTTP\/1.1 502 /);
  });
});

describe('a handshake', () => {
  const line = (name: string, value: string) =>
    new RegExp(`${name}: [^\\r]*`, 'i').exec(handshake()) &&
    handshake().replace(new RegExp(`${name}: [^\\r]*`), `${name}: ${value}`);
  test.each([
    ['another method', handshake().replace('GET', 'POST'), 400],
    ['a length', handshake('Content-Length: 4\r\n') + 'body', 400],
    ['a transfer coding', handshake('Transfer-Encoding: chunked\r\n') + '0\r\n\r\n', 400],
    ['an old version', line('Sec-WebSocket-Version', '12'), 426],
    ['two versions', handshake('Sec-WebSocket-Version: 13\r\n'), 426],
    ['two keys', handshake(`Sec-WebSocket-Key: ${KEY}\r\n`), 400],
    ['a short key', line('Sec-WebSocket-Key', 'c2hvcnQ='), 400],
    ['another protocol', line('Upgrade', 'h2c'), 426],
    ['two protocols', line('Upgrade', 'websocket, h2c'), 426],
    ['HTTP/1.0', handshake().replace('HTTP/1.1', 'HTTP/1.0'), 400],
  ])('with %s opens no tunnel', async (_what, bytes, status) => {
    const upstream = await recording(() => undefined);
    const { port } = await gateway(upstream.url);
    const text = await raw(port, bytes as string);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(upstream.received).toEqual([]);
  });

  test('with a zero length and several connection options is fine', async () => {
    const { url } = await echoing();
    const { port } = await gateway(url, { maxSessionMs: 100 });
    const text = await raw(
      port,
      handshake('Content-Length: 0\r\n').replace('Connection: Upgrade', 'Connection: keep-alive, Upgrade'),
    );
    expect(text).toMatch(/^HTTP\/1.1 101 /);
  });
});

test('a deadline beyond the longest timer does not fire at once, a past one does', async () => {
  let fired = 0;
  const cancel = callAt(Date.now() + 2 ** 40, Date.now, () => fired++);
  await new Promise<void>((resolve) => callAt(Date.now() - 1, Date.now, resolve));
  cancel();
  expect(fired).toBe(0);
});
