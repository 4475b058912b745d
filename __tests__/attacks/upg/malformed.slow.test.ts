/** Invalid handshakes: refused with their own status, the connection closed, and never a tunnel. */
import { connect } from 'node:tls';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, openGround, type Ground } from '../../support/attack-ground.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { Conversation } from '../../support/conversation.js';
import { handshake } from '../../support/handshake.js';

let certificates: Certificates;
let ground: Ground;
let bearer: string;
beforeAll(async () => {
  certificates = await makeCertificates();
  const { cert, key } = certificates.server;
  ground = await openGround({
    listeners: `  - { name: tls, address: "127.0.0.1:PORT2", protocol: https, tls: { cert_file: ${cert}, key_file: ${key} } }`,
  });
  bearer = `Authorization: Bearer ${await ground.issuer.token()}`;
});
afterAll(closeGrounds);
afterAll(() => certificates.remove());

/** A good handshake with one text replaced. */
const but = (path: string, from: string | RegExp, to: string, ...lines: string[]): string =>
  handshake(path, bearer, ...lines).replace(from, () => to);

const VERSION = /Sec-WebSocket-Version: 13/;
const NONCE = /Sec-WebSocket-Key: .*/;
const REQUEST_AFTER = 'GET /internal/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

const CASES: [string, (path: string) => string, number][] = [
  ['POST', (path) => but(path, 'GET', 'POST'), 400],
  ['HEAD', (path) => but(path, 'GET', 'HEAD'), 400],
  ['OPTIONS', (path) => but(path, 'GET', 'OPTIONS'), 400],
  ['DELETE', (path) => but(path, 'GET', 'DELETE'), 400],
  ['HTTP/1.0', (path) => but(path, 'HTTP/1.1', 'HTTP/1.0'), 400],
  ['a body', (path) => `${handshake(path, bearer, 'Content-Length: 5')}hello`, 400],
  [
    'a body that is a request',
    (path) => `${handshake(path, bearer, `Content-Length: ${REQUEST_AFTER.length}`)}${REQUEST_AFTER}`,
    400,
  ],
  ['chunks', (path) => `${handshake(path, bearer, 'Transfer-Encoding: chunked')}0\r\n\r\n`, 400],
  [
    'chunks and a length',
    (path) => `${handshake(path, bearer, 'Transfer-Encoding: chunked', 'Content-Length: 0')}0\r\n\r\n`,
    400,
  ],
  ['an encoding by another name', (path) => handshake(path, bearer, 'Transfer_Encoding: chunked'), 400],
  ['a length twice', (path) => handshake(path, bearer, 'Content-Length: 0', 'Content-Length: 0'), 400],
  ['version 12', (path) => but(path, VERSION, 'Sec-WebSocket-Version: 12'), 426],
  ['version 8', (path) => but(path, VERSION, 'Sec-WebSocket-Version: 8'), 426],
  ['version 013', (path) => but(path, VERSION, 'Sec-WebSocket-Version: 013'), 426],
  ['version 13, 8', (path) => but(path, VERSION, 'Sec-WebSocket-Version: 13, 8'), 426],
  ['two versions', (path) => handshake(path, bearer, 'Sec-WebSocket-Version: 13'), 426],
  ['no version', (path) => but(path, VERSION, 'X-A: b'), 426],
  ['the nonce of another protocol', (path) => but(path, 'Sec-WebSocket-Key:', 'Sec-WebSocket-Key1:'), 400],
  ['no nonce', (path) => but(path, NONCE, 'X-A: b'), 400],
  ['two nonces', (path) => handshake(path, bearer, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='), 400],
  ['an empty nonce', (path) => but(path, NONCE, 'Sec-WebSocket-Key:'), 400],
  ['a short nonce', (path) => but(path, NONCE, 'Sec-WebSocket-Key: c2hvcnQ='), 400],
  ['a long nonce', (path) => but(path, NONCE, `Sec-WebSocket-Key: ${'A'.repeat(24)}`), 400],
  ['a nonce with unused bits set', (path) => but(path, NONCE, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=='), 400],
  ['a nonce that is not base64', (path) => but(path, NONCE, 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=='), 400],
  ['two hosts', (path) => handshake(path, bearer, 'Host: y'), 400],
];

/** `Upgrade` names something else than WebSocket alone, as Java's HttpClient does. */
const IGNORED: readonly (readonly [string, (path: string, ...more: string[]) => string])[] = [
  [
    'two protocols',
    (path, ...more) => handshake(path, ...more).replace('Upgrade: websocket', 'Upgrade: websocket, h2c'),
  ],
  ['two protocols in two lines', (path, ...more) => handshake(path, ...more, 'Upgrade: h2c')],
  ['the same in two lines', (path, ...more) => handshake(path, ...more, 'Upgrade: websocket')],
  [
    'another protocol',
    (path, ...more) =>
      handshake(path, ...more, 'HTTP2-Settings: AAMAAABkAAQAAP__')
        .replace('Upgrade: websocket', 'Upgrade: h2c')
        .replace('Connection: Upgrade', 'Connection: Upgrade, HTTP2-Settings'),
  ],
  ['a version', (path, ...more) => handshake(path, ...more).replace('Upgrade: websocket', 'Upgrade: websocket/13')],
  ['brackets', (path, ...more) => handshake(path, ...more).replace('Upgrade: websocket', 'Upgrade: "websocket"')],
  ['TLS in the middle', (path, ...more) => handshake(path, ...more).replace('Upgrade: websocket', 'Upgrade: TLS/1.2')],
];

describe('UPG-08 a malformed handshake', () => {
  test.each(CASES)('is refused: %s', async (_what, bytes, status) => {
    for (const path of ['/internal/x', '/public/x']) {
      const client = new Conversation(ground.port).send(bytes(path) + REQUEST_AFTER);
      const [answer, ...more] = await client.rest();
      // One response, the end of the connection, and nothing of the bytes after it.
      expect([answer?.status, more]).toEqual([status, []]);
      if (status === 426) expect(answer?.head).toMatch(/^Upgrade: websocket\r\n.*^Sec-WebSocket-Version: 13\r?$/ims);
      client.close();
    }
    expect(ground.arrived()).toEqual([]);
    expect(ground.received().join('')).not.toContain('smuggled');
  });

  test.each([
    'Connection: keep-alive',
    'Connection: close',
    'Connection: Upgraded',
    'Connection: "Upgrade"',
    'X-Connection: Upgrade',
  ])('is a plain request if Connection does not name it: %s', async (line) => {
    for (const path of ['/internal/x', '/public/x']) {
      const answer = await ground.send(but(path, 'Connection: Upgrade', line));
      expect(statusOf(answer)).toBe(200);
      const [message] = ground.arrived();
      expect(message?.raw).not.toMatch(/^upgrade:|^connection: .*upgrade/im);
    }
    const anonymous = handshake('/internal/x').replace('Connection: Upgrade', line);
    expect(statusOf(await ground.send(anonymous))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['CONNECT /internal/x HTTP/1.1', 'CONNECT x:443 HTTP/1.1', 'CONNECT 127.0.0.1:22 HTTP/1.1'])(
    'is no tunnel with another method: %s',
    async (line) => {
      const bytes = [line, 'Host: x', bearer, 'Sec-WebSocket-Version: 13', '', REQUEST_AFTER].join('\r\n');
      const client = new Conversation(ground.port).send(bytes);
      expect([400, 405]).toContain((await client.rest())[0]?.status);
      client.close();
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('as an extended CONNECT is refused too: HTTP/2 is not supported, and :protocol is not a field', async () => {
    const protocol = await new Promise((resolve, reject) => {
      const to = { port: ground.morePorts[0] as number, host: '127.0.0.1', rejectUnauthorized: false };
      const socket = connect({ ...to, ALPNProtocols: ['h2', 'http/1.1'] }, () => resolve(socket.alpnProtocol));
      socket.on('error', reject);
      socket.on('secureConnect', () => socket.destroy());
    });
    expect(protocol).toBe('http/1.1');
    expect(statusOf(await ground.send(handshake('/internal/x', bearer, ':protocol: websocket')))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    [
      'several options of the connection',
      (path: string) => but(path, 'Connection: Upgrade', 'Connection: keep-alive, Upgrade'),
    ],
    [
      'them in two lines',
      (path: string) => but(path, 'Connection: Upgrade', 'Connection: keep-alive\r\nConnection: UPGRADE'),
    ],
    ['another case', (path: string) => but(path, 'Upgrade: websocket', 'upgrade: WebSocket')],
    ['a length of nothing', (path: string) => handshake(path, bearer, 'Content-Length: 0')],
    ['frames behind it', (path: string) => `${handshake(path, bearer)}\x81\x00`],
  ])('twin: a good one opens with %s', async (_what, bytes) => {
    for (const path of ['/internal/x', '/public/x']) {
      expect(statusOf(await ground.send(bytes(path)))).toBe(101);
      expect(ground.arrived()).toHaveLength(1);
    }
  });
});

describe('G-28 an Upgrade to anything but WebSocket', () => {
  test.each(IGNORED)('is ignored, and the connection ends after the response: %s', async (_what, bytes) => {
    const next = 'GET /internal/next HTTP/1.1\r\nHost: gw\r\n\r\n';
    const client = new Conversation(ground.port).send(bytes('/internal/x', bearer) + next);
    const [answer, ...later] = await client.rest();
    expect([answer?.status, later]).toEqual([200, []]);
    expect(answer?.head).toMatch(/^connection: close\r?$/im);
    const [message, ...more] = ground.arrived();
    expect(more).toEqual([]);
    expect(message?.raw).not.toMatch(/^(?:upgrade|http2-settings):|^connection: .*(?:upgrade|http2)/im);
    expect(statusOf(await ground.send(bytes('/internal/x')))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test('with a body: the body is read, and what follows is a request of its own', async () => {
    const body = 'GET /internal/smuggled HTTP/1.1\r\nHost: gw\r\n\r\n';
    const head = handshake('/public/x', `Content-Length: ${body.length}`).replace('Upgrade: websocket', 'Upgrade: h2c');
    const answer = await ground.send(head.replace(/^GET/, 'POST') + body);
    expect([200, 404, 405]).toContain(statusOf(answer));
    expect(ground.arrived().map(({ target }) => target)).not.toContain('/internal/smuggled');
  });

  test('twin: a WebSocket is upgraded', async () => {
    expect(statusOf(await ground.send(handshake('/internal/x', bearer)))).toBe(101);
  });
});
