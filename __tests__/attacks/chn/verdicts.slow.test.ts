/**
 * Several credentials at once: which one decides, which identity is forwarded. A wrong credential is never treated as
 * none.
 */
import { statusOf } from '../../support/ask.js';
import { ADMIN_BASIC, closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf } from '../../support/messages.js';
import { rawToken, seconds } from '../../support/token-issuer.js';

const IDENTITY = ['X-User-ID', 'X-User-Email', 'X-User-Scopes', 'X-Key-Name', 'X-Operator', 'X-Account'];
const key = `X-API-Key: ${KEY}`;
const bearer = (token: string): string => `Authorization: Bearer ${token}`;

let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    routes: `
  - { id: stop, path: /stop/*, upstream: backend, auth: { methods: [jwt, api_key], on_invalid: stop } }
  - { id: reversed, path: /reversed/*, upstream: backend, auth: { methods: [api_key, jwt] } }
  - { id: narrow, path: /narrow/*, upstream: backend, auth: { methods: [jwt, api_key], narrow: { jwt: { required_scopes: [write] } } } }
  - { id: both, path: /both/*, upstream: backend, auth: { require: false, methods: [jwt, api_key] } }`,
  });
});
afterAll(closeGrounds);

/** The status, and every identity or credential that an upstream would read. */
async function outcome(target: string, ...lines: readonly string[]): Promise<[number, Record<string, string>?]> {
  const answer = await ground.send(get(target, ...lines));
  expect(answer).not.toMatch(/^set-cookie:/im);
  const status = statusOf(answer);
  const [message, ...more] = ground.arrived();
  expect(more).toEqual([]);
  if (!message) return [status];
  const found = [...IDENTITY, 'Authorization', 'X-API-Key'].flatMap((name) => lookalikesOf(message, name));
  return [status, Object.fromEntries(found)];
}

type Forgery = readonly [what: string, token: () => Promise<string> | string];

const admin = { sub: 'admin', email: 'admin@example.com', scope: 'read' };
const FORGERIES: readonly Forgery[] = [
  ['over', () => ground.issuer.token({ ...admin, exp: seconds() - 600 })],
  ['for others', () => ground.issuer.token({ ...admin, aud: 'other.example.com' })],
  ['of another issuer', () => ground.issuer.token({ ...admin, iss: 'https://evil.example' })],
  ['not yet valid', () => ground.issuer.token({ ...admin, nbf: seconds() + 600 })],
  [
    'unsigned',
    () =>
      rawToken({ alg: 'none' }, { ...admin, iss: ground.issuer.origin, aud: 'api.example.com', exp: seconds() + 60 }),
  ],
  [
    'with another signature',
    async () => `${(await ground.issuer.token(admin)).replace(/[^.]+$/, '')}${'A'.repeat(342)}`,
  ],
  [
    'with other claims',
    async () => {
      const [head = '', , signature = ''] = (await ground.issuer.token()).split('.');
      return [
        head,
        Buffer.from(
          JSON.stringify({ ...admin, iss: ground.issuer.origin, aud: 'api.example.com', exp: seconds() + 60 }),
        ).toString('base64url'),
        signature,
      ].join('.');
    },
  ],
  ['no token at all', () => 'opaque'],
];

