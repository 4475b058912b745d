/** Which credentials reach the upstream: only those that the file forwards, in any spelling and place. */
import { statusOf } from '../../support/ask.js';
import { ADMIN_BASIC, closeGrounds, get, KEY, openGround, request, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf, valuesOf, type Message } from '../../support/messages.js';

const BASIC = `Authorization: ${ADMIN_BASIC.Authorization}`;

let ground: Ground;
let token: string;
beforeAll(async () => {
  ground = await openGround({
    routes: '  - { id: four, path: /four/*, upstream: backend, auth: { methods: [jwt, api_key, basic, oauth] } }',
  });
  token = await ground.issuer.token({ sub: 'alice' });
  ground.secrets.push(token);
});
afterAll(closeGrounds);

async function upstream(bytes: string, status = 200): Promise<Message> {
  expect(statusOf(await ground.send(bytes))).toBe(status);
  const [message, ...more] = ground.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  return message;
}

describe('HDR-18 a credential that granted', () => {
  test('is not forwarded as a key in the header', async () => {
    const message = await upstream(get('/api/v1/x', `x-api-KEY: ${KEY}`, 'X_API_Key: other', 'x.api.key: other'));
    expect(lookalikesOf(message, 'X-API-Key')).toEqual([]);
    expect(message.raw).not.toContain(KEY);
  });

  test.each([
    [`?api_key=${KEY}`, ''],
    [`?a=1&api_key=${KEY}&b=2`, '?a=1&b=2'],
    [`?b=2&api%5fkey=${KEY}&a=1&b=3`, '?b=2&a=1&b=3'],
    [`?%61pi_ke%79=${KEY}&x`, '?x'],
    [
      `?a=%20+%2F&api_key=${[...KEY].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('')}&=&&c`,
      '?a=%20+%2F&=&&c',
    ],
    [`?API_KEY=mine&api_key=${KEY}&api_keys=mine`, '?API_KEY=mine&api_keys=mine'],
  ])('leaves the query %s, and the rest of the query is unchanged', async (query, left) => {
    const message = await upstream(get(`/api/v1/x${query}`));
    expect(message.target).toBe(`/api/v1/x${left}`);
    expect(message.raw).not.toContain(KEY);
    expect(lookalikesOf(message, 'X-Key-Name')).toEqual([['x-key-name', 'alice']]);
  });

  test.each(['/ops/x', '/four/x'])('is not forwarded as Basic, at %s', async (path) => {
    const message = await upstream(get(path, BASIC));
    expect(valuesOf(message, 'authorization')).toEqual([]);
    expect(lookalikesOf(message, 'X-Operator')).toEqual([['x-operator', 'admin']]);
  });

  test('is forwarded without any other credential that did not grant', async () => {
    const lines = [`Authorization: Bearer ${token}`, `X-API-Key: ${KEY}`];
    const message = await upstream(get('/internal/x?api_key=other', ...lines));
    expect(valuesOf(message, 'authorization')).toEqual([`Bearer ${token}`]);
    expect(lookalikesOf(message, 'X-API-Key')).toEqual([]);
    expect(message.target).toBe('/internal/x');
  });

  test.each([
    ['a key', [`X-API-Key: ${KEY}`], ''],
    ['a key that is wrong', ['X-API-Key: nobody'], ''],
    ['a key in the query', [], `?api_key=${KEY}`],
    ['Basic', [BASIC], ''],
    ['Basic that is wrong', ['authorization: basic x'], ''],
    ['a token', [`Authorization: Bearer TOKEN`], ''],
    ['a token twice', [`Authorization: Bearer TOKEN`, `Authorization: bearer TOKEN`], ''],
  ])('or did not, is not forwarded on an open route: %s', async (_what, lines, query) => {
    const filled = lines.map((line) => line.replace('TOKEN', token));
    for (const bytes of [get(`/public/x${query}`, ...filled), request('DELETE', `/public/x${query}`, filled)]) {
      const message = await upstream(bytes);
      expect([message.target, valuesOf(message, 'authorization')]).toEqual(['/public/x', []]);
      expect(lookalikesOf(message, 'X-API-Key')).toEqual([]);
    }
    const socket = await upstream(handshake(`/public/x${query}`, ...filled), 101);
    expect([socket.target, valuesOf(socket, 'authorization')]).toEqual(['/public/x', []]);
  });

  test('is not forwarded as a subprotocol, and neither is its marker', async () => {
    const lists = [
      `bearer, ${token}, chat`,
      `chat, bearer, ${token}`,
      `bearer,,${token}, chat`,
      `Bearer , ${token},chat`,
    ];
    for (const list of lists) {
      const message = await upstream(handshake('/public/x', `Sec-WebSocket-Protocol: ${list}`), 101);
      expect(valuesOf(message, 'sec-websocket-protocol')).toEqual(['chat']);
    }
    const message = await upstream(handshake('/internal/x', `Sec-WebSocket-Protocol: bearer, ${token}, chat`), 101);
    expect(valuesOf(message, 'sec-websocket-protocol')).toEqual(['chat']);
    expect(message.raw).not.toContain(token);
  });

  test('twin: a bearer token is forwarded, and so are fields that are not credentials here', async () => {
    const lines = [`Authorization: Bearer ${token}`, 'Cookie: session=mine', 'X-API-Version: 2'];
    const message = await upstream(get('/internal/x?api=1', ...lines));
    expect(valuesOf(message, 'authorization')).toEqual([`Bearer ${token}`]);
    expect(valuesOf(message, 'cookie')).toEqual(['session=mine']);
    expect(valuesOf(message, 'x-api-version')).toEqual(['2']);
    expect(message.target).toBe('/internal/x?api=1');
  });
});

