/**
 * Upgrades are authenticated like requests: no path opens without its requirement, and a handshake cannot forge an
 * identity.
 */
import { ADMIN_BASIC, ALICE_KEY, closeGrounds, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { handshake, shakeHands } from '../../support/handshake.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';

const NAMES = ['X-User-ID', 'X-User-Email', 'X-User-Scopes', 'X-Key-Name', 'X-Operator', 'X-Account'];
const FORGED = NAMES.flatMap((name) => [`${name}: admin`, `${name.replaceAll('-', '_')}: admin`]);

let ground: Ground;
let token: string;
let bearer: string;
beforeAll(async () => {
  ground = await openGround();
  token = await ground.issuer.token({ sub: 'alice', email: 'alice@example.com' });
  bearer = `Authorization: Bearer ${token}`;
  ground.secrets.push(token);
});
afterAll(closeGrounds);

describe('UPG-02 a handshake without what its path requires', () => {
  const paths = ['/internal/x', '/internal', '/api/v1/x', '/ops/x', '/oauth/x', '/any/x', '/all/x'];

  test.each(paths)('gets 401 and the end of its connection at %s', async (path) => {
    for (const lines of [
      [],
      [...FORGED],
      ['Authorization: Bearer nonsense'],
      ['Authorization: Basic bm9ib2R5OmF0LWFsbA=='],
      ['X-API-Key: nobody'],
      ['Sec-WebSocket-Protocol: chat'],
      ['Sec-WebSocket-Protocol: bearer, nonsense'],
      ['Origin: http://x', 'Cookie: session=admin'],
    ]) {
      if (path === '/oauth/x' && lines.join().includes('nonsense')) continue;
      // Resolves when the socket has closed.
      const answer = await shakeHands(ground.port, path, ...lines);
      expect(statusOf(answer)).toBe(401);
      expect(answer).toMatch(/^www-authenticate: /im);
    }
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['the key of another method', '/internal/x', `X-API-Key: ${KEY}`],
    ['the token of another method', '/api/v1/x', 'TOKEN'],
    ['one of two', '/all/x', 'TOKEN'],
    ['only one of two', '/all/x', `X-API-Key: ${KEY}`],
  ])('is refused with %s', async (_what, path, line) => {
    expect(statusOf(await shakeHands(ground.port, path, line === 'TOKEN' ? bearer : line))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test.each(['/unknown', '/', '/internalx', '/INTERNAL/x', '/api/v2', '/internal%2e', '/public;/x'])(
    'gets 404 and the end of its connection at %s, with a token or without',
    async (path) => {
      expect(statusOf(await shakeHands(ground.port, path))).toBe(404);
      expect(statusOf(await shakeHands(ground.port, path, bearer))).toBe(404);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test.each([
    '/public/../internal/x',
    '/public/%2e%2e/internal/x',
    '//internal/x',
    '/internal%2fx',
    '/internal;/x',
    '/a#b',
  ])('gets 400 at %s', async (path) => {
    expect(statusOf(await shakeHands(ground.port, path))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['/internal/x', () => bearer],
    ['/internal/x', () => `Sec-WebSocket-Protocol: bearer, ${token}`],
    ['/api/v1/x', () => `X-API-Key: ${ALICE_KEY['X-API-Key']}`],
    ['/ops/x', () => `Authorization: ${ADMIN_BASIC.Authorization}`],
    ['/oauth/x', () => 'Authorization: Bearer opaque'],
    ['/any/x', () => bearer],
    ['/all/x', () => `${bearer}\r\nX-API-Key: ${KEY}`],
    ['/public/x', () => 'X-Nothing: needed'],
    ['/optional/x', () => 'X-Nothing: needed'],
  ])('twin: with it the socket opens at %s', async (path, line) => {
    expect(statusOf(await ground.send(handshake(path, line())))).toBe(101);
    expect(ground.arrived().map(({ target }) => target)).toEqual([path]);
  });
});

describe('UPG-03 identity headers on a handshake', () => {
  async function upstream(path: string, ...lines: readonly string[]): Promise<Message> {
    expect(statusOf(await ground.send(handshake(path, ...lines)))).toBe(101);
    const [message, ...more] = ground.arrived();
    if (!message) throw new Error('nothing arrived');
    expect(more).toEqual([]);
    return message;
  }

  const identity = (message: Message): string[] =>
    NAMES.flatMap((name) => lookalikesOf(message, name).map((field) => field.join(': ')));

  const ALICE = ['x-user-id: alice', 'x-user-email: alice@example.com'];

  test.each([
    ['an open route', '/public/x', [], []],
    ['an optional route without a token', '/optional/x', [], []],
    ['an optional route', '/optional/x', ['TOKEN'], ALICE],
    ['a guarded route', '/internal/x', ['TOKEN'], ALICE],
    ['a guarded route, the token as a subprotocol', '/internal/x', ['PROTOCOL'], ALICE],
    ['a route of another method', '/api/v1/x', [`X-API-Key: ${KEY}`], ['x-key-name: alice']],
    ['a route of two methods', '/all/x', ['TOKEN', `X-API-Key: ${KEY}`], [...ALICE, 'x-key-name: alice']],
  ])('are set only by the gateway on %s', async (_where, path, lines, expected) => {
    const filled = lines.map((line) =>
      line === 'TOKEN' ? bearer : line === 'PROTOCOL' ? `Sec-WebSocket-Protocol: chat, bearer, ${token}` : line,
    );
    for (const forged of [FORGED, [...FORGED].reverse()]) {
      expect(identity(await upstream(path, ...forged, ...filled, ...forged))).toEqual(expected);
    }
  });

  test.each([
    ['a token without an email', { email: undefined }, ['x-user-id: alice']],
    ['an email that HTTP cannot carry', { email: 'a\r\nX-Admin: 1' }, ['x-user-id: alice']],
    ['a name beyond ASCII', { sub: '日本', email: undefined }, ['x-user-id: %E6%97%A5%E6%9C%AC']],
  ])('follow the claims with %s', async (_what, claims, expected) => {
    const own = await ground.issuer.token({ sub: 'alice', ...claims });
    expect(identity(await upstream('/internal/x', `Authorization: Bearer ${own}`, ...FORGED))).toEqual(expected);
  });

  test.each([
    'Connection: X-User-ID',
    'Connection: keep-alive, x-user-id, X_User_Email',
    'Connection: Upgrade, X-USER-ID',
    'Connection: X-Forwarded-For, X-Real-IP',
  ])('are kept whatever the handshake lists in Connection: %s', async (line) => {
    const bytes = handshake('/internal/x', line, bearer, ...FORGED);
    expect(statusOf(await ground.send(bytes))).toBe(101);
    const [message] = ground.arrived();
    expect(message && identity(message)).toEqual(ALICE);
    expect(message && valuesOf(message, 'connection')).toEqual(['Upgrade']);
    expect(message && lookalikesOf(message, 'X-Forwarded-For')).toEqual([['x-forwarded-for', '127.0.0.1']]);
  });

  test.each([
    ...['Host', 'Authorization', 'Cookie', 'X-API-Key', 'Content-Length'],
    ...['Sec-WebSocket-Protocol', 'Sec-WebSocket-Key', 'sec_websocket_version'],
  ])('and Connection cannot list %s', async (name) => {
    expect(statusOf(await shakeHands(ground.port, '/internal/x', `Connection: ${name}`, bearer))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test('with hop-by-hop fields and claims about the client, which are dropped', async () => {
    const lines = ['Keep-Alive: 5', 'Proxy-Authorization: Basic x', 'TE: trailers', 'X-Forwarded-For: 6.6.6.6'];
    const message = await upstream('/internal/x', bearer, ...lines, 'X-Original-URL: /admin', 'Trailer: X-User-ID');
    for (const name of ['Keep-Alive', 'Proxy-Authorization', 'TE', 'X-Original-URL', 'Trailer'])
      expect(lookalikesOf(message, name)).toEqual([]);
    expect(message.raw).not.toContain('6.6.6.6');
  });

  test('twin: the client’s own fields are forwarded', async () => {
    const lines = ['Sec-WebSocket-Extensions: permessage-deflate', 'Origin: http://x', 'X-Tag: kept', 'User-Agent: me'];
    const message = await upstream('/internal/x', bearer, ...lines);
    for (const line of lines) {
      const [name = '', value] = line.split(': ');
      expect(valuesOf(message, name)).toEqual([value]);
    }
    expect([valuesOf(message, 'upgrade'), valuesOf(message, 'connection')]).toEqual([['websocket'], ['Upgrade']]);
  });
});
