/** The calls of the gateway itself, to introspection and key sets, contain nothing of the client's message. */
import { statusOf } from '../../support/ask.js';
import {
  attentiveUpstream,
  CLIENT_SECRET,
  closeGrounds,
  openGround,
  request,
  type Ground,
} from '../../support/attack-ground.js';
import { Conversation } from '../../support/conversation.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';
import { seconds } from '../../support/token-issuer.js';

let endpoint: Awaited<ReturnType<typeof attentiveUpstream>>;
let ground: Ground;
beforeAll(async () => {
  endpoint = await attentiveUpstream(() => {
    const body = JSON.stringify({ active: true, sub: 'bob', username: 'bob', exp: seconds() + 600 });
    return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  });
  const asked = `introspection_url: "http://127.0.0.1:${endpoint.port}/introspect"`;
  ground = await openGround({
    replaceAuth: true,
    auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks" }
    oauth: { ${asked}, client_id: loom, client_secret: ${CLIENT_SECRET}, claims_to_headers: { username: X-Account } }`,
    replaceRoutes: true,
    routes: `
  - { id: oauth, path: /oauth/*, upstream: backend, auth: { oauth: true } }
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }`,
  });
});
afterAll(closeGrounds);
afterAll(() => endpoint.close());

let serial = 0;
const fresh = (): string => `opaque-${serial++}`;

/** The one side call, byte for byte the same for any client. */
function sideCall(token: string): Message {
  const [call, ...more] = endpoint.arrived();
  if (!call) throw new Error('there was no side call');
  expect(more).toEqual([]);
  const body = `token=${token}`;
  expect([call.method, call.target, call.body]).toEqual(['POST', '/introspect', body]);
  expect(valuesOf(call, 'content-length')).toEqual([String(body.length)]);
  expect(valuesOf(call, 'transfer-encoding')).toEqual([]);
  expect(valuesOf(call, 'host')).toEqual([`127.0.0.1:${endpoint.port}`]);
  const basic = Buffer.from(`loom:${CLIENT_SECRET}`).toString('base64');
  expect(valuesOf(call, 'authorization')).toEqual([`Basic ${basic}`]);
  return call;
}

const LINES = [
  'X-Mark: MARK',
  'Cookie: session=MARK',
  'User-Agent: MARK',
  'Accept: MARK/MARK',
  'Accept-Language: MARK',
  'Referer: http://MARK/',
  'X-Forwarded-For: 6.6.6.6',
  'X-Account: MARK',
  'X-HTTP-Method-Override: MARK',
  'Content-Type: text/MARK',
  'TE: trailers',
  'Proxy-Authorization: Basic MARK',
];

describe('HDR-28 a side call', () => {
  test.each([
    ['a length', ['Content-Length: 4'], 'MARK'],
    ['chunks', ['Transfer-Encoding: chunked', 'Trailer: X-Sum'], '4\r\nMARK\r\n0\r\nX-Sum: MARK\r\n\r\n'],
    ['an expectation', ['Content-Length: 4', 'Expect: 100-continue'], 'MARK'],
    ['an encoding', ['Content-Length: 4', 'Content-Encoding: gzip', 'Accept-Encoding: MARK'], 'MARK'],
    [
      'options of the connection',
      ['Content-Length: 4', 'Connection: close, X-Mark, Keep-Alive', 'Keep-Alive: MARK'],
      'MARK',
    ],
    ['a body that looks like a request', ['Content-Length: 36'], 'GET /MARK HTTP/1.1\r\nHost: MARK\r\n\r\n  '],
    ['a range and conditions', ['Content-Length: 4', 'Range: bytes=0-1', 'If-None-Match: "MARK"'], 'MARK'],
  ])('contains nothing of a request with %s', async (_what, lines, body) => {
    const token = fresh();
    const bytes = request(
      'POST',
      '/oauth/MARK?MARK=MARK',
      [`Authorization: Bearer ${token}`, ...LINES, ...lines],
      body,
    );
    const client = new Conversation(ground.port).send(bytes);
    expect((await client.reply())?.status).toBe(200);
    client.close();
    const call = sideCall(token);
    expect(call.raw).not.toMatch(/MARK|6\.6\.6\.6/);
    for (const name of ['Expect', 'Cookie', 'TE', 'Trailer', 'X-Forwarded-For', 'Range', 'Content-Encoding']) {
      expect(lookalikesOf(call, name)).toEqual([]);
    }
    const [message] = ground.arrived();
    expect(message && lookalikesOf(message, 'X-Account')).toEqual([['x-account', 'bob']]);
  });

  test('contains nothing of a handshake', async () => {
    const token = fresh();
    const bytes = handshake('/oauth/MARK', `Authorization: Bearer ${token}`, ...LINES, 'Sec-WebSocket-Protocol: MARK');
    expect(statusOf(await ground.send(bytes))).toBe(101);
    expect(sideCall(token).raw).not.toMatch(/MARK|6\.6\.6\.6|upgrade|websocket/i);
    expect(ground.arrived()).toHaveLength(1);
  });

  test('contains the token as one form value, for any token', async () => {
    const token = `a+b/c~d-e_f.${serial++}==`;
    const bytes = request('GET', '/oauth/x', [`Authorization: Bearer ${token}`]);
    expect(statusOf(await ground.send(bytes))).toBe(200);
    const [call] = endpoint.arrived();
    expect(new URLSearchParams(call?.body).getAll('token')).toEqual([token]);
    expect(ground.arrived()).toHaveLength(1);
  });

  test.each(['a&client_id=evil', 'a b', 'a%26x', 'a\tb', 'a=b&c', 'a;b', '"a"'])(
    'is not made for an invalid token: %s',
    async (token) => {
      const bytes = request('GET', '/oauth/x', [`Authorization: Bearer ${token}`]);
      expect(statusOf(await ground.send(bytes))).toBe(401);
      expect([endpoint.arrived(), ground.arrived()]).toEqual([[], []]);
    },
  );

  test('for keys contains nothing of the client either', async () => {
    const token = await ground.issuer.token();
    const lines = [`Authorization: Bearer ${token}`, ...LINES, 'Content-Length: 4'];
    expect(statusOf(await ground.send(request('POST', '/internal/x', lines, 'MARK')))).toBe(200);
    expect(ground.issuer.asked.length).toBeGreaterThan(0);
    for (const { method, headers, body } of ground.issuer.asked) {
      expect([method, body]).toEqual(['GET', '']);
      expect(JSON.stringify(headers)).not.toMatch(/MARK|6\.6\.6\.6|bearer/i);
    }
    expect(ground.arrived()).toHaveLength(1);
  });

  test('twin: the client’s own message goes to the upstream with its body', async () => {
    const lines = [`Authorization: Bearer ${fresh()}`, 'X-Mark: MARK', 'Content-Length: 4'];
    expect(statusOf(await ground.send(request('POST', '/oauth/x', lines, 'MARK')))).toBe(200);
    const [message] = ground.arrived();
    expect([message?.body, message && valuesOf(message, 'x-mark')]).toEqual(['MARK', ['MARK']]);
  });
});
