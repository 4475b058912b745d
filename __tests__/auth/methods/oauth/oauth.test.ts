import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { oauth } from '../../../../src/auth/methods/oauth/oauth.js';
import type { MethodStrategy } from '../../../../src/auth/method.js';
import { fromOurs } from '../../../../src/auth/strategy-runner.js';
import type { Verdict } from '../../../../src/auth/verdict.js';
import { askedServer, json, raw, type Answer, type AskedServer } from '../../../tokens/introspection-server.js';

const START = 1_800_000_000;
let clock = START * 1_000;
const lines: string[] = [];
const write = (facts: object, words: string) => void lines.push(`${words} ${JSON.stringify(facts)}`);
const deps = { now: () => clock, log: { info: write, warn: write, error: write } };

let server: AskedServer;
const open: MethodStrategy[] = [];
beforeEach(async () => {
  clock = START * 1_000;
  lines.length = 0;
  server = await askedServer(json({ active: true, sub: 'alice', scope: 'read write', exp: START + 3_600 }));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await server.close();
});

function method(block: object = {}) {
  const options = oauth.options.parse({
    introspection_url: `${server.origin}/introspect`,
    client_id: 'loom-gateway',
    client_secret: 'secret123',
    ...block,
  });
  const strategy = oauth.compile(options, deps);
  open.push(strategy);
  const authenticate = fromOurs(strategy, { places: oauth.places(options), challenge: oauth.challenge(options) });
  return { strategy, ask: (...headers: string[]) => judge(authenticate, headers) };
}

async function judge(authenticate: ReturnType<typeof fromOurs>, rawHeaders: string[]): Promise<Verdict> {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = rawHeaders;
  request.url = '/';
  return authenticate({ request, refused: new Set<string>() });
}

const bearer = (token = 'tok') => ['Authorization', `Bearer ${token}`];

async function outcome(answer: Answer, block: object = {}): Promise<string> {
  server.answer = answer;
  const verdict = await method(block).ask(...bearer());
  return 'reason' in verdict ? `${verdict.kind} ${verdict.reason}` : verdict.kind;
}

test('an active token is an identity', async () => {
  const response = {
    active: true,
    sub: 'alice',
    scope: 'read write',
    iss: 'https://id.example',
    username: 'Alice',
    exp: START + 60,
  };
  server.answer = json(response);
  expect(await method().ask(...bearer())).toEqual({
    kind: 'granted',
    identities: [
      {
        method: 'oauth',
        subject: 'alice',
        issuer: 'https://id.example',
        name: 'Alice',
        scopes: ['read', 'write'],
        claims: response,
        expiresAt: START + 60,
      },
    ],
  });
});

