/** A missing claim or attribute: its header is absent, and never the value of the client. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf } from '../../support/messages.js';
import { seconds, type Claims } from '../../support/token-issuer.js';
import { json } from '../../tokens/introspection-server.js';

const FORGED = ['X-User-ID: admin', 'X-User-Email: admin@example.com', 'X-User-Scopes: admin', 'X-Account: admin'];

let ground: Ground;
beforeAll(async () => (ground = await openGround()));
afterAll(closeGrounds);

/** Every identity header of the one request that reached the upstream. */
async function identityOf(target: string, token: string): Promise<Record<string, readonly string[]>> {
  expect(statusOf(await ground.send(get(target, `Authorization: Bearer ${token}`, ...FORGED)))).toBe(200);
  const [message, ...more] = ground.arrived();
  if (!message) throw new Error('nothing arrived');
  expect(more).toEqual([]);
  const names = ['X-User-ID', 'X-User-Email', 'X-User-Scopes', 'X-Key-Name', 'X-Operator', 'X-Account'];
  const found = names.map((name) => [name, lookalikesOf(message, name).map(([, value]) => value)] as const);
  return Object.fromEntries(found.filter(([, values]) => values.length > 0));
}

describe('HDR-01 a token without the claim of a header', () => {
  const without: [string, Claims, Record<string, string[]>][] = [
    ['a sub, with a client_id', { sub: undefined, client_id: 'svc' }, {}],
    ['an email', {}, { 'X-User-ID': ['ada'] }],
    ['an email (null)', { email: null }, { 'X-User-ID': ['ada'] }],
    ['a verified email', { email: 'x@y.z', email_verified: false }, { 'X-User-ID': ['ada'] }],
    ['a scope with a value', { scope: '' }, { 'X-User-ID': ['ada'] }],
  ];
  test.each(without)('that lacks %s has no header for it', async (_what, claims, expected) => {
    for (const route of ['internal', 'optional', 'any']) {
      expect(await identityOf(`/${route}/x`, await ground.issuer.token(claims))).toEqual(expected);
    }
  });

  test('and with no subject at all it is refused', async () => {
    const token = await ground.issuer.token({ sub: undefined });
    expect(statusOf(await ground.send(get('/internal/x', `Authorization: Bearer ${token}`, ...FORGED)))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: a token with all of them sets all of them', async () => {
    const claims = { email: 'ada@example.com', scope: 'read write' };
    expect(await identityOf('/internal/x', await ground.issuer.token(claims))).toEqual({
      'X-User-ID': ['ada'],
      'X-User-Email': ['ada@example.com'],
      'X-User-Scopes': ['read write'],
    });
  });
});

describe('HDR-25 an introspection response without the attribute of a header', () => {
  let token = 0;
  const answering = async (attributes: object): Promise<Record<string, readonly string[]>> => {
    ground.introspection.answer = json({ active: true, exp: seconds() + 600, ...attributes });
    return identityOf('/oauth/x', `opaque-${token++}`);
  };

  test.each([
    ['absent', { sub: 'bob' }],
    ['null', { sub: 'bob', username: null }],
    ['empty', { sub: 'bob', username: '' }],
    ['an object', { sub: 'bob', username: { name: 'admin' } }],
    ['a list of objects', { sub: 'bob', username: [{}] }],
    ['under another case', { sub: 'bob', Username: 'admin' }],
    ['a member of another', { sub: 'bob', user: { username: 'admin' } }],
  ])('that is %s has no such header', async (_how, attributes) => {
    expect(await answering(attributes)).toEqual({});
  });

  test('twin: one with it sets it', async () => {
    expect(await answering({ sub: 'bob', username: 'bob' })).toEqual({ 'X-Account': ['bob'] });
  });
});
