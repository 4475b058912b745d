/** A head that announces a body waits for its first byte: until then 502, 504 and another attempt are possible. */
import { once } from 'node:events';
import { createServer as createHttp2Server, connect as connectHttp2 } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { contextOf } from '../../../src/context/request-context.js';
import { createUpstream } from '../../../src/proxy/upstream.js';
import { loom } from '../../../src/loom.js';
import { HOSTS } from '../../support/hosts.js';
import { quietLog } from '../../support/quiet-log.js';
import { listening, recordingUpstream, type Recording } from '../../support/recording-upstream.js';
import {
  closeUpstreamGrounds,
  moody,
  planOf,
  upstreamGround,
  type GroundParts,
} from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

const HEAD = 'HTTP/1.1 200 OK\r\nX-Of-Upstream: yes\r\nContent-Length: 10\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const UNFRAMED = 'HTTP/1.1 200 OK\r\n\r\n';

type End = 'FIN' | 'RST' | 'silence';
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await closeUpstreamGrounds();
});

/** Answers each head with these bytes, and ends its connection when the gateway has had time to read them. */
async function saying(bytes: string | Buffer, end: End): Promise<Recording & { asked(): number }> {
  const upstream = await recordingUpstream((_received, socket, chunk) => {
    if (!chunk.includes('\r\n\r\n')) return undefined;
    if (end !== 'silence') setTimeout(() => (end === 'FIN' ? socket.end() : socket.resetAndDestroy()), 30);
    return bytes;
  });
  cleanups.push(() => upstream.close());
  const asked = (): number => upstream.received.join('').split('\r\n\r\n').length - 1;
  return Object.assign(upstream, { asked });
}