test('the server is asked by POST with one token field, the client by Basic', async () => {
  await method({ client_id: 'a:b %+é', client_secret: 'p:w&=' }).ask(...bearer('a~b+c/d=='));
  const [asked] = server.asked;
  expect(asked).toMatchObject({
    method: 'POST',
    url: '/introspect',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect([...new URLSearchParams(asked?.body)]).toEqual([['token', 'a~b+c/d==']]);
  const pair = Buffer.from((asked?.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
  expect(pair).toBe('a%3Ab+%25%2B%C3%A9:p%3Aw%26%3D');
});

test('with auth_method post the secret is a form field and no header', async () => {
  await method({ auth_method: 'post' }).ask(...bearer());
  expect([...new URLSearchParams(server.asked[0]?.body)]).toEqual([
    ['token', 'tok'],
    ['client_id', 'loom-gateway'],
    ['client_secret', 'secret123'],
  ]);
  expect(server.asked[0]?.headers.authorization).toBeUndefined();
});

test('no token is absent, challenged without an error', async () => {
  const absent = { kind: 'absent', challenges: [{ scheme: 'Bearer', params: {} }] };
  expect(await method().ask()).toEqual(absent);
  expect(await method().ask('Authorization', 'Basic YTpi')).toEqual(absent);
  expect(await method({ realm: 'api' }).ask()).toEqual({
    kind: 'absent',
    challenges: [{ scheme: 'Bearer', params: { realm: 'api' } }],
  });
  expect(server.asked).toHaveLength(0);
});

test.each([
  ['two headers', [...bearer('a'), ...bearer('b')]],
  ['a header and a subprotocol', [...bearer('a'), 'Sec-WebSocket-Protocol', 'bearer, b']],
])('%s are one too many', async (_name, headers) => {
  expect(await method().ask(...headers)).toMatchObject({
    kind: 'rejected',
    status: 400,
    reason: 'credential_duplicate',
    challenges: [{ scheme: 'Bearer', params: { error: 'invalid_request' } }],
  });
});

test.each(['a b', 'a&token=b', 'a%00', 'é', '=', 'a=b'])('what is no b64token is never sent: %.20s', async (token) => {
  expect(await method().ask(...bearer(token))).toMatchObject({
    kind: 'rejected',
    status: 401,
    reason: 'token_malformed',
    credential: token,
  });
  expect(server.asked).toHaveLength(0);
});

test('a token longer than max_token_size is never sent, and one of that length is', async () => {
  for (const [block, size] of [
    [{}, 12_000],
    [{ max_token_size: '20KB' }, 20_000],
    [{ max_token_size: 300 }, 300],
  ] as const) {
    const { ask } = method(block);
    const asked = server.asked.length;
    expect(await ask(...bearer('x'.repeat(size + 1)))).toMatchObject({ status: 401, reason: 'token_too_large' });
    expect(server.asked).toHaveLength(asked);
    expect((await ask(...bearer('x'.repeat(size)))).kind).toBe('granted');
  }
});

test('the second entry of the subprotocol is a token', async () => {
  expect((await method().ask('Sec-WebSocket-Protocol', 'bearer, tok')).kind).toBe('granted');
});

test.each([['"true"'], ['1'], ['"false"'], ['{}'], ['[]'], ['null'], ['false']])(
  '"active": %s is not active',
  async (active) => {
    expect(await outcome(raw(200, `{"active":${active},"sub":"alice"}`))).toBe('rejected token_inactive');
  },
);

test('an object without "active" is rejected; a rejection carries the credential', async () => {
  expect(await outcome(json({ error: 'invalid_client' }))).toBe('rejected token_inactive');
  expect(await method().ask(...bearer())).toMatchObject({
    credential: 'tok',
    status: 401,
    challenges: [{ scheme: 'Bearer', params: { error: 'invalid_token' } }],
  });
});

test.each<[string, Answer]>([
  ['200 HTML', raw(200, '<html>')],
  ['200 and nothing', raw(200, '')],
  ['200 and an array', raw(200, '[{"active":true}]')],
  ['200 and null', raw(200, 'null')],
  ['a duplicate "active"', raw(200, '{"active":false,"active":true,"sub":"a"}')],
  ['201', json({ active: true, sub: 'a' }, 201)],
  ['204', raw(204, '')],
  ['301', raw(301, '', { location: '/other' })],
  ['401', json({ error: 'invalid_client' }, 401)],
  ['403', raw(403, '')],
  ['500', raw(500, '')],
  ['a cut connection', (_asked, response) => void response.destroy()],
  ['over 64 KiB', json({ active: true, sub: 'a', x: 'x'.repeat(70_000) })],
])('%s decides nothing', async (_name, answer) => {
  expect(await outcome(answer)).toBe('unavailable introspection_unavailable');
});

test('429 keeps its Retry-After, as seconds or as a date', async () => {
  server.answer = raw(429, '', { 'retry-after': '17' });
  expect(await method().ask(...bearer())).toMatchObject({ kind: 'unavailable', retryAfter: 17 });
  server.answer = raw(429, '', { 'retry-after': new Date(clock + 30_000).toUTCString() });
  expect(await method().ask(...bearer())).toMatchObject({ kind: 'unavailable', retryAfter: 30 });
});

test('a server that does not answer in time is unavailable', async () => {
  expect(await outcome(() => undefined, { timeout: '50ms' })).toBe('unavailable introspection_unavailable');
});

test.each<[string, object, object, string]>([
  ['a past exp', { exp: START - 1 }, {}, 'token_expired'],
  ['an exp of now', { exp: START }, {}, 'token_expired'],
  ['an exp that is text', { exp: `${START + 60}` }, {}, 'token_claims'],
  ['a future nbf', { nbf: START + 60 }, {}, 'token_not_yet_valid'],
  ['a refresh token', { token_type: 'refresh_token' }, {}, 'token_type'],
  ['a refresh token of Keycloak', { typ: 'Refresh', token_type: 'Bearer' }, {}, 'token_type'],
  ['an id token', { token_use: 'id' }, {}, 'token_type'],
  ['a bound token', { cnf: { 'x5t#S256': 'x' } }, {}, 'token_claims'],
  ['a DPoP token', { token_type: 'DPoP' }, {}, 'token_type'],
  ['another issuer', { iss: 'https://evil.example' }, { issuer: 'https://id.example' }, 'token_issuer'],
  ['no issuer', {}, { issuer: 'https://id.example' }, 'token_issuer'],
  ['another audience', { aud: ['other'] }, { audience: 'api' }, 'token_audience'],
  ['no audience', {}, { audience: 'api' }, 'token_audience'],
  ['a sub that is an object', { sub: {}, client_id: 'c' }, {}, 'subject_invalid'],
  ['an empty sub', { sub: '' }, {}, 'subject_missing'],
  ['a long sub', { sub: 'x'.repeat(257) }, {}, 'subject_invalid'],
])('%s is rejected though active', async (_name, change, block, reason) => {
  expect(await outcome(json({ active: true, sub: 'alice', ...change }), block)).toBe(`rejected ${reason}`);
});

test.each<[string, object, object]>([
  ['no exp', {}, {}],
  ['a past nbf', { nbf: START }, {}],
  ['an access token by any name', { token_type: 'Bearer', token_use: 'access', typ: 'Bearer' }, {}],
  ['a bound token where the file says so', { cnf: { jkt: 'x' } }, { ignore_cnf: true }],
  ['the issuer', { iss: 'https://id.example' }, { issuer: 'https://id.example' }],
  ['one audience of several', { aud: ['other', 'api'] }, { audience: ['api', 'api2'] }],
  ['a client without sub', { sub: undefined, client_id: 'c' }, {}],
])('%s is granted', async (_name, change, block) => {
  expect(await outcome(json({ active: true, sub: 'alice', ...change }), block)).toBe('granted');
});

test('a missing scope is 403 and says which', async () => {
  expect(await method({ required_scopes: ['read', 'admin'] }).ask(...bearer())).toMatchObject({
    kind: 'rejected',
    status: 403,
    reason: 'insufficient_scope',
    challenges: [{ scheme: 'Bearer', params: { error: 'insufficient_scope', scope: 'read admin' } }],
  });
  expect((await method({ required_scopes: ['read'] }).ask(...bearer())).kind).toBe('granted');
});

test('an outage is logged once in a while, and never with the token', async () => {
  const { ask } = method();
  server.answer = raw(500, '');
  for (let i = 0; i < 5; i += 1) await ask(...bearer(`very-secret-${i}`));
  expect(lines).toHaveLength(1);
  clock += 10_000;
  await ask(...bearer('very-secret-5'));
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toMatch(/very-secret|secret123/);
});

test('a handler cannot write into the claims that later requests get', async () => {
  const { ask } = method();
  server.answer = json({ active: true, sub: 'alice', realm: { roles: ['user'] } });
  const first = await ask(...bearer());
  const claims = first.kind === 'granted' ? (first.identities[0]?.claims as { realm: { roles: string[] } }) : undefined;
  expect(() => claims?.realm.roles.push('admin')).toThrow(TypeError);
});

test('under a plain Passport host an absent token fails with 401 and an outage errors with 503', async () => {
  const { strategy } = method();
  const run = (rawHeaders: string[]) =>
    new Promise<unknown>((resolve) => {
      const request = Object.assign(new IncomingMessage(new Socket()), { rawHeaders, url: '/' });
      const verbs = { success: resolve, fail: (_info: unknown, status: number) => resolve(status), error: resolve };
      Object.assign(Object.create(strategy) as MethodStrategy, verbs).authenticate(request as never);
    });
  expect(await run([])).toBe(401);
  expect(await run(bearer())).toMatchObject({ subject: 'alice' });
  server.answer = raw(500, '');
  expect(await run(bearer('other'))).toMatchObject({ name: 'UnavailableError', status: 503 });
});