describe('CHN-01 a wrong token beside a right key', () => {
  test.each(FORGERIES)('a token %s alone is 401, even if it may not end the search', async (_what, token) => {
    const line = bearer(await token());
    for (const route of ['any', 'reversed', 'stop', 'all', 'internal', 'both'])
      expect(await outcome(`/${route}/x`, line)).toEqual([401]);
    for (const wrong of ['X-API-Key: wrong', 'X-API-Key:']) expect(await outcome('/any/x', line, wrong)).toEqual([401]);
  });

  test.each(FORGERIES.slice(0, -1))('a token %s ends the search if the file says so', async (_what, token) => {
    expect(await outcome('/stop/x', bearer(await token()), key)).toEqual([401]);
  });

  test('a credential twice ends every search', async () => {
    const good = bearer(await ground.issuer.token());
    for (const route of ['any', 'reversed', 'both'])
      expect(await outcome(`/${route}/x`, key, key, bearer('opaque'))).toEqual([400]);
    expect(await outcome('/reversed/x', key, key, good)).toEqual([400]);
    expect(await outcome('/any/x', good, good, key)).toEqual([400]);
  });

  test.each(FORGERIES)('twin: a key beside a token %s passes as the key’s owner', async (_what, token) => {
    const line = bearer(await token());
    for (const route of ['any', 'reversed', 'both'])
      expect(await outcome(`/${route}/x`, line, key)).toEqual([200, { 'x-key-name': 'alice' }]);
  });
});

describe('CHN-03 all means all', () => {
  test.each<[string, (token: string) => string[]]>([
    ['nothing', () => []],
    ['the token', (token) => [bearer(token)]],
    ['the key', () => [key]],
    ['the key and a wrong token', () => [key, bearer('x.y.z')]],
    ['the token and a wrong key', (token) => [bearer(token), 'X-API-Key: wrong']],
    ['the token and an empty key', (token) => [bearer(token), 'X-API-Key:']],
    ['a password', () => [`Authorization: ${ADMIN_BASIC.Authorization}`, key]],
  ])('%s alone is 401', async (_what, lines) => {
    expect(await outcome('/all/x', ...lines(await ground.issuer.token()))).toEqual([401]);
  });

  test('twin: both together pass as both', async () => {
    const token = await ground.issuer.token({ sub: 'ada' });
    expect(await outcome('/all/x', bearer(token), key)).toEqual([
      200,
      { authorization: `Bearer ${token}`, 'x-user-id': 'ada', 'x-key-name': 'alice' },
    ]);
  });
});

describe('CHN-04 a failed credential sets no identity', () => {
  test.each([...FORGERIES, ['without the scope', () => ground.issuer.token(admin)] as Forgery])(
    'nothing of a token %s is forwarded',
    async (_what, token) => {
      expect(await outcome('/narrow/x', bearer(await token()), key, 'X-User-ID: admin', 'X_User_Email: admin')).toEqual(
        [200, { 'x-key-name': 'alice' }],
      );
    },
  );

  test('nor of a wrong key beside a right token', async () => {
    const token = await ground.issuer.token({ sub: 'ada' });
    const expected = [200, { authorization: `Bearer ${token}`, 'x-user-id': 'ada' }];
    expect(await outcome('/reversed/x', bearer(token), 'X-API-Key: wrong', 'X-Key-Name: alice')).toEqual(expected);
  });

  test('twin: a token that grants sets its user', async () => {
    const token = await ground.issuer.token({ sub: 'ada', scope: 'read write' });
    expect(await outcome('/narrow/x', bearer(token), key)).toEqual([
      200,
      { authorization: `Bearer ${token}`, 'x-user-id': 'ada', 'x-user-scopes': 'read write' },
    ]);
  });
});