/** What comes back over one connection. */
class Client {
  text = '';
  failed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => (this.text += chunk.toString('latin1')));
    this.socket.on('error', () => (this.failed = true));
    cleanups.push(() => void this.socket.destroy());
  }

  send(method = 'GET', ...lines: readonly string[]): this {
    this.socket.write(`${method} / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
    return this;
  }

  async end(): Promise<string> {
    await until(() => this.socket.closed);
    return this.text;
  }
}

const breaking = { circuitBreaker: { failureThreshold: 2, successThreshold: 1, timeoutMs: 60_000 } };
const retry = { maxRetries: 1, backoffBaseMs: 5, backoffMaxMs: 5, codes: [502, 504] };
const quick: GroundParts = { plan: { readTimeoutMs: 300 } };

describe('a head and no byte of its body', () => {
  test.each([
    ['FIN', 502, 'upstream_invalid'],
    ['RST', 502, 'upstream_unreachable'],
    ['silence', 504, 'upstream_timeout'],
  ] as const)('%s: %d, nothing of that head, and a connection that goes on', async (end, status, code) => {
    const upstream = await saying(HEAD, end);
    const ground = await upstreamGround([upstream], quick);
    const client = new Client(ground.port).send();
    await until(() => client.text.includes(code));
    expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(client.text).not.toMatch(/x-of-upstream|content-length: 10/i);
    client.text = '';
    client.send('GET', 'Connection: close');
    expect(await client.end()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    // The log has one line for each cause and minute; the metric counts both.
    expect(ground.words()).toEqual(['upstream failed']);
    expect(ground.counted('loom_upstream_failures_total').map((each) => each.code)).toEqual([code, code]);
    expect(upstream.asked()).toBe(2);
    await until(() => upstream.sockets.every(({ destroyed }) => destroyed));
  });

  test.each(['FIN', 'RST', 'silence'] as const)('%s counts for the breaker', async (end) => {
    const ground = await upstreamGround([await saying(HEAD, end)], { plan: { ...quick.plan, ...breaking } });
    const bodies = [];
    for (let n = 0; n < 3; n++) bodies.push((await ground.get()).body);
    expect(bodies[2]).toBe('upstream_unavailable');
    expect(ground.upstream.status().endpoints[0]).toMatchObject({ breaker: 'open', inFlight: 0 });
  });

  test.each(['FIN', 'RST', 'silence'] as const)('%s is tried again where a request may be', async (end) => {
    const [sick, well] = [await saying(HEAD, end), await moody()];
    const ground = await upstreamGround([sick, well], { plan: { ...quick.plan, retry } });
    const answer = await ground.get();
    expect([answer.status, answer.body, answer.headers.get('x-of-upstream')]).toEqual([200, 'answer', null]);
    expect([sick.asked(), well.asked.length]).toEqual([1, 1]);
    const once = await upstreamGround([sick, well], { plan: { ...quick.plan, retry } });
    expect((await once.get('/', { method: 'POST' })).status).toBe(end === 'silence' ? 504 : 502);
    const never = await upstreamGround([sick, well], { plan: { ...quick.plan, retry: { ...retry, codes: [503] } } });
    expect((await never.get()).status).toBe(end === 'silence' ? 504 : 502);
    expect([sick.asked(), well.asked.length]).toEqual([3, 1]);
  });

  test('a 500 without a byte of its body counts once, and is 502', async () => {
    const upstream = await saying(HEAD.replace('200 OK', '500 No'), 'FIN');
    const ground = await upstreamGround([upstream], { plan: breaking });
    expect((await ground.get()).status).toBe(502);
    expect(ground.upstream.status().endpoints[0]?.breaker).toBe('closed');
    expect(ground.counted('loom_upstream_failures_total')).toHaveLength(1);
  });

  test('the time of all attempts does not cut a body that is awaited, and bounds the attempts behind it', async () => {
    const slow = await recordingUpstream((_received, socket) => {
      setTimeout(() => socket.write(HEAD), 400);
      setTimeout(() => socket.write('0123456789'), 800);
    });
    cleanups.push(() => slow.close());
    const options = { timeoutMs: 600 };
    const patient = await upstreamGround([slow], { plan: { retry }, options });
    expect((await patient.get()).body).toBe('0123456789');
    const stuck = await saying(HEAD, 'silence');
    const bounded = await upstreamGround([stuck], { plan: { retry: { ...retry, maxRetries: 50 } }, options });
    expect((await bounded.get()).status).toBe(504);
    expect(stuck.asked()).toBe(1);
  });

  test.each([
    ['FIN', 502],
    ['silence', 504],
  ] as const)('behind an interim response, %s: %d', async (end, status) => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    for (const bytes of [early, early + HEAD])
      expect((await (await upstreamGround([await saying(bytes, end)], quick)).get()).status).toBe(status);
  });

  test('on a kept connection it is no stale connection: the request is not sent again', async () => {
    let asked = 0;
    const upstream = await recordingUpstream((_received, socket) => {
      if (++asked === 1) return `${HEAD}0123456789`;
      setTimeout(() => socket.resetAndDestroy(), 30);
      return HEAD;
    });
    cleanups.push(() => upstream.close());
    const ground = await upstreamGround([upstream], { plan: {} });
    expect([(await ground.get()).status, (await ground.get()).status, asked]).toEqual([200, 502, 2]);
  });

  test('an upload with such a response is 502, and the rest of its body is not read as a request', async () => {
    const ground = await upstreamGround([await saying(HEAD, 'FIN')], { plan: {} });
    const client = new Client(ground.port).send('POST', 'Content-Length: 1000');
    client.socket.write('half');
    await until(() => client.text.includes('upstream_invalid'));
    expect(client.text).toMatch(/^HTTP\/1.1 502 [^]*connection: close/i);
  });

  test('a client that leaves meanwhile says nothing of the endpoint, and takes its request along', async () => {
    const upstream = await saying(HEAD, 'silence');
    const ground = await upstreamGround([upstream], { plan: breaking });
    for (let n = 1; n <= 3; n++) {
      const client = new Client(ground.port).send();
      await until(() => upstream.asked() === n && ground.upstream.status().endpoints[0]?.inFlight === 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(client.text).toBe('');
      client.socket.resetAndDestroy();
      await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
      await until(() => upstream.sockets.every(({ destroyed }) => destroyed));
    }
    expect([ground.upstream.status().endpoints[0]?.breaker, ground.words()]).toEqual(['closed', []]);
  });

  test.each([
    ['FIN', HEAD, /^HTTP\/1.1 502 /],
    ['RST', HEAD, /^HTTP\/1.1 502 /],
    ['silence', HEAD, /^HTTP\/1.1 504 /],
    ['FIN', `${HEAD}0123456789`, /^HTTP\/1.1 200 OK[^]*X-Of-Upstream[^]*\r\n\r\n0123456789$/],
    ['FIN', HEAD.replace('10', '0'), /^HTTP\/1.1 200 OK[^]*X-Of-Upstream[^]*\r\n\r\n$/],
  ] as const)('to a handshake: %s behind %j', async (end, bytes, expected) => {
    const ground = await upstreamGround([await saying(bytes, end)], { plan: breaking, options: { timeoutMs: 300 } });
    const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`;
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', key];
    expect(await new Client(ground.port).send('GET', ...lines).end()).toMatch(expected);
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
    expect(ground.counted('loom_upstream_failures_total')).toHaveLength(bytes === HEAD ? 1 : 0);
  });

  test.each(HOSTS)('502 and 504 in $name', async ({ start }) => {
    const [broken, silent] = [await saying(HEAD, 'FIN'), await saying(HEAD, 'silence')];
    const text = `
routes:
  - { path: /broken, upstream: broken, auth: none }
  - { path: /silent, upstream: silent, auth: none }
upstreams:
  - { name: broken, endpoints: ["127.0.0.1:${broken.port}"] }
  - { name: silent, endpoints: ["127.0.0.1:${silent.port}"], timeout: { read: 300ms } }`;
    const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
    const host = await start({ gate, handler: (_req, res) => void res.end('not proxied') });
    cleanups.push(
      () => host.close(),
      () => gate.close(),
    );
    const answers = await Promise.all(['/broken', '/silent'].map((path) => fetch(host.url + path)));
    expect(answers.map(({ status }) => status)).toEqual([502, 504]);
    for (const { headers } of answers) expect(headers.get('content-type')).toBe('application/problem+json');
  });
});

