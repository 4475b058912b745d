import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Strategy } from 'passport-jwt';
import { attemptOf } from '../../../../src/auth/combine.js';
import { jwt } from '../../../../src/auth/methods/jwt/jwt.js';
import { methods } from '../../../../src/auth/methods.js';
import type { Narrowing } from '../../../../src/auth/requirement.js';
import type { Granted } from '../../../../src/auth/verdict.js';
import { LONG_SECRET, signed, signedBySecret, signingKey } from '../../../tokens/signing.js';
import { atWork, serveMethod, type MethodServer } from '../../../support/method-server.js';

const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((each) => each.close())));

async function serve(block: object): Promise<MethodServer> {
  const method = atWork(jwt, block);
  const server = await serveMethod(method);
  open.push(server, method.strategy);
  return server;
}

const EXP = Math.floor(Date.now() / 1_000) + 3_600;
const CLAIMS = { sub: 'alice', exp: EXP, iss: 'https://auth.example.com', aud: 'api.example.com' };
const bearer = (token: string) => `Authorization: Bearer ${token}`;
const challenges = (error?: string) => [{ scheme: 'Bearer', params: error === undefined ? {} : { error } }];
const absent = { kind: 'absent', challenges: challenges() };
const rejected = (reason: string) => ({
  kind: 'rejected',
  status: 401,
  reason,
  challenges: challenges('invalid_token'),
});

test('stands third in the registry, and is passport-jwt’s strategy by inheritance', async () => {
  expect(methods.map(({ name }) => name)).toEqual(['api_key', 'basic', 'jwt', 'oauth', 'mtls']);
  const { strategy } = atWork(jwt, { secret: LONG_SECRET });
  expect(strategy).toBeInstanceOf(Strategy);
  expect(strategy).toMatchObject({ name: 'jwt' });
  await strategy.close();
});

test('the static secret of the Loom page works unchanged', async () => {
  const secret = 'your-256-bit-secret';
  const server = await serve({ algorithm: 'HS256', secret });
  expect(await server.ask([bearer(await signedBySecret(CLAIMS, {}, secret))])).toMatchObject({ kind: 'granted' });
  expect(await server.ask([bearer(await signedBySecret(CLAIMS, {}, 'your-256-bit-secreT'))])).toMatchObject(
    rejected('token_signature'),
  );
});

