/** What reaches an upstream, what comes back, and what happens when nothing does. */
import { fork } from 'node:child_process';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type Socket } from 'node:net';
import { contextOf } from '../../src/context/request-context.js';
import type { PlannedUpstream } from '../../src/config/plan-types.js';
import { awaitContinue } from '../../src/http/expect-continue.js';
import { makePrivate } from '../../src/gateway/answers.js';
import { createUpstream, type ForwardOptions, type Upstream } from '../../src/proxy/upstream.js';
import { ENGINE } from '../support/engine.js';
import {
  answerEachHead,
  closed,
  echoUpstream,
  listening,
  recordingUpstream,
  type Answer,
  type Echoed,
} from '../support/recording-upstream.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function planned(urls: readonly string[], more: Partial<PlannedUpstream> = {}): PlannedUpstream {
  return {
    name: 'backend',
    endpoints: urls.map((url) => ({ url, weight: 1 })),
    balancer: 'round_robin',
    engine: ENGINE,
    connectTimeoutMs: 2_000,
    readTimeoutMs: 5_000,
    maxIdle: 10,
    maxOpen: 100,
    idleTimeoutMs: 30_000,
    ...more,
  };
}

interface Gateway {
  readonly port: number;
  readonly upstream: Upstream;
  readonly server: Server;
  readonly failures: string[];
}

async function gateway(plan: PlannedUpstream, options: Partial<ForwardOptions> = {}): Promise<Gateway> {
  const failures: string[] = [];
  const upstream = createUpstream(plan, {
    log: quiet,
    now: Date.now,
    onFailure: (_context, res, { status, code }) => {
      failures.push(code);
      res.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ status, code }));
    },
  });
  const sockets: Socket[] = [];
  const server = createServer((req, res) =>
    upstream.forward(contextOf(req), res, { url: req.url ?? '/', timeoutMs: 5_000, preserveHost: true, ...options }),
  );
  server.on('checkContinue', (req, res) => {
    awaitContinue(req, res);
    server.emit('request', req, res);
  });
  server.on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  cleanups.push(async () => {
    upstream.close();
    await closed(server, sockets);
  });
  return { port, upstream, server, failures };
}

async function recording(answer: Answer) {
  const upstream = await recordingUpstream(answer);
  cleanups.push(() => upstream.close());
  return upstream;
}

async function echo(...args: Parameters<typeof echoUpstream>) {
  const upstream = await echoUpstream(...args);
  cleanups.push(() => upstream.close());
  return upstream;
}

interface Raw {
  readonly text: string;
  readonly broken: boolean;
}

/** Sends bytes and reads until the connection closes. */
function raw(port: number, bytes: string): Promise<Raw> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    let text = '';
    let broken = false;
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => (broken = true));
    socket.on('close', () => resolve({ text, broken }));
  });
}

async function seen(response: Response): Promise<Echoed> {
  return (await response.json()) as Echoed;
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 500 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
};

