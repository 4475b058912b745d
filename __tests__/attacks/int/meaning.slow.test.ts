/**
 * Active answers that have expired, are for another audience, or have no subject; and the identity that an answer
 * gives.
 */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get } from '../../support/attack-ground.js';
import { introspected, yes, type Introspected } from '../../support/introspected.js';
import { lookalikesOf } from '../../support/messages.js';
import { seconds } from '../../support/token-issuer.js';
import { json, raw, type Answer } from '../../tokens/introspection-server.js';

const ISSUER = 'https://id.example';

let at: Introspected;
/** With an issuer and an audience. */
let strict: Introspected;
beforeAll(async () => {
  const headers = 'sub: X-User-ID, username: X-Account, "__proto__.sub": X-Deep, "constructor.name": X-Ctor';
  at = await introspected(`, claims_to_headers: { ${headers} }`);
  strict = await introspected(`, issuer: "${ISSUER}", audience: [api, web]`);
});
afterAll(closeGrounds);

const text = (body: string): Answer => raw(200, body, { 'content-type': 'application/json' });

describe('INT-05 no answer is used after its token expired', () => {
  const now = seconds();
  test.each<[string, unknown]>([
    ['exp', now - 1],
    ['exp', 0],
    ['exp', -1],
    ['exp', String(now + 600)],
    ['exp', null],
    ['exp', true],
    ['exp', [now + 600]],
    ['exp', { $date: now + 600 }],
    ['nbf', now + 3_600],
    ['nbf', String(now - 600)],
    ['nbf', null],
  ])('%s: %j is refused', (name, value) => at.refused(yes({ [name]: value })));

  test('nor is 1e999 a valid expiry', () => at.refused(text('{"active":true,"sub":"ada","exp":1e999}')));

  test('with two seconds left it is cached no longer, whatever cache_ttl says', async () => {
    const end = seconds() + 2;
    await at.passes(yes({ exp: end }));
    await new Promise((resolve) => setTimeout(resolve, end * 1_000 - Date.now() + 20));
    expect(statusOf(await at.ground.send(get('/oauth/x', at.again())))).toBe(401);
    expect(at.ground.arrived()).toEqual([]);
  });

  test('twin: one with time left passes, and so does one without an expiry', async () => {
    await at.passes(yes({ exp: seconds() + 60, nbf: seconds() - 60 }));
    await at.passes(yes({ exp: seconds() + 60.5 }));
    await at.passes(json({ active: true, sub: 'ada' }));
  });
});

/** Types of tokens that are not access tokens, and invalid types. */
const OTHER_TYPES: readonly unknown[] = [
  'refresh_token',
  'Refresh',
  'REFRESH_TOKEN',
  'refresh-token',
  'RefreshToken',
  ' refresh_token',
  'Offline',
  'id_token',
  'ID',
  'urn:ietf:params:oauth:token-type:refresh_token',
  'urn:ietf:params:oauth:token-type:id_token',
  ['refresh_token'],
  { type: 'refresh_token' },
  1,
];

