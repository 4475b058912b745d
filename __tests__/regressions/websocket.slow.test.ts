/** An unauthenticated WebSocket once bypassed every middleware. Now no byte of it reaches the upstream. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { loom } from '../../src/loom.js';
import { BOTH, type Gateway } from '../support/both-hosts.js';
import { askBytes, statusOf } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening, recordingUpstream, type Recording } from '../support/recording-upstream.js';
import { secretToken } from '../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';
const NONCE = 'dGhlIHNhbXBsZSBub25jZQ==';

const file = (upstream: number): string => `
middleware:
  auth:
    jwt: { algorithm: HS256, secret: "${SECRET}", claims_to_headers: { sub: X-User-ID } }
    api_key: { keys: [{ key: key-of-alice, name: alice }] }
routes:
  - { id: socket, path: /socket, upstream: backend, auth: { jwt: true, api_key: true, require_any: true } }
  - { id: open, path: /open, upstream: backend, auth: none }
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream}"] }
`;

const accept = createHash('sha1').update(`${NONCE}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const switching = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;

const SOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${NONCE}`,
];
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];

interface Knock {
  readonly line?: string;
  readonly fields?: readonly string[];
  readonly after?: string;
}

const bytesOf = ({ line = 'GET /socket HTTP/1.1', fields = SOCKET, after = '' }: Knock, ...more: string[]): string =>
  [line, 'Host: gw', ...fields, ...more, '', ''].join('\r\n') + after;

const replaced = (at: number, ...fields: string[]): string[] => [
  ...SOCKET.slice(0, at),
  ...fields,
  ...SOCKET.slice(at + 1),
];

/** Handshakes of RFC 6455. With a credential they open; without one they reach no upstream. */
const SOUND: readonly (readonly [string, Knock])[] = [
  ['a WebSocket', {}],
  ['Connection with other tokens', { fields: replaced(0, 'Connection: keep-alive, Upgrade') }],
  ['Connection in lower case', { fields: replaced(0, 'connection: upgrade') }],
  ['Connection twice', { fields: replaced(0, 'Connection: keep-alive', 'Connection: Upgrade') }],
  ['Upgrade in other case', { fields: replaced(1, 'UPGRADE: WebSocket') }],
  ['white space around tokens', { fields: replaced(0, 'Connection:\t Upgrade \t') }],
  ['a query', { line: 'GET /socket?x=1 HTTP/1.1' }],
  ['bytes before the answer', { after: '\x81\x85\x00\x00\x00\x00knock' }],
];