describe('CHN-05 two right credentials of two callers', () => {
  test('the first in the list is the caller, and nothing of the other is forwarded', async () => {
    const token = await ground.issuer.token({ sub: 'ada' });
    for (const lines of [
      [bearer(token), key],
      [key, bearer(token)],
    ]) {
      expect(await outcome('/any/x', ...lines)).toEqual([
        200,
        { authorization: `Bearer ${token}`, 'x-user-id': 'ada' },
      ]);
      expect(await outcome('/reversed/x', ...lines)).toEqual([200, { 'x-key-name': 'alice' }]);
    }
  });

  test('if both must pass and both set the identity, they must agree; twin: then they pass', async () => {
    const one = await openGround({
      replaceAuth: true,
      auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", claims_to_headers: { sub: X-User-ID } }
    api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-User-ID } }`,
      replaceRoutes: true,
      routes:
        '\n  - { id: all, path: "/all/*", upstream: backend, auth: { methods: [jwt, api_key], require_any: false } }',
    });
    expect(statusOf(await one.send(get('/all', bearer(await one.issuer.token({ sub: 'ada' })), key)))).toBe(403);
    expect(one.arrived()).toEqual([]);
    expect(statusOf(await one.send(get('/all', bearer(await one.issuer.token({ sub: 'alice' })), key)))).toBe(200);
    expect(one.arrived().map((message) => lookalikesOf(message, 'X-User-ID'))).toEqual([[['x-user-id', 'alice']]]);
  });

  test('twin: one credential alone is enough', async () => {
    expect(await outcome('/any/x', key)).toEqual([200, { 'x-key-name': 'alice' }]);
  });
});

describe('CHN-12 a request with a wrong credential is not anonymous', () => {
  test.each(FORGERIES)('a token %s', async (_what, token) => {
    expect(await outcome('/optional/x', bearer(await token()))).toEqual([401]);
  });

  test.each<[string, (token: string) => string]>([
    ['a comma after Bearer', () => 'Authorization: Bearer,'],
    ['no scheme', (token) => `Authorization: ${token}`],
    ['no space', (token) => `Authorization: Bearer${token}`],
    ['a tab', (token) => `Authorization: Bearer\t${token}`],
    ['a comma before it', (token) => `Authorization: ,Bearer ${token}`],
    ['quotes', (token) => `Authorization: "Bearer ${token}"`],
    ['another scheme', (token) => `Authorization: Token ${token}`],
    ['DPoP', (token) => `Authorization: DPoP ${token}`],
    ['Digest', () => 'Authorization: Digest username="admin"'],
    ['the password of a user', () => `Authorization: ${ADMIN_BASIC.Authorization}`],
    ['a wrong password', () => 'Authorization: Basic eDp5'],
    ['the key of a user', () => key],
    ['a wrong key', () => 'X-API-Key: wrong'],
  ])('%s', async (_what, line) => {
    expect(await outcome('/optional/x', line(await ground.issuer.token()))).toEqual([401]);
  });

  test('a key in the query', async () => {
    for (const value of [KEY, 'wrong', '%20']) expect(await outcome(`/optional/x?api_key=${value}`)).toEqual([401]);
  });

  test('an issuer that the file leaves to other methods', async () => {
    const lenient = await openGround({
      replaceAuth: true,
      auth: '\n    jwt: { issuer: "ISSUER", jwks_url: "ISSUER/jwks", unknown_issuer: absent }',
      replaceRoutes: true,
      routes: '\n  - { id: optional, path: "/*", upstream: backend, auth: { require: false, methods: [jwt] } }',
    });
    const strange = await lenient.issuer.token({ iss: 'https://evil.example' });
    expect(statusOf(await lenient.send(get('/', bearer(strange))))).toBe(401);
    expect(lenient.arrived()).toEqual([]);
  });

  test.each([
    [],
    ['Cookie: connect.sid=s%3Aadmin.x; session=admin; JSESSIONID=1'],
    ['X-User-ID: admin', 'X_User_ID: admin'],
    ['X-Session: admin'],
  ])(
    'twin: without one, whatever else is sent (%s), a caller passes as anonymous and gets no session',
    async (...lines: string[]) => {
      for (let times = 0; times < 2; times++) expect(await outcome('/optional/x', ...lines)).toEqual([200, {}]);
    },
  );

  test('twin: a right one passes as its user', async () => {
    const token = await ground.issuer.token({ sub: 'ada' });
    expect(await outcome('/optional/x', bearer(token), 'Cookie: session=admin')).toEqual([
      200,
      { authorization: `Bearer ${token}`, 'x-user-id': 'ada' },
    ]);
    expect(await outcome('/both/x', key)).toEqual([200, { 'x-key-name': 'alice' }]);
  });
});