describe('a server with an issuer, an audience and a public key', () => {
  const key = signingKey('RS256');
  const sign = (claims: object = {}) => signed({ ...CLAIMS, ...claims }, { alg: 'RS256', key: key.privateKey });
  let server: MethodServer;
  beforeAll(async () => {
    server = await serve({ issuer: CLAIMS.iss, audience: CLAIMS.aud, public_key: key.pem });
  });

  test('grants who the token says', async () => {
    const claims = { ...CLAIMS, scope: 'read write', name: 'Alice' };
    expect(await server.ask([bearer(await sign(claims))])).toEqual({
      kind: 'granted',
      identities: [
        {
          method: 'jwt',
          subject: 'alice',
          issuer: CLAIMS.iss,
          name: 'Alice',
          scopes: ['read', 'write'],
          claims,
          expiresAt: EXP,
        },
      ],
    });
  });

  test('knows a client by its id, and scopes as lists and as scp', async () => {
    const subject = async (claims: object) =>
      ((await server.ask([bearer(await sign(claims))])) as Granted).identities[0];
    expect(await subject({ sub: undefined, client_id: 'web' })).toMatchObject({ subject: 'web' });
    expect(await subject({ scope: ['a', 'b'] })).toMatchObject({ scopes: ['a', 'b'] });
    expect(await subject({ scp: ['a', 'b'] })).toMatchObject({ scopes: ['a', 'b'] });
    expect(await subject({ scp: 'a b' })).toMatchObject({ scopes: ['a', 'b'] });
    expect(await subject({ scope: 'a', scp: 'b' })).toMatchObject({ scopes: ['a'] });
  });

  test('is absent without a token, and for one that is no compact JWS', async () => {
    for (const lines of [
      [],
      ['Authorization: Basic YTpi'],
      [bearer('opaque')],
      [bearer('a.b.c')],
      ['Authorization: BearerX x'],
    ])
      expect(await server.ask(lines)).toEqual(absent);
  });

  test.each([
    ['expired', { exp: 1 }, 'token_expired'],
    ['not yet valid', { nbf: EXP }, 'token_not_yet_valid'],
    ['for another audience', { aud: 'other' }, 'token_audience'],
    ['of another issuer', { iss: 'https://evil.example' }, 'token_issuer'],
    ['of no issuer', { iss: undefined }, 'token_issuer'],
    ['an ID token', { at_hash: 'x' }, 'token_type'],
    ['bound to a key', { cnf: { jkt: 'x' } }, 'token_claims'],
    ['with an empty subject', { sub: '' }, 'subject_missing'],
  ])('rejects a token that is %s', async (_what, claims, reason) => {
    const token = await sign(claims);
    expect(await server.ask([bearer(token)])).toEqual({ ...rejected(reason), credential: token });
    expect(await server.ask([bearer(await sign())])).toMatchObject({ kind: 'granted' });
  });

  test.each([
    ['a comma after Bearer', (): string[] => ['Authorization: Bearer,'], 'token_malformed'],
    ['a tab after Bearer', (token: string) => [`Authorization: Bearer\t${token}`], 'token_malformed'],
  ])('rejects %s', async (_what, lines, reason) => {
    expect(await server.ask(lines(await sign()))).toMatchObject(rejected(reason));
  });

  test('reads the scheme in any case, and nothing around the token', async () => {
    const token = await sign();
    expect(await server.ask([`Authorization: bEARER  ${token}`])).toMatchObject({ kind: 'granted' });
    for (const value of [`${token} x`, `"${token}"`, `,${token}`, `${token},${token}`])
      expect(await server.ask([`Authorization: Bearer ${value}`])).not.toMatchObject({ kind: 'granted' });
  });

  test('answers 400 to two tokens', async () => {
    const token = await sign();
    expect(await server.ask([bearer(token), bearer(token)])).toEqual({
      kind: 'rejected',
      status: 400,
      reason: 'credential_duplicate',
      challenges: challenges('invalid_request'),
    });
    expect(
      await server.ask([bearer(token), `Sec-WebSocket-Protocol: bearer, ${await sign({ jti: 'x' })}`]),
    ).toMatchObject({
      status: 400,
    });
  });

  test('takes one token in two places as one token, and an empty place as no token', async () => {
    const token = await sign();
    expect(await server.ask([bearer(token), `Sec-WebSocket-Protocol: Bearer, ${token}`])).toMatchObject({
      kind: 'granted',
    });
    expect(await server.ask(['Authorization: Bearer', `Sec-WebSocket-Protocol: bearer, ${token}`])).toMatchObject({
      kind: 'granted',
    });
    expect(await server.ask(['Authorization: Bearer'])).toMatchObject({ kind: 'absent' });
  });
});

test('a token is read from the places that the file names', async () => {
  const token = await signedBySecret(CLAIMS);
  const server = await serve({
    secret: LONG_SECRET,
    header: 'X-Token',
    scheme: '',
    query_param: 'token',
    cookie: 'session',
  });
  const granted = { kind: 'granted' };
  expect(await server.ask([`X-Token: ${token}`])).toMatchObject(granted);
  expect(await server.ask([], `/?token=${token}`)).toMatchObject(granted);
  expect(await server.ask([`Cookie: a=b; session=${token}`])).toMatchObject(granted);
  expect(await server.ask([`Sec-WebSocket-Protocol: bearer, ${token}`])).toMatchObject(granted);
  expect(await server.ask([bearer(token)])).toEqual(absent);
  expect(await server.ask([`X-Token: ${token}`], `/?token=${token}`)).toMatchObject(granted);
  expect(
    await server.ask([`X-Token: ${token}`], `/?token=${await signedBySecret({ ...CLAIMS, jti: 'x' })}`),
  ).toMatchObject({ status: 400 });
});