/** Not handshakes: with a credential they are at most an ordinary request, and most are refused. */
const UNSOUND: readonly (readonly [string, Knock])[] = [
  ['garbage', { fields: replaced(1, 'Upgrade: \x7f\xff') }],
  ['no version', { fields: replaced(2) }],
  ['version 8', { fields: replaced(2, 'Sec-WebSocket-Version: 8') }],
  ['versions 13 and 8', { fields: replaced(2, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 8') }],
  ['no nonce', { fields: replaced(3) }],
  ['a short nonce', { fields: replaced(3, 'Sec-WebSocket-Key: AAAA') }],
  ['two nonces', { fields: replaced(3, `Sec-WebSocket-Key: ${NONCE}`, `Sec-WebSocket-Key: ${NONCE}`) }],
  ['POST', { line: 'POST /socket HTTP/1.1' }],
  ['POST with a length', { line: 'POST /socket HTTP/1.1', fields: [...SOCKET, 'Content-Length: 4'], after: 'body' }],
  ['GET with a body', { fields: [...SOCKET, 'Content-Length: 4'], after: 'body' }],
  ['GET in chunks', { fields: [...SOCKET, 'Transfer-Encoding: chunked'], after: '4\r\nbody\r\n0\r\n\r\n' }],
  ['HEAD', { line: 'HEAD /socket HTTP/1.1' }],
  ['HTTP/1.0', { line: 'GET /socket HTTP/1.0' }],
  ['the preface of HTTP/2', { line: 'PRI * HTTP/2.0', fields: [], after: 'SM\r\n\r\n\0\0\0\x04\0\0\0\0\0' }],
  ['a path with dot segments', { line: 'GET /open/../socket HTTP/1.1' }],
  ['a path with escapes', { line: 'GET /%73ocket/%2e HTTP/1.1' }],
];

/**
 * Without its Connection or its Upgrade it is an ordinary request and authenticated as one. An Upgrade to anything but
 * WebSocket alone is ignored (RFC 9110 §7.8).
 */
const ORDINARY: readonly (readonly [string, Knock])[] = [
  ['h2c', { fields: H2C }],
  ['h2c over POST', { line: 'POST /socket HTTP/1.1', fields: [...H2C, 'Content-Length: 0'] }],
  ['h2c and websocket', { fields: replaced(1, 'Upgrade: h2c, websocket') }],
  ['websocket and h2c', { fields: replaced(1, 'Upgrade: websocket, h2c') }],
  ['websocket twice', { fields: replaced(1, 'Upgrade: websocket', 'Upgrade: websocket') }],
  ['websocket, then h2c', { fields: replaced(1, 'Upgrade: websocket', 'Upgrade: h2c') }],
  ['websocket with a version', { fields: replaced(1, 'Upgrade: websocket/13') }],
  ['TLS', { fields: replaced(1, 'Upgrade: TLS/1.0') }],
  ['a long token', { fields: replaced(1, `Upgrade: ${'x'.repeat(4_000)}`) }],
  ['a comma', { fields: replaced(1, 'Upgrade: ,') }],
  ['an empty Upgrade', { fields: replaced(1, 'Upgrade:') }],
  ['no Upgrade', { fields: replaced(1) }],
  ['no Connection', { fields: replaced(0, 'Connection: close') }],
];

describe.each(BOTH)('$name', ({ start }) => {
  let upstream: Recording;
  let gateway: Gateway;
  let credential: string;

  beforeEach(async () => {
    credential = `Authorization: Bearer ${await secretToken(SECRET)}`;
    upstream = await recordingUpstream((received) => {
      if (!received.includes('\r\n\r\n')) return undefined;
      return /^upgrade:/im.test(received)
        ? switching
        : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
    });
    gateway = await start(file(upstream.port));
  });
  afterEach(async () => {
    await gateway.close();
    await upstream.close();
  });

  test.each(SOUND)('%s without a credential: 401, and no connection to the upstream', async (_what, knock) => {
    for (const wrong of [
      [],
      ['X-API-Key: wrong'],
      ['Authorization: Bearer x.y.'],
      ['Sec-WebSocket-Protocol: bearer, x'],
    ])
      expect(statusOf(await askBytes(gateway.port, bytesOf(knock, ...wrong)))).toBe(401);
    expect(upstream.received).toEqual([]);
    expect(await askBytes(gateway.port, bytesOf(knock, credential))).toMatch(/^HTTP\/1\.1 101 /);
    expect(upstream.received).toHaveLength(1);
    expect(upstream.received[0]).toMatch(/\r\nX-User-ID: ada\r\n/i);
  });

  test.each(UNSOUND)('%s reaches no upstream, with or without a credential', async (_what, knock) => {
    const statuses = [
      statusOf(await askBytes(gateway.port, bytesOf(knock))),
      statusOf(await askBytes(gateway.port, bytesOf(knock, credential))),
    ];
    for (const status of statuses) expect([400, 401, 404, 405, 426]).toContain(status);
    expect(upstream.received).toEqual([]);
    expect(await askBytes(gateway.port, bytesOf({}, credential))).toMatch(/^HTTP\/1\.1 101 /);
  });

  test.each(ORDINARY)('%s is treated as an ordinary request', async (_what, knock) => {
    expect(statusOf(await askBytes(gateway.port, bytesOf(knock)))).toBe(401);
    expect(upstream.received).toEqual([]);
    expect(statusOf(await askBytes(gateway.port, bytesOf(knock, credential)))).toBe(200);
    expect(upstream.received[0]).not.toMatch(/^(upgrade|http2-settings|connection: *upgrade)/im);
  });

  test.each(['gw:80', '/socket'])('CONNECT %s reaches no upstream', async (target) => {
    const line = `CONNECT ${target} HTTP/1.1`;
    for (const more of [[], [credential]]) {
      // A node:http server without a CONNECT listener ends the connection itself, which is status 0 here.
      expect([0, 400, 405]).toContain(statusOf(await askBytes(gateway.port, bytesOf({ line }, ...more))));
    }
    expect(upstream.received).toEqual([]);
    expect(await askBytes(gateway.port, bytesOf({}, credential))).toMatch(/^HTTP\/1\.1 101 /);
  });

  test('an open route upgrades a WebSocket alone', async () => {
    const line = 'GET /open HTTP/1.1';
    expect(statusOf(await askBytes(gateway.port, bytesOf({ line, fields: H2C })))).toBe(200);
    expect(await askBytes(gateway.port, bytesOf({ line }))).toMatch(/^HTTP\/1\.1 101 /);
    for (const received of upstream.received) expect(received).not.toMatch(/^x-user-id/im);
  });

  test('bytes after a refused handshake on its connection are not a request', async () => {
    const after = 'GET /open HTTP/1.1\r\nHost: gw\r\n\r\n';
    const answer = await whole(gateway.port, bytesOf({ after }));
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(statusOf(answer)).toBe(401);
    expect(upstream.received).toEqual([]);
    expect(statusOf(await askBytes(gateway.port, after))).toBe(200);
  });
});

describe.each(BOTH)('$name before an upstream that does not switch', ({ start }) => {
  test.each(['200 OK', '426 Upgrade Required', '400 Bad Request'])(
    'on its %s the bytes of a tunnel never become a second request',
    async (line) => {
      const upstream = await recordingUpstream((received) =>
        received.includes('\r\n\r\n') ? `HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\nno` : undefined,
      );
      const gateway = await start(file(upstream.port));
      const credential = `Authorization: Bearer ${await secretToken(SECRET)}`;
      const after = 'GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n';
      const answer = await whole(gateway.port, bytesOf({ after }, credential));
      expect(statusOf(answer)).not.toBe(101);
      expect(upstream.received).toHaveLength(1);
      expect(upstream.received.join('')).not.toContain('smuggled');
      await gateway.close();
      await upstream.close();
    },
  );
});

test('a node:http server without an attached loom() accepts no handshake', async () => {
  const upstream = await recordingUpstream((received) =>
    received.includes('\r\n\r\n') ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok' : undefined,
  );
  const gate = loom({ text: file(upstream.port), file: 'loom.yaml' }, { log: quietLog() });
  const server = createServer((req, res) => gate(req, res, () => res.end()));
  const port = await listening(server);
  expect(statusOf(await askBytes(port, bytesOf({})))).toBe(401);
  expect(upstream.received).toEqual([]);
  const credential = `Authorization: Bearer ${await secretToken(SECRET)}`;
  expect(statusOf(await askBytes(port, bytesOf({}, credential)))).not.toBe(101);
  expect(upstream.received.join('')).not.toMatch(/^upgrade:/im);
  server.closeAllConnections();
  await closed(server);
  await gate.close();
  await upstream.close();
});

/** Reads everything until the server ends the connection. */
function whole(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}