describe('what the upstream receives', () => {
  test('the method, the URL that was decided, the body and the client’s Host', async () => {
    const upstream = await echo();
    const { port } = await gateway(planned([upstream.url]), { url: '/inner?x=1&x=2' });
    const got = await seen(await fetch(`http://127.0.0.1:${port}/outer`, { method: 'PUT', body: 'hello' }));
    expect(got).toMatchObject({
      method: 'PUT',
      url: '/inner?x=1&x=2',
      length: 5,
      headers: { host: `127.0.0.1:${port}` },
    });
  });

  test('its own Host when the client’s is not preserved', async () => {
    const upstream = await echo();
    const { port } = await gateway(planned([upstream.url]), { preserveHost: false });
    expect((await seen(await fetch(`http://127.0.0.1:${port}/`))).headers.host).toBe(`127.0.0.1:${upstream.port}`);
  });

  test('no hop-by-hop field of the client, and every other', async () => {
    const upstream = await recording(
      answerEachHead('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    );
    const { port } = await gateway(planned([upstream.url]));
    const head =
      'TE: trailers\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nTrailer: z\r\nX-Mine: 1';
    await raw(port, `GET / HTTP/1.1\r\nHost: a\r\n${head}\r\nConnection: close\r\n\r\n`);
    expect(upstream.received[0]).toMatch(/x-mine: 1/i);
    expect(upstream.received[0]).not.toMatch(/^(te|keep-alive|proxy-\w+|trailer):/im);
  });

  test.each([
    ['Content-Length: 29', 'GET /internal HTTP/1.1\r\nX: y\r\n'.padEnd(29).slice(0, 29), 29],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nX-User-ID: admin\r\n\r\n', 5],
  ])('a GET with a body as one request, framed (%s)', async (framing, body, length) => {
    const upstream = await echo();
    const { port } = await gateway(planned([upstream.url]));
    const { text } = await raw(
      port,
      `GET /a HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(2);
    expect(upstream.requests.map(({ url, length: read }) => [url, read])).toEqual([
      ['/a', length],
      ['/b', 0],
    ]);
    expect(JSON.stringify(upstream.requests)).not.toMatch(/x-user-id/i);
  });

  test('the endpoints in turn', async () => {
    const [one, two] = [await echo(), await echo()];
    const { port } = await gateway(planned([one.url, two.url]));
    for (let n = 0; n < 6; n++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect([one.requests.length, two.requests.length]).toEqual([3, 3]);
  });

  test('connections that are kept and used again', async () => {
    const upstream = await recording(answerEachHead('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const { port } = await gateway(planned([upstream.url]));
    for (let n = 0; n < 4; n++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(upstream.received).toHaveLength(1);
  });

  test('no more connections at once than the plan allows', async () => {
    let busy = 0;
    let most = 0;
    const upstream = await echo((_req, res) => {
      most = Math.max(most, ++busy);
      setTimeout(() => (busy--, res.end('ok')), 30);
      return true;
    });
    const { port } = await gateway(planned([upstream.url], { maxOpen: 2 }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`http://127.0.0.1:${port}/`)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(most).toBe(2);
  });
});

describe('what the client receives', () => {
  const answering = async (response: string, more: Partial<ForwardOptions> = {}) => {
    const upstream = await recording(answerEachHead(response));
    return gateway(planned([upstream.url]), more);
  };

  test('no hop-by-hop field of the upstream, nor one that its Connection names', async () => {
    const { port } = await answering(
      'HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Secret-Hop\r\nX-Secret-Hop: 1\r\nKeep-Alive: timeout=77\r\nProxy-Authenticate: Basic\r\n' +
        'Trailer: X-T\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: yes\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n',
    );
    const { text } = await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 200 Fine/);
    expect(text).toMatch(/X-Kept: yes/);
    expect(text.match(/Set-Cookie: /g)).toHaveLength(2);
    expect(text).toMatch(/Connection: close/);
    expect(text).not.toMatch(/x-secret-hop|timeout=77|proxy-authenticate|trailer|x-t:/i);
  });

  test.each([204, 304])('%i without a body, and the connection goes on', async (status) => {
    const { port } = await answering(`HTTP/1.1 ${status} Empty\r\nETag: "x"\r\n\r\n`);
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n';
    const { text } = await raw(port, `${get}\r\n${get}Connection: close\r\n\r\n`);
    expect(text.match(new RegExp(`HTTP/1.1 ${status} Empty`, 'g'))).toHaveLength(2);
    expect(text).not.toMatch(/transfer-encoding/i);
  });

  test('HEAD with the length and no body', async () => {
    const { port } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
    const { text } = await raw(port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/Content-Length: 1234/);
    expect(text.endsWith('\r\n\r\n')).toBe(true);
  });

  test('Cache-Control and Vary of a private response, where the upstream has not said otherwise', async () => {
    const responseHeaders = (res: ServerResponse): void => makePrivate(res, ['Authorization', 'X-API-Key']);
    const plain = await answering('HTTP/1.1 200 OK\r\nVary: authorization, Accept\r\nContent-Length: 0\r\n\r\n', {
      responseHeaders,
    });
    const got = await fetch(`http://127.0.0.1:${plain.port}/`);
    expect(got.headers.get('cache-control')).toBe('private');
    expect(got.headers.get('vary')).toBe('authorization, Accept, X-API-Key');
    const own = await answering('HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n', {
      responseHeaders,
    });
    expect((await fetch(`http://127.0.0.1:${own.port}/`)).headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    ['garbage', 'SSH-2.0-OpenSSH\r\n\r\n'],
    [
      'a 101 without an upgrade request',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    ['a control byte in a field', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n'],
    ['a field name with a space', 'HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n'],
    ['a flood of interim responses', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(200)],
    ['a status below 200', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`],
  ])('502 and a gateway that lives, for %s', async (_what, response) => {
    const { port, failures } = await answering(response);
    const got = await fetch(`http://127.0.0.1:${port}/secret-path?api_key=s3cret`);
    expect(got.status).toBe(502);
    expect(await got.text()).not.toMatch(/secret|127\.0/);
    expect(failures).toEqual(['upstream_invalid']);
  });

  test('a reason that cannot be sent is left out', async () => {
    const { port } = await answering('HTTP/1.1 200 \xff\xfe\r\nContent-Length: 2\r\n\r\nok');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
  });

  test('a broken connection where the upstream broke off, never a whole answer', async () => {
    const upstream = await recording((_received, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      setTimeout(() => socket.destroy(), 30);
    });
    const { port } = await gateway(planned([upstream.url]));
    await expect(fetch(`http://127.0.0.1:${port}/`).then((response) => response.text())).rejects.toThrow();
  });
});

describe('time and failure', () => {
  test('502 when the upstream refuses, without its address', async () => {
    const gone = await recordingUpstream();
    await gone.close();
    const { port, failures } = await gateway(planned([gone.url]));
    const got = await fetch(`http://127.0.0.1:${port}/?api_key=s3cret`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([got.status, await got.text()]).toEqual([502, '{"status":502,"code":"upstream_unreachable"}']);
    expect(failures).toHaveLength(1);
  });

  test('504 when no head comes in time, and the upstream connection ends', async () => {
    const upstream = await recording(() => undefined);
    const { port } = await gateway(planned([upstream.url]), { timeoutMs: 200 });
    const got = await fetch(`http://127.0.0.1:${port}/`);
    expect(got.status).toBe(504);
    await until(() => upstream.sockets[0]?.destroyed === true);
  });

  test('504 when every connection stays busy', async () => {
    const upstream = await recording(() => undefined);
    const { port } = await gateway(planned([upstream.url], { maxOpen: 1 }), { timeoutMs: 300 });
    const answers = await Promise.all([1, 2, 3].map(() => fetch(`http://127.0.0.1:${port}/`)));
    expect(answers.map(({ status }) => status)).toEqual([504, 504, 504]);
  });

  test('a slow answer that keeps coming outlives the timeout; one that stops is cut', async () => {
    const upstream = await recording((received, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      let left = 6;
      const timer = setInterval(() => {
        socket.write('1\r\na\r\n');
        if (--left > 0) return;
        clearInterval(timer);
        if (!received.includes('/stalls')) socket.write('0\r\n\r\n');
      }, 100);
    });
    const { port } = await gateway(planned([upstream.url]), { timeoutMs: 350 });
    expect(await (await fetch(`http://127.0.0.1:${port}/whole`)).text()).toBe('aaaaaa');
    await expect(fetch(`http://127.0.0.1:${port}/stalls`).then((response) => response.text())).rejects.toThrow();
  });

  test('an event stream may be silent for longer than the timeout, and its head does not wait', async () => {
    const upstream = await recording((_received, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n');
      setTimeout(() => socket.end('data: late\n\n'), 700);
    });
    const { port } = await gateway(planned([upstream.url]), { timeoutMs: 200 });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('data: late\n\n');
  });

  test('a slow upload causes no timeout while the client is slow', async () => {
    const upstream = await echo();
    const { port } = await gateway(planned([upstream.url]), { timeoutMs: 200 });
    const client = httpRequest({ port, method: 'POST', headers: { 'Content-Length': 6 } });
    const answer = new Promise<IncomingMessage>((resolve) => client.on('response', resolve));
    for (const part of ['ab', 'cd', 'ef']) {
      client.write(part);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect((await answer).statusCode).toBe(200);
    (await answer).resume();
    expect(upstream.requests[0]?.length).toBe(6);
  });

  test('a client that leaves takes its upstream request with it', async () => {
    const upstream = await recording(() => undefined);
    const { port, failures } = await gateway(planned([upstream.url]));
    const client = connect(port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    await until(() => upstream.received.length === 1);
    client.destroy();
    await until(() => upstream.sockets[0]?.destroyed === true);
    expect(failures).toEqual([]);
  });

  test('a half-sent upload never leaves its connection to the next request', async () => {
    const upstream = await recording((received) =>
      received.startsWith('POST') ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const { port } = await gateway(planned([upstream.url]));
    const client = connect(port, '127.0.0.1', () =>
      client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf'),
    );
    await until(() => upstream.received[0]?.includes('half') === true);
    client.resetAndDestroy();
    await until(() => upstream.sockets[0]?.destroyed === true);
    for (let n = 0; n < 10; n++) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
    expect(upstream.received[0]).not.toMatch(/GET/);
  });

  test('an early answer to an upload is passed on and its connection is not used again', async () => {
    const upstream = await recording(answerEachHead('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'));
    const { port } = await gateway(planned([upstream.url]));
    const client = connect(port, '127.0.0.1', () =>
      client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf'),
    );
    let text = '';
    client.on('data', (chunk) => (text += chunk.toString()));
    await until(() => text.endsWith('big'));
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(413);
    expect(upstream.received).toHaveLength(2);
    client.destroy();
  });

  test('a pooled connection that the upstream closed is not the caller’s 502', async () => {
    let answered = 0;
    const upstream = await recording((received, socket) => {
      if (received.split('\r\n\r\n').length > 2) {
        socket.resetAndDestroy();
        return undefined;
      }
      answered++;
      return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    });
    const { port, failures } = await gateway(planned([upstream.url]));
    for (let n = 0; n < 3; n++) expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    expect([answered, failures]).toEqual([3, []]);
  });
});

describe('100-continue', () => {
  test('is written when the request is forwarded, and never reaches the upstream', async () => {
    const upstream = await echo();
    const { port } = await gateway(planned([upstream.url]));
    const client = httpRequest({ port, method: 'POST', headers: { Expect: '100-continue', 'Content-Length': 4 } });
    client.flushHeaders();
    await new Promise((resolve) => client.once('continue', resolve));
    client.end('body');
    const answer = await new Promise<IncomingMessage>((resolve) => client.once('response', resolve));
    answer.resume();
    expect(answer.statusCode).toBe(200);
    expect(upstream.requests[0]).toMatchObject({ length: 4 });
    expect(upstream.requests[0]?.headers.expect).toBeUndefined();
  });
});

describe('large bodies', () => {
  test('stream both ways and are not held in memory', async () => {
    const size = 200 * 2 ** 20;
    const child = fork('__tests__/support/large-bodies.mjs', [String(size)], { execArgv: [] });
    cleanups.push(() => void child.kill());
    const said = <T>(): Promise<T> =>
      new Promise((resolve) => child.once('message', (message) => resolve(message as T)));
    const { upstream } = await said<{ upstream: number }>();
    const { port } = await gateway(planned([`http://127.0.0.1:${upstream}`]));
    const before = process.memoryUsage().rss;
    let most = 0;
    const sampler = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 20);
    child.send({ gateway: port });
    const moved = await said<{ downloaded: number; uploaded: number }>();
    clearInterval(sampler);
    expect(moved).toEqual({ downloaded: size, uploaded: size });
    // What V8 has not collected yet counts too; held bodies would be 400 MB.
    expect(most).toBeLessThan(160 * 2 ** 20);
  });
});