describe('INT-06 an active answer for another audience', () => {
  const said = (more: object = {}): Answer => yes({ iss: ISSUER, aud: 'api', ...more });

  test.each<[string, unknown]>([
    ['iss', 'https://evil.example'],
    ['iss', `${ISSUER}/`],
    ['iss', 'https://ID.example'],
    ['iss', [ISSUER]],
    ['iss', null],
    ['iss', undefined],
    ['aud', 'other'],
    ['aud', 'API'],
    ['aud', 'api web'],
    ['aud', []],
    ['aud', [['api']]],
    ['aud', { api: true }],
    ['aud', null],
    ['aud', undefined],
  ])('%s: %j is refused if the file names one', (name, value) => strict.refused(said({ [name]: value })));

  test.each(['token_type', 'token_use', 'typ'].flatMap((name) => OTHER_TYPES.map((value) => [name, value] as const)))(
    '%s: %j is refused',
    (name, value) => at.refused(yes({ [name]: value })),
  );

  test.each([
    { token_type: 'DPoP' },
    { token_type: 'PoP' },
    { cnf: { jkt: 'x' } },
    { cnf: { 'x5t#S256': 'x' } },
    { cnf: {} },
    { cnf: 'x' },
  ])('bound to a proof that was not checked: %j is refused', (more) => at.refused(yes(more)));

  test.each([
    { sub: '' },
    { sub: 7, client_id: 'app' },
    { sub: null, client_id: 'app' },
    { sub: undefined },
    { sub: 'x'.repeat(257) },
  ])('without a subject: %j is refused', (more) => at.refused(yes(more)));

  test.each([
    {},
    { aud: ['other', 'web'] },
    { token_type: 'Bearer' },
    { token_type: 'access_token', token_use: 'access', typ: 'Bearer' },
    { token_type: null },
    { token_type: 'urn:ietf:params:oauth:token-type:access_token' },
  ])('twin: an access token of this issuer for this audience passes: %j', (more) => strict.passes(said(more)));

  test('twin: any issuer and audience if the file names none', () =>
    at.passes(yes({ iss: 'https://anybody.example', aud: 'anything' })));
});

describe('INT-16 names of another type', () => {
  test.each<object>([
    { aud: 7 },
    { aud: null },
    { aud: ['anything', 7] },
    { aud: [['anything']] },
    { aud: {} },
    { jti: 7 },
    { jti: ['a'] },
    { iss: ['https://anybody.example'] },
    { iss: {} },
  ])('%j is refused, even if the file names no audience', (more) => at.refused(yes(more)));

  test('twin: strings pass', () =>
    at.passes(yes({ aud: ['anything', 'else'], jti: 'a', iss: 'https://anybody.example' })));
});

describe('INT-16 attributes of an answer as headers', () => {
  const NAMES = ['X-User-ID', 'X-Account', 'X-Deep', 'X-Ctor'];
  let serial = 0;

  async function headersFor(by: Answer): Promise<object> {
    at.ground.introspection.answer = by;
    const forged = NAMES.map((name) => `${name.replaceAll('-', '_')}: forged`);
    const token = `Authorization: Bearer attributes-${serial++}`;
    expect(statusOf(await at.ground.send(get('/oauth/x', token, ...forged)))).toBe(200);
    const [message] = at.ground.arrived();
    return Object.fromEntries(NAMES.flatMap((name) => (message ? lookalikesOf(message, name) : [])));
  }

  test.each<[unknown, object]>([
    ['\u65e5\u672c', { 'x-account': '%E6%97%A5%E6%9C%AC' }],
    ['a\r\nX-User-ID: admin', {}],
    ['\ud800', {}],
    [{ toString: 'admin' }, {}],
    [['a,admin'], {}],
    [null, {}],
    ['', {}],
    ['x'.repeat(5_000), {}],
  ])('username %.40j is encoded or left out', async (username, header) => {
    expect(await headersFor(yes({ username }))).toEqual({ 'x-user-id': 'ada', ...header });
  });

  test.each<unknown>([{ a: 1 }, ['ada'], true, 7, { toString: 'admin' }])('a subject %j is refused', (sub) =>
    at.refused(yes({ sub })),
  );

  test('`__proto__` is an ordinary member', async () => {
    const polluted = '"__proto__":{"username":"admin","sub":"admin","polluted":1}';
    const { 'x-deep': deep, ...rest } = (await headersFor(text(`{"active":true,"sub":"ada",${polluted}}`))) as Record<
      string,
      string
    >;
    expect(rest).toEqual({ 'x-user-id': 'ada' });
    // A path in the file selects the member that the server itself wrote.
    expect(deep).toBe('admin');
    await at.refused(text(`{"active":true,${polluted}}`));
    expect(await headersFor(yes())).toEqual({ 'x-user-id': 'ada', 'x-account': 'ada' });
  });

  test('twin: a plain name arrives unchanged', async () => {
    expect(await headersFor(yes({ username: "O'Brien +1" }))).toEqual({
      'x-user-id': 'ada',
      'x-account': "O'Brien +1",
    });
  });
});
