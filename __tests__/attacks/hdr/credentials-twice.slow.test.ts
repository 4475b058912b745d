/**
 * Two credentials in one request. A gateway that checks the first and an upstream that reads the last would disagree
 * about the caller.
 */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { handshake } from '../../support/handshake.js';
import { lookalikesOf } from '../../support/messages.js';

const encoded = (pair: string): string => Buffer.from(pair).toString('base64');
const PLACES = 'query_param: token, cookie: session';

let ground: Ground;
let good: string;
let evil: string;
beforeAll(async () => {
  const jwt = `issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", ${PLACES}`;
  ground = await openGround({
    replaceAuth: true,
    auth: `
    jwt: { ${jwt}, claims_to_headers: { sub: X-User-ID } }
    api_key: { query_param: api_key, keys: [{ key: ${KEY}, name: alice }, { key: other-key-of-mallory, name: mallory }] }
    basic: { users: [{ username: admin, password_hash: "$2b$04$Vj3qNBTYSh5YzK0YBY0T5eDvW1wVZzyqvpjAg5RV5lVG6FfPvX3Ca" }] }
    oauth: { introspection_url: "INTROSPECTION/introspect", client_id: loom, client_secret: client-secret-of-the-ground }`,
  });
  good = await ground.issuer.token({ sub: 'alice' });
  evil = await ground.issuer.token({ sub: 'mallory' });
  ground.secrets.push(good, evil);
});
afterAll(closeGrounds);

/** GOOD and EVIL are replaced by tokens that both verify. */
const fill = (text: string): string => text.replaceAll('GOOD', good).replaceAll('EVIL', evil);

describe('HDR-17 two credentials', () => {
  const requests: [string, string, readonly string[]][] = [
    ['two Bearer lines', '/internal/x', ['Authorization: Bearer GOOD', 'Authorization: Bearer EVIL']],
    ['the other way round', '/internal/x', ['Authorization: Bearer EVIL', 'Authorization: Bearer GOOD']],
    ['the same twice', '/internal/x', ['Authorization: Bearer GOOD', 'authorization: Bearer GOOD']],
    ['Bearer and Basic', '/any/x', ['Authorization: Bearer GOOD', `Authorization: Basic ${encoded('a:b')}`]],
    ['Bearer and an unknown scheme', '/internal/x', ['Authorization: Bearer GOOD', 'Authorization: Digest x']],
    ['Bearer and an empty one', '/internal/x', ['Authorization: Bearer GOOD', 'Authorization:']],
    [
      'with a field in between',
      '/internal/x',
      ['Authorization: Bearer GOOD', 'Accept: */*', 'AUTHORIZATION: Bearer EVIL'],
    ],
    ['header and query', '/internal/x?token=EVIL', ['Authorization: Bearer GOOD']],
    ['header and query, its name encoded', '/internal/x?%74oke%6e=EVIL', ['Authorization: Bearer GOOD']],
    ['header and cookie', '/internal/x', ['Authorization: Bearer GOOD', 'Cookie: session=EVIL']],
    ['query and cookie', '/internal/x?token=EVIL', ['Cookie: session=GOOD']],
    ['header and subprotocol', '/internal/x', ['Authorization: Bearer GOOD', 'Sec-WebSocket-Protocol: bearer, EVIL']],
    ['the query twice', '/internal/x?token=GOOD&token=EVIL', []],
    ['the query twice, in two spellings', '/internal/x?token=GOOD&tok%65n=EVIL', []],
    ['the cookie twice in one line', '/internal/x', ['Cookie: session=GOOD; session=EVIL']],
    ['the cookie in two lines', '/internal/x', ['Cookie: session=GOOD', 'Cookie: session=EVIL']],
    ['three places at once', '/internal/x?token=EVIL', ['Authorization: Bearer GOOD', 'Cookie: session=EVIL']],
    ['two keys', '/api/v1/x', [`X-API-Key: ${KEY}`, 'X-API-Key: other-key-of-mallory']],
    ['a key in header and query', '/api/v1/x?api_key=other-key-of-mallory', [`X-API-Key: ${KEY}`]],
    ['two tokens for introspection', '/oauth/x', ['Authorization: Bearer a', 'Authorization: Bearer b']],
    ['on an optional route', '/optional/x', ['Authorization: Bearer GOOD', 'Authorization: Bearer EVIL']],
  ];

  test.each(requests)('are refused: %s', async (_what, target, lines) => {
    expect(statusOf(await ground.send(fill(get(target, ...lines))))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([['GOOD, Bearer EVIL'], ['GOOD EVIL'], ['GOOD,EVIL'], ['GOOD\tEVIL'], ['EVIL;token=GOOD']])(
    'in one value are refused: Bearer %s',
    async (value) => {
      expect(statusOf(await ground.send(fill(get('/internal/x', `Authorization: Bearer ${value}`))))).toBe(401);
      expect(ground.arrived()).toEqual([]);
    },
  );

  test('on a handshake are refused as well', async () => {
    const bytes = handshake('/internal/x', 'Authorization: Bearer GOOD', 'Sec-WebSocket-Protocol: bearer, EVIL');
    expect(statusOf(await ground.send(fill(bytes)))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([
    ['the header', '/internal/x', ['Authorization: Bearer GOOD']],
    ['the header in lower case, two spaces', '/internal/x', ['authorization: bearer  GOOD']],
    ['the query', '/internal/x?a=1&token=GOOD', []],
    ['the header and the query', '/internal/x?token=GOOD', ['Authorization: Bearer GOOD']],
    ['the cookie beside an empty header', '/internal/x', ['Authorization: Bearer', 'Cookie: session=GOOD']],
    ['the cookie among others', '/internal/x', ['Cookie: a=b; session=GOOD; c=d']],
    ['another method’s credential beside it', '/any/x', ['Authorization: Bearer GOOD', `X-API-Key: ${KEY}`]],
  ])('twin: one passes in %s', async (_where, target, lines) => {
    expect(statusOf(await ground.send(fill(get(target, ...lines))))).toBe(200);
    const [message] = ground.arrived();
    expect(message && lookalikesOf(message, 'X-User-ID')).toEqual([['x-user-id', 'alice']]);
  });
});