describe('several issuers', () => {
  const second = `${LONG_SECRET} of the second`;
  const block = {
    audience: 'api.example.com',
    issuers: [
      { name: 'one', issuer: 'https://one.example', secret: LONG_SECRET },
      { name: 'two', issuer: 'https://two.example', secret: second, audience: 'two', required_scopes: 'admin' },
    ],
  };
  const token = (claims: object, secret: string) => signedBySecret({ ...CLAIMS, ...claims }, {}, secret);

  test('each have their own keys and rules, and inherit the rest', async () => {
    const server = await serve(block);
    const ask = async (claims: object, secret: string) => server.ask([bearer(await token(claims, secret))]);
    const two = { iss: 'https://two.example', aud: 'two', scope: 'admin' };
    expect(await ask({ iss: 'https://one.example' }, LONG_SECRET)).toMatchObject({ kind: 'granted' });
    expect(await ask(two, second)).toMatchObject({ kind: 'granted' });
    expect(await ask(two, LONG_SECRET)).toMatchObject(rejected('token_signature'));
    expect(await ask({ iss: 'https://one.example', aud: 'two' }, LONG_SECRET)).toMatchObject(
      rejected('token_audience'),
    );
    expect(await ask({ ...two, aud: 'api.example.com' }, second)).toMatchObject(rejected('token_audience'));
    expect(await ask({ ...two, scope: 'read' }, second)).toMatchObject({ status: 403, reason: 'insufficient_scope' });
  });

  test('leave a token of another one to other methods where the file says so', async () => {
    const stranger = await token({ iss: 'https://three.example' }, LONG_SECRET);
    const strict = await serve(block);
    const lenient = await serve({ ...block, unknown_issuer: 'absent' });
    expect(await strict.ask([bearer(stranger)])).toMatchObject(rejected('token_issuer'));
    expect(await lenient.ask([bearer(stranger)])).toEqual(absent);
    const forged = await token({ iss: 'https://one.example' }, `${LONG_SECRET}?`);
    expect(await lenient.ask([bearer(forged)])).toMatchObject(rejected('token_signature'));
  });
});

describe('a caller who lacks something is forbidden', () => {
  test('a scope, with the scopes it would need', async () => {
    const server = await serve({ secret: LONG_SECRET, required_scopes: ['read', 'write'] });
    const token = await signedBySecret({ ...CLAIMS, scope: 'read' });
    expect(await server.ask([bearer(token)])).toEqual({
      kind: 'rejected',
      status: 403,
      reason: 'insufficient_scope',
      challenges: [{ scheme: 'Bearer', params: { error: 'insufficient_scope', scope: 'read write' } }],
      credential: token,
    });
    expect(await server.ask([bearer(await signedBySecret({ ...CLAIMS, scope: 'write read' }))])).toMatchObject({
      kind: 'granted',
    });
  });

  test('a claim', async () => {
    const server = await serve({
      secret: LONG_SECRET,
      required_claims: { roles: ['admin', 'ops'], email_verified: true },
    });
    const ask = async (claims: object) => server.ask([bearer(await signedBySecret({ ...CLAIMS, ...claims }))]);
    expect(await ask({ roles: ['ops'], email_verified: true })).toMatchObject({ kind: 'granted' });
    expect(await ask({ roles: ['ops'], email_verified: 'true' })).toMatchObject({ status: 403, reason: 'not_allowed' });
    expect(await ask({ roles: 'dev', email_verified: true })).toMatchObject({ status: 403, reason: 'not_allowed' });
    const listed = await serve({ secret: LONG_SECRET, required_claims: ['email'] });
    expect(await listed.ask([bearer(await signedBySecret(CLAIMS))])).toMatchObject({ status: 403 });
    expect(await listed.ask([bearer(await signedBySecret({ ...CLAIMS, email: 'a@b' }))])).toMatchObject({
      kind: 'granted',
    });
  });

  test('and still after the token was remembered', async () => {
    const server = await serve({ secret: LONG_SECRET, required_scopes: 'write' });
    const line = bearer(await signedBySecret(CLAIMS));
    for (let i = 0; i < 3; i++) expect(await server.ask([line])).toMatchObject({ status: 403 });
  });
});