describe('twin: what is sound goes on', () => {
  test('the head comes with the first byte, and not before', async () => {
    let socket: Socket | undefined;
    const upstream = await recordingUpstream((_received, from) => {
      socket = from;
      return HEAD;
    });
    cleanups.push(() => upstream.close());
    const client = new Client((await upstreamGround([upstream], { plan: {} })).port).send('GET', 'Connection: close');
    await until(() => socket !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.text).toBe('');
    socket?.write('0');
    await until(() => /^HTTP\/1.1 200 OK[^]*X-Of-Upstream[^]*\r\n\r\n0$/.test(client.text));
    socket?.write('123456789');
    expect(await client.end()).toMatch(/\r\n\r\n0123456789$/);
  });

  const packed = gzipSync('a body');
  test.each([
    ['no body', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
    ['HEAD', 'HEAD', HEAD, ''],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n', ''],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', ''],
    ['a body to the end of the connection', 'GET', `${UNFRAMED}0123456789`, 'a\r\n0123456789\r\n0\r\n\r\n'],
    ['no byte to the end of the connection', 'GET', UNFRAMED, '0\r\n\r\n'],
    ['garbage behind the body', 'GET', `${HEAD}0123456789\0garbage`, '0123456789'],
    [
      'gzip',
      'GET',
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n${packed.toString('latin1')}`,
      packed.toString('latin1'),
    ],
  ])('%s', async (_what, method, bytes, body) => {
    const ground = await upstreamGround([await saying(Buffer.from(bytes, 'latin1'), 'FIN')], { plan: breaking });
    const client = new Client(ground.port).send(method, 'Connection: close');
    const text = await client.end();
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(body);
    expect(text.slice(0, 12)).toBe(bytes.slice(0, 12));
    expect(ground.words()).toEqual([]);
  });

  test.each([
    ['chunks', CHUNKED],
    ['an event stream', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n'],
    ['an event stream with a length', `${HEAD.slice(0, -2)}Content-Type: text/event-stream\r\n\r\n`],
    ['a body to the end of the connection', UNFRAMED],
  ])('the head of %s comes at once', async (_what, head) => {
    const ground = await upstreamGround([await saying(head, 'silence')], { plan: {} });
    const client = new Client(ground.port).send();
    await until(() => /^HTTP\/1.1 200 OK[^]*\r\n\r\n/.test(client.text));
  });
});

describe('a part of a body is never a whole answer', () => {
  const PARTS = [
    ['a length', `${HEAD}half`],
    ['chunks', `${CHUNKED}4\r\nhalf\r\n`],
  ] as const;
  const ENDS = ['FIN', 'RST', 'silence'] as const;
  const CASES = PARTS.flatMap(([what, bytes]) => ENDS.map((end) => [what, end, bytes] as const));

  test.each(CASES)('%s, %s, over HTTP/1.1: the connection ends, without the last chunk', async (_what, end, bytes) => {
    const ground = await upstreamGround([await saying(bytes, end)], quick);
    const text = await new Client(ground.port).send().end();
    expect(text).toMatch(/^HTTP\/1.1 200[^]*half(?:\r\n)?$/);
    expect(ground.words()).toEqual(['upstream failed']);
  });

  test.each(ENDS)('chunks, %s, over HTTP/1.0: the connection is reset', async (end) => {
    const ground = await upstreamGround([await saying(`${CHUNKED}4\r\nhalf\r\n`, end)], quick);
    const client = new Client(ground.port);
    client.socket.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(await client.end()).toMatch(/half$/);
    expect(client.failed).toBe(true);
  });

  test('a reset is no end of a body that the end of the connection delimits', async () => {
    const ground = await upstreamGround([await saying(`${UNFRAMED}half`, 'RST')], { plan: {} });
    expect(await new Client(ground.port).send().end()).toMatch(/4\r\nhalf\r\n$/);
  });

  test.each([...CASES, ['no byte', 'FIN', HEAD] as const, ['no byte', 'RST', HEAD] as const])(
    '%s, %s, over HTTP/2: the stream is reset with an error, or 502',
    async (_what, end, bytes) => {
      const upstream = createUpstream(planOf([await saying(bytes, end)], { readTimeoutMs: 300 }), {
        ...{ log: quietLog(), now: Date.now },
        onFailure: (_context, res, { status, code }) => res.writeHead(status).end(code),
      });
      const server = createHttp2Server((req, res) => {
        const [request, response] = [req, res] as unknown as [IncomingMessage, ServerResponse];
        upstream.forward(contextOf(request), response, { url: '/', timeoutMs: 5_000, preserveHost: true });
      });
      const session = connectHttp2(`http://127.0.0.1:${await listening(server)}`);
      cleanups.push(
        () => upstream.close(),
        () => void server.close(),
        () => session.destroy(),
      );
      const stream = session.request({ ':path': '/' });
      let text = '';
      let failed = false;
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('error', () => (failed = true));
      const [head] = (await once(stream, 'response')) as [{ readonly ':status'?: number }];
      await until(() => stream.closed && stream.destroyed);
      const whole = bytes === HEAD;
      expect([head[':status'], failed, text.startsWith('upstream_')]).toEqual([whole ? 502 : 200, !whole, whole]);
    },
  );
});
