/** Clients that are slow on purpose: their connections are cut, and all other clients are served. */
import { connect, type Socket } from 'node:net';
import { ALICE_KEY, closeGrounds, echo, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { Conversation } from '../../support/conversation.js';
import { residentBytes } from '../../support/footprint.js';

/** More than the buffers between the two hold. */
const LONG = 'x'.repeat(64_000_000);
let ground: Ground;
/** A listener of the upstream, for the long responses. */
const senders: Socket[] = [];
beforeAll(async () => {
  // The listener of the harness has ordinary timeouts. The listener with short timeouts is attacked.
  const times = 'read_timeout: 3s, write_timeout: 3s, idle_timeout: 3s';
  ground = await openGround({
    listeners: `  - { name: short, address: "127.0.0.1:PORT2", protocol: http, ${times} }`,
    answer: (message, socket) => {
      if (message.target === '/public/long') senders.push(socket);
      if (message.target === '/public/silent') return undefined;
      return message.target === '/public/long'
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${LONG.length}\r\n\r\n${LONG}`
        : echo(message);
    },
  });
});
afterAll(closeGrounds);

const KEY = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends bytes at once, then one more every 300 ms until the gateway closes. Returns the response. */
async function drip(first: string, rest: string): Promise<readonly number[]> {
  const client = new Conversation(ground.morePorts[0] ?? 0).send(first);
  for (const byte of rest) {
    if (client.closed) break;
    client.send(byte);
    await wait(300);
  }
  return (await client.rest()).map(({ status }) => status);
}

describe('DOS-01 slow clients', () => {
  test('200 that never finish their heads are cut, and honest requests are answered meanwhile', async () => {
    const heads = Array.from({ length: 200 }, () =>
      drip('GET /public/x HTTP/1.1\r\nHost: gw\r\nX-A: ', 'b'.repeat(100)),
    );
    const honest: number[] = [];
    for (let at = 0; at < 50; at += 1) honest.push(statusOf(await ground.send(get('/api/v1/x', KEY))));
    expect(new Set(honest)).toEqual(new Set([200]));
    expect(new Set((await Promise.all(heads)).flat())).toEqual(new Set([408]));
    expect(ground.arrived()).toHaveLength(50);
  });

  test('200 that send nothing are cut', async () => {
    const silent = await Promise.all(Array.from({ length: 200 }, () => drip('', '')));
    expect(new Set(silent.flat())).toEqual(new Set([408]));
  });

  test('50 of each kind whose bodies stop are cut, with their upstream connections', async () => {
    const kinds = [
      request('POST', '/api/v1/x', [KEY, 'Content-Length: 1000'], 'a'),
      request('POST', '/api/v1/x', [KEY, 'Transfer-Encoding: chunked'], '3e8\r\na'),
      request('POST', '/api/v1/x', [KEY, 'Content-Length: 1000']),
    ];
    const stopped = await Promise.all(kinds.flatMap((bytes) => Array.from({ length: 50 }, () => drip(bytes, ''))));
    expect(stopped.flat().filter((status) => status === 200)).toEqual([]);
    expect(ground.arrived()).toEqual([]);
  });

  test('a body without a credential is not awaited', async () => {
    const bytes = request('POST', '/api/v1/x', ['Content-Length: 1000'], 'a');
    expect(await drip(bytes, 'b'.repeat(100))).toEqual([401]);
  });

  test('three that do not read their responses are cut', async () => {
    const ends = Array.from({ length: 3 }, async () => {
      const socket = connect(ground.morePorts[0] ?? 0, '127.0.0.1').pause();
      let length = 0;
      socket.on('error', () => undefined).on('data', (chunk) => (length += chunk.length));
      socket.write(get('/public/long'));
      // The gateway closes the connection, and its upstream sees that. Only then does the client continue to read.
      while (senders.length < 3 || !senders.every((each) => each.destroyed || each.readableEnded)) await wait(50);
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
      return length;
    });
    for (const length of await Promise.all(ends)) expect(length).toBeLessThan(LONG.length);
    expect(statusOf(await ground.send(get('/public/x')))).toBe(200);
    ground.arrived();
  });

  test('one that sends requests without end and reads no response is cut, before it holds memory or upstream connections', async () => {
    const connections = ground.received().length;
    const before = residentBytes(ground.pid);
    const replies = await new Conversation(ground.port).send(get('/public/silent').repeat(20_000)).rest();
    expect(replies).toEqual([]);
    expect(ground.received().length - connections).toBeLessThanOrEqual(64);
    expect(residentBytes(ground.pid) - before).toBeLessThan(64 * 2 ** 20);
    expect(statusOf(await ground.send(get('/public/x')))).toBe(200);
    ground.arrived();
  });

  test('twin: fifty pipelined requests on one connection are answered in their order', async () => {
    const client = new Conversation(ground.port);
    client.send(Array.from({ length: 50 }, (_, at) => get(`/public/${at}`)).join(''));
    for (let at = 0; at < 50; at += 1) expect((await client.reply())?.body).toContain(`"target":"/public/${at}"`);
    client.close();
    ground.arrived();
  });

  test('twin: a slow head within the time and a slow body that keeps coming are served', async () => {
    const body = request('POST', '/public/x', ['Content-Length: 16', 'Connection: close'], '');
    ground.arrived();
    const [slowHead, slowBody] = await Promise.all([
      drip('GET /public/x HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r', '\n'),
      drip(body, 'abcdefghijklmnop'),
    ]);
    expect([slowHead, slowBody]).toEqual([[200], [200]]);
    expect(
      ground
        .arrived()
        .map((message) => message.body)
        .sort(),
    ).toEqual(['', 'abcdefghijklmnop']);
  });
});
