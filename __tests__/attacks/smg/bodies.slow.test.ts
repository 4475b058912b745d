/** Bodies that look like the next request, and uploads that never end: no client gets the response of another. */
import type { Socket } from 'node:net';
import { ALICE_KEY, closeGrounds, echo, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation, eachOf, type Reply } from '../../support/conversation.js';
import type { Message } from '../../support/messages.js';

let ground: Ground;
const held = new Map<string, Socket>();
/** Holds its responses to `/public/held`. */
const answer = (message: Message, socket: Socket): string | undefined => {
  if (!message.target.startsWith('/public/held')) return echo(message);
  held.set(message.target, socket);
  return undefined;
};
beforeAll(async () => {
  // One connection to the upstream: bytes that remain on it affect the next request.
  const one = '{ name: one, endpoints: ["127.0.0.1:UPSTREAM"], pool: { max_open: 1, max_idle: 1 } }';
  ground = await openGround({
    replaceRoutes: true,
    routes: `
  - { path: /public/*, upstream: one, auth: none }
  - { path: /api/v1/*, upstream: one, auth: { api_key: true } }`,
    upstreams: `  - ${one}`,
    answer,
  });
});
afterAll(closeGrounds);

const targetOf = (reply: Reply | undefined): unknown => reply && (JSON.parse(reply.body) as Message).target;

async function victims(count: number): Promise<void> {
  await eachOf([...Array(count).keys()], 8, async (at) => {
    const client = new Conversation(ground.port).send(
      get(`/api/v1/victim-${at}`, `X-API-Key: ${ALICE_KEY['X-API-Key']}`),
    );
    expect(targetOf(await client.reply())).toBe(`/api/v1/victim-${at}`);
    client.close();
  });
}

const INNER = 'GET /api/v1/stolen HTTP/1.1\r\nHost: gw\r\n\r\n';
const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

describe('SMG-08 bodies on methods that have none', () => {
  const framings = [
    ['a length', [`Content-Length: ${INNER.length}`], INNER],
    ['chunks', ['Transfer-Encoding: chunked'], chunked(INNER)],
  ] as const;
  const methods = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH', 'QUERY'];

  test.each(methods.flatMap((method) => framings.map((framing) => [method, ...framing] as const)))(
    '%s with %s arrives as one message with its body',
    async (method, _what, lines, body) => {
      const bytes = request(method, '/public/x', [...lines, 'Connection: close'], body);
      const client = new Conversation(ground.port).send(bytes);
      await client.rest();
      await victims(3);
      const [first, ...others] = ground.arrived();
      expect([first?.method, first?.target, first?.body]).toEqual([method, '/public/x', INNER]);
      expect(others.map(({ target }) => target).sort()).toEqual([0, 1, 2].map((at) => `/api/v1/victim-${at}`));
    },
  );

  test.each(methods)('twin: %s without a body passes', async (method) => {
    await new Conversation(ground.port).send(request(method, '/public/x', ['Connection: close'])).rest();
    expect(ground.arrived().map((each) => [each.method, each.body])).toEqual([[method, '']]);
  });
});

describe('SMG-09 uploads that are broken off', () => {
  const half = (framing: string, sent: string): string => request('POST', '/public/upload', [framing], sent);
  const uploads = [
    ['a length', half('Content-Length: 1000', 'a'.repeat(500))],
    ['a length, and a request as its first half', half('Content-Length: 1000', INNER.repeat(5))],
    ['chunks', half('Transfer-Encoding: chunked', '3e8\r\n' + 'a'.repeat(500))],
    ['chunks, and a request as a chunk', half('Transfer-Encoding: chunked', chunked(INNER).replace('0\r\n\r\n', ''))],
  ] as const;
  const ends = [
    ['a reset', (client: Conversation) => client.reset()],
    ['an end', (client: Conversation) => client.close()],
    ['a half-close', (client: Conversation) => void client.socket.end()],
  ] as const;

  test.each(uploads.flatMap((upload) => ends.map((end) => [upload[0], end[0], upload[1], end[1]] as const)))(
    '%s, then %s',
    async (_what, _how, bytes, end) => {
      const before = uploadsSeen();
      const client = new Conversation(ground.port).send(bytes);
      await until(() => uploadsSeen() > before);
      end(client);
      await victims(20);
      expect(ground.arrived().map(({ target }) => target)).not.toContain('/public/upload');
      // The half-sent request is the last one on its connection.
      const used = ground.received().filter((each) => each.includes('/public/upload'));
      for (const each of used) expect(each.slice(each.indexOf('/public/upload'))).not.toContain('/api/v1/victim');
      client.close();
    },
  );

  test('a client that leaves before its response leaves the response to no other client', async () => {
    for (let at = 0; at < 20; at += 1) {
      const client = new Conversation(ground.port).send(get(`/public/held-${at}`));
      await until(() => held.has(`/public/held-${at}`));
      client.reset();
      const socket = held.get(`/public/held-${at}`);
      await until(() => socket?.destroyed === true || socket?.readableEnded === true);
      socket?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen');
    }
    await victims(100);
    ground.arrived();
  });

  test('twin: an upload in pieces arrives whole, and its connection serves the next', async () => {
    const connections = ground.received().length;
    const client = new Conversation(ground.port).send(half('Content-Length: 1000', 'a'.repeat(500)));
    await until(() => ground.received().some((each) => each.includes('a'.repeat(500))));
    expect(targetOf(await client.send('b'.repeat(500)).reply())).toBe('/public/upload');
    await victims(100);
    expect(ground.arrived()).toHaveLength(101);
    expect(ground.received().length - connections).toBeLessThanOrEqual(1);
    client.close();
  });
});

/** All of them on each connection, whole or not. */
const uploadsSeen = (): number => ground.received().join('').split('/public/upload').length;

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000 && !condition(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(condition()).toBe(true);
}
