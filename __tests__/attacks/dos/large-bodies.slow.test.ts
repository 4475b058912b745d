/** Bodies larger than the memory: refused unread, or streamed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { ALICE_KEY, closeGrounds, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { Conversation } from '../../support/conversation.js';
import { closed, listening } from '../../support/recording-upstream.js';

const KEY = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
const MEBI = 2 ** 20;

let ground: Ground;
let received = 0;
const sink = createServer((req, res) => {
  const hash = createHash('sha256');
  req.on('data', (chunk: Buffer) => {
    received += chunk.length;
    hash.update(chunk);
  });
  req.on('error', () => undefined);
  req.on('end', () => res.end(hash.digest('hex')));
});
beforeAll(async () => {
  const port = await listening(sink);
  ground = await openGround({
    routes: '  - { path: /sink/*, upstream: sink, auth: { jwt: true } }',
    upstreams: `  - { name: sink, endpoints: ["127.0.0.1:${port}"] }`,
  });
});
afterAll(async () => {
  await closeGrounds();
  sink.closeAllConnections();
  await closed(sink);
});

/** Every byte that the process has read from any source. */
const readSoFar = (): number => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${ground.pid}/io`, 'utf8'))?.[1]);
const resident = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${ground.pid}/status`, 'utf8'))?.[1]) * 1_024;

/** Writes pieces of a body for as long as the connection accepts them. */
async function pour(client: Conversation, piece: string, pieces: number): Promise<number> {
  let sent = 0;
  while (sent < pieces && !client.closed && client.socket.writable) {
    client.send(piece);
    sent += 1;
    if (client.socket.writableNeedDrain) await drained(client.socket);
  }
  return sent;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.once('drain', done).once('close', done);
  });
}

describe('DOS-03 a body before authentication', () => {
  const piece = 'a'.repeat(65_536);
  test.each([
    ['chunks', ['Transfer-Encoding: chunked'], `10000\r\n${piece}\r\n`],
    ['a length', ['Content-Length: 10737418240'], piece],
  ])('10 GiB of %s without a credential: 401, closed, not read', async (_what, lines, part) => {
    const before = readSoFar();
    const client = new Conversation(ground.port).send(request('POST', '/internal/x', lines));
    await pour(client, part, 10_000);
    const replies = await client.rest();
    // A reset may overtake the response on the way to a client that is still writing.
    expect(replies.map(({ status }) => status).filter((status) => status !== 401)).toEqual([]);
    expect(client.closed).toBe(true);
    // One read of the socket may be in progress. Files that Node reads meanwhile count here too.
    expect(readSoFar() - before).toBeLessThan(256 * 1_024);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['/internal/x', '/nowhere', '/public/%2e%2e/x'])(
    'Expect at %s: no 100, and nothing is read',
    async (path) => {
      const lines = ['Expect: 100-continue', 'Content-Length: 10737418240'];
      const client = new Conversation(ground.port).send(request('POST', path, lines));
      const [reply, ...others] = await client.rest();
      expect([reply?.status, others]).toEqual([{ '/internal/x': 401, '/nowhere': 404 }[path] ?? 400, []]);
      expect(reply?.head).toMatch(/connection: close/i);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('twin: with a credential the 100 comes, and the body is forwarded', async () => {
    const client = new Conversation(ground.port);
    client.send(request('POST', '/api/v1/x', [KEY, 'Expect: 100-continue', 'Content-Length: 5']));
    await new Promise((resolve) => client.socket.once('data', resolve));
    expect((await client.send('hello').reply())?.status).toBe(200);
    expect(ground.arrived().map(({ body }) => body)).toEqual(['hello']);
    client.close();
  });
});

describe('DOS-04 bodies in memory', () => {
  test('256 MiB with a token are streamed: memory grows by less than 64 MiB', async () => {
    const token = await ground.issuer.token();
    const [size, piece] = [256, 'b'.repeat(MEBI)];
    const client = new Conversation(ground.port);
    // Another upload first, so that the one-time cost of a first upload is not counted.
    client.send(request('POST', '/sink/x', [`Authorization: Bearer ${token}`, `Content-Length: ${32 * MEBI}`]));
    await pour(client, piece, 32);
    await client.reply();
    const before = resident();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, resident() - before)), 20);
    client.send(request('POST', '/sink/x', [`Authorization: Bearer ${token}`, `Content-Length: ${size * MEBI}`]));
    await pour(client, piece, size);
    expect((await client.reply())?.status).toBe(200);
    clearInterval(watch);
    expect(received).toBe((32 + size) * MEBI);
    expect(most).toBeLessThan(64 * MEBI);
    client.close();
  });

  test('twin: a small body with a token is answered as before', async () => {
    const line = `Authorization: Bearer ${await ground.issuer.token()}`;
    expect(statusOf(await ground.send(request('POST', '/sink/x', [line, 'Content-Length: 2'], 'ab')))).toBe(200);
  });
});

describe('DOS-05 bodies that a parser would rewrite', () => {
  const form = 'application/x-www-form-urlencoded';
  const parts = '--b\r\nContent-Disposition: form-data; name="a\r\nX-User-ID: admin"\r\n\r\n1\r\n--b--\r\n';
  test.each([
    ['JSON with a repeated key', 'application/json', '{"a":1,"a":2,"__proto__":{"x":1}}'],
    ['invalid JSON', 'application/json', '{"a":'],
    ['JSON of another charset', 'application/json; charset=utf-7', '+AHs-+AH0-'],
    ['a form with line ends in a name', form, 'a%0d%0aX-User-ID:+admin=1&b[]=2&b[0]=3'],
    ['a form with bare line ends', form, 'a\r\nX-User-ID: admin=1'],
    ['a form with broken escapes', form, '%=%zz&&&=='],
    ['parts with line ends in a name', 'multipart/form-data; boundary=b', parts],
    ['parts without a boundary', 'multipart/form-data', parts],
    [
      'every byte',
      'application/octet-stream',
      Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join(''),
    ],
    ['a request', 'message/http', get('/internal/secret')],
  ])('%s arrives byte for byte, once', async (_what, type, body) => {
    for (const [lines, sent] of [
      [[`Content-Length: ${body.length}`], body],
      [['Transfer-Encoding: chunked'], `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
    ] as const) {
      const answer = await ground.send(request('POST', '/api/v1/x', [KEY, `Content-Type: ${type}`, ...lines], sent));
      expect(statusOf(answer)).toBe(200);
      expect(ground.arrived().map((message) => message.body)).toEqual([body]);
    }
  });

  test('twin: plain JSON arrives unchanged', async () => {
    const body = '{"a": [1, 2]}';
    const lines = [KEY, 'Content-Type: application/json', `Content-Length: ${body.length}`];
    expect(statusOf(await ground.send(request('POST', '/api/v1/x', lines, body)))).toBe(200);
    expect(ground.arrived().map((message) => message.body)).toEqual([body]);
  });
});
