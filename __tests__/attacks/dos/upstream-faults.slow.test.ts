/** Upstreams with invalid or unbounded responses: 502 or a valid response, and the next client gets its own. */
import type { Socket } from 'node:net';
import { closeGrounds, echo, get, openGround, request, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import type { Message } from '../../support/messages.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n';
const POISON = `${OK}Content-Length: 6\r\nX-Poison: yes\r\n\r\npoison`;

/** Name, bytes of the response, whether the upstream then closes, and the allowed responses to the client. */
const FAULTS: readonly (readonly [name: string, bytes: string, statuses: readonly number[], closes?: true])[] = [
  ['nothing', '', [502], true],
  ['no HTTP', 'hello\r\n\r\n', [502], true],
  ['HTTP/0.9', 'hello', [502], true],
  ['another protocol', 'ICY 200 OK\r\n\r\n', [502], true],
  ['HTTP/2.0', `HTTP/2.0 200 OK\r\n${LENGTH}\r\nok`, [200, 502]],
  ['a status of two digits', `HTTP/1.1 20 OK\r\n${LENGTH}\r\nok`, [502]],
  ['a status of four digits', `HTTP/1.1 2000 OK\r\n${LENGTH}\r\nok`, [502]],
  ['status 0', `HTTP/1.1 000 OK\r\n${LENGTH}\r\nok`, [502]],
  ['status 099', `HTTP/1.1 099 OK\r\n${LENGTH}\r\nok`, [502]],
  ['status 999', `HTTP/1.1 999 OK\r\n${LENGTH}\r\nok`, [999, 502]],
  ['a negative status', `HTTP/1.1 -200 OK\r\n${LENGTH}\r\nok`, [502]],
  ['an unrequested 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', [502]],
  ['101 to nothing', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', [502], true],
  ['a bare CR in a value', `${OK}X-A: b\rX-B: c\r\n${LENGTH}\r\nok`, [502]],
  ['a NUL in a value', `${OK}X-A: b\0\r\n${LENGTH}\r\nok`, [502]],
  ['a control byte in a value', `${OK}X-A: b\x01\r\n${LENGTH}\r\nok`, [502]],
  ['a space in a name', `${OK}X A: b\r\n${LENGTH}\r\nok`, [502]],
  ['an empty name', `${OK}: b\r\n${LENGTH}\r\nok`, [502]],
  ['a folded line', `${OK}X-A: b\r\n c\r\n${LENGTH}\r\nok`, [502, 200]],
  ['lines that end with LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', [502, 200]],
  ['bytes beyond ASCII in a value', `${OK}X-A: \xe9\r\n${LENGTH}\r\nok`, [200, 502]],
  ['bytes beyond ASCII in the reason', `HTTP/1.1 200 \xe9\r\n${LENGTH}\r\nok`, [200, 502]],
  ['a control byte in the reason', `HTTP/1.1 200 O\x01K\r\n${LENGTH}\r\nok`, [200, 502]],
  ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk`, [502]],
  ['a bad length', `${OK}Content-Length: x\r\n\r\nok`, [502]],
  ['a negative length', `${OK}Content-Length: -1\r\n\r\nok`, [502]],
  [
    'a length and chunks',
    `${OK}Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    [502, 200],
  ],
  ['a head of a megabyte', `${OK}X-A: ${'b'.repeat(2 ** 20)}\r\n${LENGTH}\r\nok`, [502]],
  ['five thousand fields', `${OK}${'X-A: b\r\n'.repeat(5_000)}${LENGTH}\r\nok`, [502]],
  ['a length and no byte', `${OK}X-A: b\r\nContent-Length: 100\r\n\r\n`, [502], true],
  ['a flood of 100', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000)}${OK}${LENGTH}\r\nok`, [502]],
  ['a flood of 103', `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000)}${OK}${LENGTH}\r\nok`, [502]],
  ['a few 103', `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3)}${OK}${LENGTH}\r\nok`, [200]],
  ['204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok', [204]],
  ['204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', [204]],
  ['304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok', [304]],
  ['bytes after the response', `${OK}${LENGTH}\r\nok${'x'.repeat(100)}`, [200]],
  ['a second answer', `${OK}${LENGTH}\r\nok${POISON}`, [200]],
  ['a second response after 204', `HTTP/1.1 204 No Content\r\n\r\n${POISON}`, [204]],
  [
    'fields of the connection',
    `${OK}Connection: x-a, close\r\nX-A: b\r\nUpgrade: h2c\r\nKeep-Alive: x\r\n${LENGTH}\r\nok`,
    [200],
  ],
  ['an identity header', `${OK}X-User-ID: admin\r\n${LENGTH}\r\nok`, [200]],
];
/** Responses with a valid head and a broken body: the client gets a broken connection, never a complete response. */
const BROKEN: readonly (readonly [name: string, bytes: string])[] = [
  ['a body cut short', `${OK}Content-Length: 100\r\n\r\nhalf`],
  ['chunks cut short', `${OK}Transfer-Encoding: chunked\r\n\r\n64\r\nhalf`],
  ['chunks without an end', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`],
  ['a chunk without a size', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nz\r\n`],
];

let ground: Ground;
const answer = (message: Message, socket: Socket): string | undefined => {
  const [, kind, at] = /^\/public\/(fault|broken)-(\d+)$/.exec(message.target) ?? [];
  if (kind === undefined) return echo(message);
  const [, bytes, , closes] = (kind === 'fault' ? FAULTS : BROKEN)[Number(at)] as (typeof FAULTS)[number];
  if (closes === true || kind === 'broken') setTimeout(() => socket.end(), 20);
  return bytes;
};
beforeAll(async () => {
  // One connection: bytes that a response leaves on it are seen by the next one.
  ground = await openGround({
    replaceRoutes: true,
    routes: `
  - { path: /public/*, upstream: one, auth: none, timeout: 10s }
  - { path: /api/v1/*, upstream: one, auth: { api_key: true } }`,
    upstreams: '  - { name: one, endpoints: ["127.0.0.1:UPSTREAM"], pool: { max_open: 1 } }',
    answer,
  });
});
afterAll(closeGrounds);

async function victim(): Promise<void> {
  const client = new Conversation(ground.port).send(get('/public/victim'));
  const reply = await client.reply();
  expect([reply?.status, reply?.body.includes('"target":"/public/victim"')]).toEqual([200, true]);
  expect(reply?.head).not.toMatch(/x-poison/i);
  client.close();
}

describe('DOS-09 faulty upstreams', () => {
  test.each(FAULTS.map(([name, , statuses], at) => [name, statuses, at] as const))(
    '%s: %j, and the next client gets its own response',
    async (_name, statuses, at) => {
      const client = new Conversation(ground.port).send(get(`/public/fault-${at}`));
      const reply = await client.reply();
      expect(statuses).toContain(reply?.status);
      expect(client.partial).toBe('');
      if (reply?.status === 502) expect(reply.head).toMatch(/application\/problem\+json/);
      expect(reply?.head).not.toMatch(/^(?:x-poison|x-a: b\r\n c|upgrade|keep-alive: x)/im);
      client.close();
      await victim();
    },
  );

  test.each(BROKEN.map(([name], at) => [name, at] as const))('%s is a broken connection', async (_name, at) => {
    const client = new Conversation(ground.port).send(get(`/public/broken-${at}`));
    expect(await client.rest()).toEqual([]);
    await victim();
  });

  test('a response to HEAD with a body reaches no client', async () => {
    const at = FAULTS.findIndex(([name]) => name === 'a second answer');
    await new Conversation(ground.port).send(request('HEAD', `/public/fault-${at}`, ['Connection: close'])).rest();
    await victim();
  });

  test('twin: a valid upstream is passed on, a hundred times on its one connection', async () => {
    const before = ground.received().length;
    for (let at = 0; at < 100; at += 1) await victim();
    expect(ground.received().length - before).toBeLessThanOrEqual(1);
  });
});
