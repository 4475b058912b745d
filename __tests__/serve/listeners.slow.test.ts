/** Listeners: ports, slow and malformed clients, and a stop that cuts no answer short. */
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import type { PlannedListener } from '../../src/config/plan-types.js';
import { writePendingContinue } from '../../src/http/expect-continue.js';
import { PortError } from '../../src/serve/gatekeeper.js';
import type { Handlers } from '../../src/serve/listener.js';
import { listen, type Running } from '../../src/serve/listeners.js';
import { closed, listening } from '../support/recording-upstream.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const started: Running[] = [];
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop(0);
});

const listener = (more: Partial<PlannedListener> = {}): PlannedListener => ({
  name: 'web',
  host: '127.0.0.1',
  port: 0,
  protocol: 'http',
  readTimeoutMs: 5_000,
  writeTimeoutMs: 5_000,
  idleTimeoutMs: 5_000,
  maxHeaderBytes: 16_384,
  ...more,
});

async function start(
  request: Handlers['request'],
  more: Partial<PlannedListener> = {},
  upgrade: Handlers['upgrade'] = (_req, socket) => socket.destroy(),
) {
  const running = await listen([listener(more)], { request, upgrade }, { log: quiet });
  started.push(running);
  return { running, port: running.listening[0]?.port as number };
}

function raw(
  port: number,
  ...parts: readonly (string | number)[]
): Promise<{ text: string; ms: number; socket: Socket }> {
  return new Promise((resolve) => {
    const from = Date.now();
    let text = '';
    const send = async (): Promise<void> => {
      for (const part of parts) {
        if (typeof part === 'number') await new Promise((wake) => setTimeout(wake, part));
        else if (socket.writable) socket.write(part, 'latin1');
      }
    };
    const socket = connect(port, '127.0.0.1', () => void send());
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ text, ms: Date.now() - from, socket }));
  });
}

const ok = (req: IncomingMessage, res: ServerResponse): void => {
  req.resume();
  req.on('end', () => res.end('ok'));
};
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';

test('a taken port is a PortError, and the other listeners are closed again', async () => {
  const other = createServer();
  const taken = await listening(other);
  const free = createServer();
  const port = await listening(free);
  await closed(free);
  const opening = listen(
    [listener({ port }), listener({ name: 'second', port: taken })],
    { request: ok, upgrade: () => undefined },
    { log: quiet },
  );
  await expect(opening).rejects.toThrow(PortError);
  await expect(opening).rejects.toMatchObject({ code: 'LOOM_PORT', listener: 'second', port: taken });
  await closed(other);
  await start(ok, { port });
});

test('without a host every address is served', async () => {
  const running = await listen(
    [{ ...listener(), host: undefined }],
    { request: ok, upgrade: () => undefined },
    { log: quiet },
  );
  started.push(running);
  expect((await fetch(`http://127.0.0.1:${running.listening[0]?.port}/`)).status).toBe(200);
});