const now = Math.floor(Date.now() / 1_000);

test.each<[string, object, object, object, string]>([
  ['leeway', { leeway: '5m' }, { exp: now - 200 }, {}, 'token_expired'],
  ['require_exp', { require_exp: false }, { exp: undefined }, {}, 'token_claims'],
  ['ignore_cnf', { ignore_cnf: true }, { cnf: { jkt: 'x' } }, {}, 'token_claims'],
  ['unchecked audience', {}, { aud: 'any' }, { audience: 'api' }, 'token_audience'],
  ['unchecked age', {}, { iat: now - 7_200 }, { max_age: '1h' }, 'token_expired'],
  ['any type', {}, {}, { token_type: 'access_token' }, 'token_type'],
])('%s in the file decides', async (_what, lenient, claims, strict, reason) => {
  const token = await signedBySecret({ ...CLAIMS, ...claims });
  const [one, two] = [
    await serve({ secret: LONG_SECRET, ...lenient }),
    await serve({ secret: LONG_SECRET, ...strict }),
  ];
  expect(await one.ask([bearer(token)])).toMatchObject({ kind: 'granted' });
  expect(await two.ask([bearer(token)])).toMatchObject(rejected(reason));
});

test('an access token of RFC 9068 is granted where the file asks for one', async () => {
  const server = await serve({ secret: LONG_SECRET, token_type: 'access_token' });
  expect(await server.ask([bearer(await signedBySecret(CLAIMS, { typ: 'at+jwt' }))])).toMatchObject({
    kind: 'granted',
  });
  expect(await server.ask([bearer(await signedBySecret(CLAIMS, { typ: 'JWT' }))])).toMatchObject(
    rejected('token_type'),
  );
});

test.each<[Narrowing, string | undefined]>([
  [{}, undefined],
  [{ audience: ['api', 'x'] }, undefined],
  [{ audience: ['x'] }, 'token_audience'],
  [{ required_scopes: ['read'] }, undefined],
  [{ required_scopes: ['read', 'write'] }, 'insufficient_scope'],
  [{ required_claims: { team: ['a'] } }, undefined],
  [{ required_claims: { team: ['b'] } }, 'not_allowed'],
  [{ required_claims: { missing: null } }, 'not_allowed'],
  [{ issuers: ['https://id.example'], audience: ['x'] }, 'token_audience'],
])('a route that asks for %j meets the caller with %p', (narrowing, reason) => {
  const claims = { aud: ['api'], team: 'a' };
  const identity = { method: 'jwt', subject: 'a', issuer: 'https://id.example', scopes: ['read'], claims };
  expect(jwt.judge(narrowing, identity)).toBe(reason);
});

test('a route may name an issuer by its name in the file, or as it is', async () => {
  const { authenticate, strategy } = atWork(jwt, {
    issuers: [{ name: 'one', issuer: CLAIMS.iss, secret: LONG_SECRET }],
  });
  open.push(strategy);
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = ['Authorization', `Bearer ${await signedBySecret(CLAIMS)}`];
  request.url = '/';
  const [identity] = ((await authenticate(attemptOf(request))) as Granted).identities;
  if (!identity) throw new Error('not granted');
  expect(jwt.judge({ issuers: ['one'] }, identity)).toBeUndefined();
  expect(jwt.judge({ issuers: ['two', CLAIMS.iss] }, identity)).toBeUndefined();
  expect(jwt.judge({ issuers: ['two'] }, identity)).toBe('token_issuer');
});
