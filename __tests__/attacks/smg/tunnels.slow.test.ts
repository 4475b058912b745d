/** Bytes after a handshake, before the upstream has accepted it, are never a request. */
import type { Socket } from 'node:net';
import { ALICE_KEY, closeGrounds, echo, get, openGround, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { handshake } from '../../support/handshake.js';
import { valuesOf, type Message } from '../../support/messages.js';

const KEY = `X-API-Key: ${ALICE_KEY['X-API-Key']}`;
const EARLY = get('/internal/secret');

/** The upstream's response to a handshake, by the end of its path. */
const SAID: Readonly<Record<string, string>> = {
  ok: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  bad: 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n',
  denied: 'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
  moved: 'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
  unframed: 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n',
  other: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  forged:
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
  bare: 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
};

const STATUS: Readonly<Record<string, number>> = { ok: 200, bad: 400, denied: 401, moved: 302, unframed: 200 };

let ground: Ground;
const waiting = new Set<Socket>();
const answer = (message: Message, socket: Socket): string | undefined => {
  if (message.target.endsWith('/silent')) waiting.add(socket);
  const said = SAID[/\/(\w+)$/.exec(message.target)?.[1] ?? ''];
  if (said === SAID['unframed']) setImmediate(() => socket.end());
  return message.target.endsWith('/silent') ? undefined : (said ?? echo(message));
};
beforeAll(async () => (ground = await openGround({ answer })));
beforeEach(() => {
  ground.arrived();
  waiting.clear();
});
afterAll(closeGrounds);

const everything = (): string => ground.received().join('');

describe('SMG-10 bytes before the 101', () => {
  test.each(Object.keys(SAID))('an upstream that answers %s never gets them, and the connection ends', async (how) => {
    const client = new Conversation(ground.port).send(handshake(`/public/${how}`) + EARLY);
    expect((await client.rest()).map(({ status }) => status)).toEqual([STATUS[how] ?? 502]);
    expect(everything()).not.toContain('/internal/secret');
    expect(ground.arrived()).toHaveLength(1);
  });

  test('an upstream that does not answer has not got them either', async () => {
    const client = new Conversation(ground.port).send(handshake('/public/silent') + EARLY);
    while (waiting.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await ground.send(get('/public/x'));
    expect(everything()).not.toContain('/internal/secret');
    client.reset();
  });

  test.each(['an end', 'a reset'])(
    'a client that leaves by %s in the handshake also closes the upstream’s connection',
    async (how) => {
      const client = new Conversation(ground.port).send(handshake('/public/silent') + EARLY);
      while (waiting.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const socket = [...waiting].at(-1);
      if (how === 'an end') client.socket.end();
      else client.reset();
      const from = Date.now();
      while (socket?.destroyed === false && !socket.readableEnded)
        await new Promise((resolve) => setTimeout(resolve, 5));
      // Not by the deadline of the handshake, which is twice as long.
      expect(Date.now() - from).toBeLessThan(15_000);
      client.close();
    },
  );

  test.each([
    ['no credential', handshake('/api/v1/chat'), 401],
    ['a wrong one', handshake('/api/v1/chat', 'X-API-Key: wrong'), 401],
    ['nothing there', handshake('/nowhere'), 404],
    ['another version', handshake('/public/chat').replace('Version: 13', 'Version: 8'), 426],
    ['a body', handshake('/public/chat', `Content-Length: ${EARLY.length}`), 400],
    ['chunks', handshake('/public/chat', 'Transfer-Encoding: chunked'), 400],
    ['CONNECT', 'CONNECT gw:443 HTTP/1.1\r\nHost: gw:443\r\n\r\n', 405],
    ['CONNECT with a path', 'CONNECT /public/x HTTP/1.1\r\nHost: gw\r\n\r\n', 405],
  ])('a handshake with %s ends the connection, and nothing arrives', async (_what, bytes, status) => {
    ground.arrived();
    const replies = await new Conversation(ground.port).send(bytes + EARLY).rest();
    expect(replies.map((each) => each.status)).toEqual([status]);
    expect(ground.arrived()).toEqual([]);
  });

  test('after a pending request, a handshake ends the connection and is not answered first', async () => {
    const client = new Conversation(ground.port).send(get('/public/silent') + handshake('/public/chat') + EARLY);
    expect(await client.rest()).toEqual([]);
    expect(everything()).not.toContain('/internal/secret');
    ground.arrived();
  });

  test('twin: after the 101 early bytes are the tunnel’s, after one handshake with one identity', async () => {
    const client = new Conversation(ground.port).send(handshake('/api/v1/chat', KEY) + EARLY);
    expect((await client.reply())?.status).toBe(101);
    while (!everything().includes('/internal/secret')) await new Promise((resolve) => setTimeout(resolve, 5));
    const [message, ...others] = ground.arrived().filter(({ target }) => target.startsWith('/api'));
    expect(others).toEqual([]);
    expect(message && [message.target, valuesOf(message, 'x-key-name')]).toEqual(['/api/v1/chat', ['alice']]);
    client.close();
  });
});