describe('bytes that are no request', () => {
  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['two framings', `${GET}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a bad length', `${GET}Content-Length: +3\r\n\r\nabc`, 400],
    ['a space before a name', `${GET} Content-Length: 3\r\n\r\n`, 400],
    ['a head too large', `${GET}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405],
    ['a broken chunk', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
  ])('%s', async (_what, bytes, status) => {
    const { port } = await start(ok);
    const { text } = await raw(port, bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text.match(/HTTP\/1.1/g)).toHaveLength(1);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('behind an unanswered request are never answered in its place', async () => {
    const { port } = await start((_req, res) => void setTimeout(() => res.end('mine'), 200));
    const { text } = await raw(port, `${GET}\r\n`, 30, 'garbage\r\n\r\n');
    expect(text).not.toMatch(/400/);
  });

  test('in the body of a second request are not answered in the place of the first', async () => {
    const { port } = await start((req, res) => {
      req.on('error', () => undefined).resume();
      if (req.method === 'GET') setTimeout(() => res.end('mine'), 200);
    });
    const second = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { text } = await raw(port, `${GET}\r\n${second}`, 30, 'garbage\r\n\r\n');
    expect(text).not.toMatch(/400/);
  });

  test('a handler that throws answers 500 and the listener lives', async () => {
    const { port } = await start((req) => {
      if (req.url === '/bad') throw new Error('secret');
      ok(req, (req as unknown as { res: ServerResponse }).res);
    });
    const got = await fetch(`http://127.0.0.1:${port}/bad`);
    expect([got.status, await got.text()]).toEqual([500, '']);
  });
});

describe('time', () => {
  test('a connection that says nothing, or too little, is closed', async () => {
    const { port } = await start(ok, { readTimeoutMs: 300 });
    const [silent, slow] = await Promise.all([
      raw(port),
      raw(port, 'GET / HT', 150, 'TP/1.1\r\n', 150, 'X: ', 300, 'y'),
    ]);
    expect(silent.text).toMatch(/^HTTP\/1.1 408/);
    expect(slow.text).toMatch(/^HTTP\/1.1 408/);
  });

  test('a body that stops is cut; a slow one that keeps coming has no total', async () => {
    const { port } = await start(ok, { readTimeoutMs: 400 });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
    const [steady, stopped] = await Promise.all([
      raw(port, head, 250, 'a', 250, 'b', 250, 'c', 250, 'd', 250, 'e', 50, `${GET}Connection: close\r\n\r\n`),
      raw(port, head, 100, 'a'),
    ]);
    expect(steady.text.match(/HTTP\/1.1 200/g)).toHaveLength(2);
    expect(stopped.text).toBe('');
  });

  test('an answer that takes long, and a stream that is silent, outlive every timeout', async () => {
    const { port } = await start(
      (_req, res) => {
        setTimeout(() => res.write('first '), 500);
        setTimeout(() => res.end('last'), 1_000);
      },
      { readTimeoutMs: 150, writeTimeoutMs: 150, idleTimeoutMs: 150 },
    );
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('first last');
  });

  test('a client that does not read its answer is cut', async () => {
    let gone = false;
    const { port } = await start(
      (_req, res) => {
        res.on('close', () => (gone = true));
        res.end(Buffer.alloc(64 * 2 ** 20));
      },
      { writeTimeoutMs: 300 },
    );
    const client = connect(port, '127.0.0.1', () => client.write(`${GET}\r\n`));
    client.pause();
    client.on('error', () => undefined);
    for (let tries = 0; tries < 300 && !gone; tries++) await wait(20);
    expect(gone).toBe(true);
    client.destroy();
  });

  test('an idle kept connection is closed', async () => {
    const { port } = await start(ok, { idleTimeoutMs: 200 });
    expect((await raw(port, `${GET}\r\n`)).text).toMatch(/200 OK/);
  });
});

describe('100-continue', () => {
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n';

  test('is not written to a request that is refused', async () => {
    const { port } = await start((_req, res) => void res.writeHead(401, { Connection: 'close' }).end());
    expect((await raw(port, post)).text).toMatch(/^HTTP\/1.1 401/);
  });

  test('is written once to one that goes on', async () => {
    const { port } = await start((req, res) => {
      writePendingContinue(req);
      writePendingContinue(req);
      ok(req, res);
    });
    expect((await raw(port, post, 100, 'hi')).text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/);
  });

  test('another expectation is a request like any other', async () => {
    const { port } = await start(ok);
    expect((await raw(port, `${GET}Expect: tea\r\nConnection: close\r\n\r\n`)).text).toMatch(/200 OK/);
  });
});

describe('stopping', () => {
  test('requests in flight finish with Connection: close; idle, silent and upgraded sockets end at once', async () => {
    const { running, port } = await start(
      (_req, res) => void setTimeout(() => res.end('done'), 600),
      {},
      (_req, socket) => void socket.write('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    );
    const busy = raw(port, `${GET}\r\n`);
    const silent = raw(port);
    const tunnel = raw(port, `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await wait(200);
    const stopped = running.stop(5_000);
    expect((await silent).ms).toBeLessThan(600);
    expect((await tunnel).ms).toBeLessThan(600);
    const { text } = await busy;
    expect(text).toMatch(/Connection: close/);
    expect(text).toMatch(/done/);
    await stopped;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('an answer whose head is out finishes too', async () => {
    const { running, port } = await start((_req, res) => {
      res.write('half ');
      setTimeout(() => res.end('whole'), 400);
    });
    const busy = raw(port, `${GET}\r\n`);
    await wait(100);
    await running.stop(5_000);
    expect((await busy).text).toMatch(/half [^]*whole/);
  });

  test('after the grace what is left is cut, and stopping twice is fine', async () => {
    const { running, port } = await start(() => undefined);
    const stuck = new Promise((resolve) => get({ port, host: '127.0.0.1' }).on('error', resolve));
    await wait(100);
    await Promise.all([running.stop(200), running.stop(200)]);
    await stuck;
  });
});