describe('HDR-18 forward_credentials', () => {
  test('twin: forwards exactly what the file says', async () => {
    const own = await openGround({
      replaceAuth: true,
      auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", forward_credentials: false }
    api_key: { query_param: api_key, forward_credentials: true, keys: [{ key: ${KEY}, name: alice }] }`,
      replaceRoutes: true,
      routes: `
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: any, path: /any/*, upstream: backend, auth: { methods: [jwt, api_key] } }`,
    });
    const bearer = `Authorization: Bearer ${await own.issuer.token()}`;
    const sent = async (target: string, ...lines: string[]): Promise<unknown> => {
      expect(statusOf(await own.send(get(target, ...lines)))).toBe(200);
      return own.arrived().map((each) => [each.target, valuesOf(each, 'authorization'), valuesOf(each, 'x-api-key')]);
    };
    expect(await sent('/any/x', bearer, `X-API-Key: ${KEY}`)).toEqual([['/any/x', [], []]]);
    expect(await sent('/any/x', `X-API-Key: ${KEY}`)).toEqual([['/any/x', [], [KEY]]]);
    expect(await sent('/public/x', bearer, `X-API-Key: ${KEY}`)).toEqual([['/public/x', [], []]]);
    // A credential from a query is never forwarded, whatever the file says.
    expect(await sent(`/any/x?api_key=${KEY}`)).toEqual([['/any/x', [], []]]);
  });
});

describe('HDR-22 an upstream that authenticates the connection and not the request', () => {
  test.each(['NTLM TlRMTVNTUAADAAAA', 'ntlm x', 'Negotiate YIIabc', 'NEGOTIATE', 'NTLM\tx', 'Negotiate,x', 'NTLM'])(
    'does not receive the client’s: %s',
    async (value) => {
      for (const path of ['/public/x', '/optional/x']) {
        const answer = statusOf(await ground.send(get(path, `Authorization: ${value}`)));
        expect([200, 401]).toContain(answer);
        for (const message of ground.arrived()) expect(valuesOf(message, 'authorization')).toEqual([]);
      }
      const socket = statusOf(await ground.send(handshake('/public/x', `Authorization: ${value}`)));
      expect(socket).toBe(101);
      for (const message of ground.arrived()) expect(valuesOf(message, 'authorization')).toEqual([]);
    },
  );

  test('so that on a pooled connection no request gets the user before it', async () => {
    const known = new WeakMap<object, string>();
    const own = await openGround({
      answer: (message, socket) => {
        const [said] = valuesOf(message, 'authorization');
        if (said?.startsWith('NTLM ')) known.set(socket, said);
        const text = known.get(socket) ?? 'nobody';
        return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
      },
    });
    expect(await own.send(get('/public/x', 'Authorization: NTLM alice'))).toMatch(/nobody$/);
    expect(await own.send(get('/public/x'))).toMatch(/nobody$/);
    // Both requests used one connection.
    expect(own.received()).toHaveLength(1);
  });

  test.each(['Digest username="a"', 'NTLMv9 x', 'Negotiated x', 'AWS4-HMAC-SHA256 Credential=a'])(
    'twin: other schemes are forwarded to the upstream: %s',
    async (value) => {
      const message = await upstream(get('/public/x', `Authorization: ${value}`));
      expect(valuesOf(message, 'authorization')).toEqual([value]);
    },
  );
});
