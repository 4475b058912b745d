/**
 * An upstream that refuses a handshake, breaks off, sends nonsense or stalls. The client's connection ends in bounded
 * time.
 */
import type { Socket } from 'node:net';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, echo, openGround, type Ground } from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { handshake, shakeHands } from '../../support/handshake.js';
import type { Message } from '../../support/messages.js';

type Deed = (message: Message, socket: Socket) => string | undefined;

const silent =
  (act: (socket: Socket) => void): Deed =>
  (_message, socket) => {
    act(socket);
    return undefined;
  };
const says =
  (text: string): Deed =>
  () =>
    text;
const switching = (message: Message): string => echo(message);

let deed: Deed;
let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    answer: (message, socket) => deed(message, socket),
    routes: `
  - { id: quick, path: /quick/*, upstream: backend, auth: { jwt: true }, timeout: 1s }
  - { id: nowhere, path: /nowhere/*, upstream: nowhere, auth: { jwt: true } }`,
    upstreams: '  - { name: nowhere, endpoints: ["127.0.0.1:PORT3"] }',
  });
  bearer = `Authorization: Bearer ${await ground.issuer.token()}`;
});
afterAll(closeGrounds);

let bearer: string;

/** Everything until the end of the connection. */
const attempt = (does: Deed, path = '/quick/x'): Promise<string> => {
  deed = does;
  return shakeHands(ground.port, path, bearer);
};

describe('UPG-10 an upstream', () => {
  test.each<[string, Deed, number]>([
    ['closes', silent((socket) => socket.end()), 502],
    ['resets', silent((socket) => socket.resetAndDestroy()), 502],
    [
      'resets in its status line',
      (_message, socket) => (setTimeout(() => socket.resetAndDestroy(), 50), 'HTTP/1.1 101 Sw'),
      502,
    ],
    [
      'closes in its head',
      (_message, socket) => (setTimeout(() => socket.end(), 50), 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: we'),
      502,
    ],
    ['talks nonsense', says('\x00\x01\x02\xffSSH-2.0-nonsense\r\n\r\n'), 502],
    ['talks HTTP/0.9', says('<html>hello</html>\r\n\r\n'), 502],
    ['switches without naming a protocol', says('HTTP/1.1 101 Switching Protocols\r\n\r\n'), 502],
    ['switches with another accept key', (message) => switching(message).replace(/Accept: ./, 'Accept: '), 502],
    ['switches with no accept key', (message) => switching(message).replace(/Sec-WebSocket-Accept: .*\r\n/, ''), 502],
    [
      'switches to another protocol',
      (message) => switching(message).replace('Upgrade: websocket', 'Upgrade: h2c'),
      502,
    ],
    [
      'switches with an invalid field',
      (message) => switching(message).replace('\r\n\r\n', '\r\nX-A: a\0b\r\n\r\n'),
      502,
    ],
    ['informs for ever', says('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)), 504],
    ['stalls', () => undefined, 504],
    ['stalls in its head', says('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'), 504],
    ['says no', says('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'), 403],
    ['fails', says('HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops'), 500],
    ['answers 200', says('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 200],
    ['redirects the client', says('HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n'), 302],
    ['wants another version', says('HTTP/1.1 426 Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n'), 426],
  ])('that %s ends the attempt with one response', async (_what, does, status) => {
    const answer = await attempt(does);
    expect(statusOf(answer)).toBe(status);
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    expect(answer).not.toMatch(/127\.0\.0\.1|nonsense|ECONN|at .*\.js/);
  });

  test.each<[string, Deed]>([
    ['stalls in the middle of a refusal', says('HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nno')],
    ['stalls in a chunk of it', says('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe')],
    [
      'breaks off in the middle of it',
      (_message, socket) => (
        setTimeout(() => socket.resetAndDestroy(), 50),
        'HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno'
      ),
    ],
  ])('that %s ends the connection', async (_what, does) => {
    expect(statusOf(await attempt(does))).toBe(403);
  });

  test('that cannot be reached is a 502', async () => {
    expect(statusOf(await shakeHands(ground.port, '/nowhere/x', bearer))).toBe(502);
  });

  test.each<[string, (socket: Socket) => void]>([
    ['resets', (socket) => socket.resetAndDestroy()],
    ['closes', (socket) => socket.end()],
    ['writes and resets', (socket) => (socket.write('x'.repeat(100_000)), socket.resetAndDestroy())],
  ])('that %s right after its 101 also closes the client’s socket', async (_how, act) => {
    const answer = await attempt((message, socket) => (setTimeout(() => act(socket), 20), switching(message)));
    expect(statusOf(answer)).toBe(101);
  });

  test('whose client writes to a closed socket ends no process', async () => {
    deed = (message, socket) => (setTimeout(() => socket.resetAndDestroy(), 5), switching(message));
    const clients = Array.from({ length: 30 }, () => new Conversation(ground.port).send(handshake('/quick/x', bearer)));
    const writing = setInterval(() => clients.forEach((client) => client.send('x'.repeat(10_000))), 2);
    await Promise.all(clients.map((client) => client.rest()));
    clearInterval(writing);
    // Clients that leave while the upstream waits do not end it either.
    deed = () => undefined;
    const leaving = Array.from({ length: 30 }, () => new Conversation(ground.port).send(handshake('/quick/x', bearer)));
    await new Promise((done) => setTimeout(done, 200));
    for (const client of leaving) client.reset();
    expect(statusOf(await attempt(says('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')))).toBe(403);
    // `close` of the harness fails if the process has died or met a bug.
  });

  test('twin: that switches as asked is connected, and its first bytes arrive', async () => {
    deed = (message, socket) => (setTimeout(() => socket.end('bye', 'latin1'), 100), `${switching(message)}hello`);
    const answer = await shakeHands(ground.port, '/quick/x', bearer);
    expect(statusOf(answer)).toBe(101);
    expect(answer).toMatch(/\r\n\r\nhellobye$/);
  });
});
