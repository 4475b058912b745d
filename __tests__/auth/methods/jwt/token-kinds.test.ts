/** Tokens, keys and places of many issuers: what `jwt` accepts of each, and what stays refused. */
import { createSecretKey } from 'node:crypto';
import { jwt } from '../../../../src/auth/methods/jwt/jwt.js';
import { askedServer, json, type AskedServer } from '../../../tokens/introspection-server.js';
import { signed, signingKey } from '../../../tokens/signing.js';
import { atWork, serveMethod, type MethodServer } from '../../../support/method-server.js';

const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((each) => each.close())));

async function serve(block: object): Promise<MethodServer> {
  const method = atWork(jwt, block);
  await method.strategy.ready;
  const server = await serveMethod(method);
  open.push(server, method.strategy);
  return server;
}

async function issuer(...keys: readonly object[]): Promise<AskedServer> {
  const server = await askedServer(json({ keys }));
  open.push(server);
  return server;
}

const errors = (block: object): readonly string[] =>
  jwt
    .findings(jwt.options.parse(block))
    .filter(({ level }) => level === 'error')
    .map(({ path, message }) => `${path.join('.')}: ${message}`);

const ISS = 'https://id.example';
const AUD = 'web';
const EXP = Math.floor(Date.now() / 1_000) + 3_600;
const CLAIMS = { sub: 'alice', exp: EXP, iss: ISS, aud: AUD };
const rsa = signingKey('RS256');
const other = signingKey('RS256');
const sign = (claims: object = {}, header: object = {}) =>
  signed({ ...CLAIMS, ...claims }, { alg: 'RS256', key: rsa.privateKey, header: { ...header } });
const bearer = (token: string) => `Authorization: Bearer ${token}`;
const brief = async (server: MethodServer, ...lines: string[]): Promise<string> => {
  const verdict = await server.ask(lines);
  return verdict.kind === 'rejected' ? `${verdict.status} ${verdict.reason}` : verdict.kind;
};

describe('token_type: id_token', () => {
  let ids: MethodServer;
  let accesses: MethodServer;
  beforeAll(async () => {
    const block = { issuer: ISS, audience: [AUD, 'app'], public_key: rsa.pem };
    [ids, accesses] = [await serve({ ...block, token_type: 'id_token' }), await serve(block)];
  });

  test.each<[string, object]>([
    ['at_hash', { at_hash: 'x' }],
    ['c_hash', { c_hash: 'x' }],
    ['the mark of Cognito', { token_use: 'id' }],
    ['the mark of Keycloak', { typ: 'ID' }],
  ])('accepts %s, which is refused without it', async (_what, claims) => {
    const token = await sign(claims);
    expect(await brief(ids, bearer(token))).toBe('granted');
    expect(await brief(accesses, bearer(token))).toBe('401 token_type');
  });

  test.each<[string, string, object, object]>([
    ['token_type', 'a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, {}],
    ['token_type', 'a logout token by its type', {}, { typ: 'logout+jwt' }],
    ['token_type', 'an access token', {}, { typ: 'at+jwt' }],
    ['token_type', 'an access token of Cognito', { token_use: 'access' }, {}],
    ['token_type', 'an access token of Keycloak', { typ: 'Bearer' }, {}],
    ['token_type', 'a refresh token', { typ: 'Refresh' }, {}],
    ['token_audience', 'a token of another client', { aud: 'else' }, {}],
    ['token_audience', 'several audiences without azp', { aud: [AUD, 'else'] }, {}],
    ['token_audience', 'several audiences and the azp of another client', { aud: [AUD, 'else'], azp: 'else' }, {}],
    ['token_audience', 'several audiences and an azp that is a list', { aud: [AUD, 'else'], azp: [AUD] }, {}],
    ['token_claims', 'a token bound to a key', { cnf: { jkt: 'x' } }, {}],
  ])('answers %s to %s', async (reason, _what, claims, header) => {
    expect(await brief(ids, bearer(await sign(claims, header)))).toBe(`401 ${reason}`);
    expect(await brief(ids, bearer(await sign({ aud: [AUD, 'else'], azp: 'app' })))).toBe('granted');
  });

  test('needs an audience', () => {
    expect(errors({ issuer: ISS, token_type: 'id_token' })).toEqual([
      expect.stringMatching(/^token_type: .*"audience"/),
    ]);
    const issuers = [{ issuer: ISS, token_type: 'id_token' }];
    expect(errors({ issuers })).toEqual([expect.stringMatching(/^issuers\.0\.token_type: /)]);
    expect(errors({ issuers, audience: AUD })).toEqual([]);
  });
});

test.each(['JOSE', 'jose', 'application/jose', 'JWT', 'at+jwt'])('the type %s is accepted', async (typ) => {
  const server = await serve({ issuer: ISS, public_key: rsa.pem });
  expect(await brief(server, bearer(await sign({}, { typ })))).toBe('granted');
  expect(await brief(server, bearer(await sign({}, { typ: `${typ}s` })))).toBe('401 token_type');
});

describe('max_token_size', () => {
  const groups = Array.from({ length: 170 }, (_, at) => `${at}`.padStart(36, '0'));

  test('a token of a user in 170 groups passes by default', async () => {
    const server = await serve({ issuer: ISS, public_key: rsa.pem });
    const token = await sign({ groups });
    expect(token.length).toBeGreaterThan(8_192);
    expect(await brief(server, bearer(token))).toBe('granted');
    expect(await brief(server, bearer(await sign({ groups: [...groups, ...groups.slice(80)] })))).toBe(
      '401 token_too_large',
    );
  });

  test('an issuer may have a limit of its own', async () => {
    const issuers = [
      { issuer: ISS, public_key: rsa.pem },
      { issuer: 'https://b.example', public_key: rsa.pem, max_token_size: '12KB' },
    ];
    const server = await serve({ issuers, max_token_size: '4KB' });
    expect(await brief(server, bearer(await sign({ groups })))).toBe('401 token_too_large');
    expect(await brief(server, bearer(await sign({ iss: 'https://b.example', groups })))).toBe('granted');
  });
});

describe('the place of a token', () => {
  test('a header other than Authorization holds the token alone by default', async () => {
    const token = await sign();
    const block = { issuer: ISS, public_key: rsa.pem };
    const server = await serve({ ...block, header: 'X-Auth-Token' });
    expect(await brief(server, `X-Auth-Token: ${token}`)).toBe('granted');
    expect(await brief(server, `X-Auth-Token: Bearer ${token}`)).not.toBe('granted');
    expect(await brief(server, bearer(token))).toBe('absent');
    const schemed = await serve({ ...block, header: 'X-Auth-Token', scheme: 'Bearer' });
    expect(await brief(schemed, `X-Auth-Token: Bearer ${token}`)).toBe('granted');
    expect(await brief(schemed, `X-Auth-Token: ${token}`)).toBe('absent');
    const plain = await serve({ ...block, scheme: '' });
    expect(await brief(plain, `Authorization: ${token}`)).toBe('granted');
  });

  test('a cookie value may be in double quotes', async () => {
    const server = await serve({ issuer: ISS, public_key: rsa.pem, cookie: 'session' });
    const token = await sign();
    expect(await brief(server, `Cookie: session="${token}"`)).toBe('granted');
    expect(await brief(server, `Cookie: a="b"; session=${token}`)).toBe('granted');
    for (const value of [`"${token}`, `${token}"`, `""${token}""`])
      expect(await brief(server, `Cookie: session=${value}`)).not.toBe('granted');
    const offers = jwt.places(jwt.options.parse({ cookie: 'session' }));
    expect(offers).toContainEqual({ in: 'cookie', name: 'session' });
  });

  test('realm is in each challenge', async () => {
    const server = await serve({ issuer: ISS, public_key: rsa.pem, realm: 'api', required_scopes: 'read' });
    const realm = expect.objectContaining({ realm: 'api' }) as unknown;
    for (const lines of [[], [bearer('a.b.c')], [bearer(await sign({ exp: 1 }))], [bearer(await sign())]])
      expect(await server.ask(lines)).toMatchObject({ challenges: [{ scheme: 'Bearer', params: realm }] });
  });
});

describe('keys', () => {
  test.each<[string, object, string]>([
    ['a key without kid', rsa.jwk, 'any'],
    ['a key of a SPIFFE bundle', { ...rsa.jwk, kid: 'a', use: 'jwt-svid' }, 'a'],
  ])('%s verifies', async (_what, jwk, kid) => {
    const { origin } = await issuer(jwk);
    const server = await serve({ issuer: ISS, jwks_url: origin });
    expect(await brief(server, bearer(await sign({}, { kid })))).toBe('granted');
    expect(await brief(server, bearer(await sign()))).toBe('granted');
    const forged = await signed(CLAIMS, { alg: 'RS256', key: other.privateKey, header: { kid } });
    expect(await brief(server, bearer(forged))).toBe('401 token_signature');
  });

  test('two keys of one kid are both tried', async () => {
    const { origin } = await issuer({ ...other.jwk, kid: 'a' }, { ...rsa.jwk, kid: 'a' });
    const server = await serve({ issuer: ISS, jwks_url: origin });
    expect(await brief(server, bearer(await sign({}, { kid: 'a' })))).toBe('granted');
    expect(await brief(server, bearer(await sign({}, { kid: 'b' })))).toBe('401 token_unknown_key');
  });

  test('a new key behind a key without kid is found', async () => {
    const set = await issuer(other.jwk);
    const server = await serve({ issuer: ISS, jwks_url: set.origin });
    set.answer = json({ keys: [other.jwk, { ...rsa.jwk, kid: 'new' }] });
    expect(await brief(server, bearer(await sign({}, { kid: 'new' })))).toBe('granted');
  });

  test.each<[string, unknown]>([
    ['inline', { keys: [{ ...rsa.jwk, kid: 'a', alg: 'RS256' }] }],
    ['as JSON', JSON.stringify({ keys: [{ ...rsa.jwk, kid: 'a' }] })],
  ])('a key set %s verifies without a fetch', async (_what, jwks) => {
    const block = { issuer: ISS, jwks };
    expect(errors(block)).toEqual([]);
    const server = await serve(block);
    expect(await brief(server, bearer(await sign({}, { kid: 'a' })))).toBe('granted');
    expect(await brief(server, bearer(await sign({}, { kid: 'b' })))).toBe('401 token_unknown_key');
  });

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /jwks: is not JSON/],
    ['no list', '{}', /jwks: has no list "keys"/],
    ['a member twice', '{"keys":[],"keys":[]}', /jwks: is not JSON/],
    ['an empty list', { keys: [] }, /has no key/],
    ['only keys for encryption', { keys: [{ ...rsa.jwk, use: 'enc' }] }, /has no key/],
    ['a private key', { keys: [rsa.privateKey.export({ format: 'jwk' })] }, /keys\[0\] is a private or secret key/],
    ['a shared secret', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, /keys\[0\] is a private or secret key/],
  ])('a key set with %s is an error', (_what, jwks, message) => {
    expect(errors({ issuer: ISS, jwks }).join()).toMatch(message);
  });

  test.each(['base64', 'base64url'] as const)('a secret in %s signs by its bytes', async (encoding) => {
    const bytes = Buffer.from(Array.from({ length: 34 }, (_, at) => 255 - at));
    const secret = bytes.toString(encoding);
    const byBytes = await signed(CLAIMS, { alg: 'HS256', key: createSecretKey(bytes) });
    const byText = await signed(CLAIMS, { alg: 'HS256', key: createSecretKey(Buffer.from(secret)) });
    const [decoded, plain] = [await serve({ issuer: ISS, secret, secret_encoding: encoding }), await serve({ secret })];
    expect(await brief(decoded, bearer(byBytes))).toBe('granted');
    expect(await brief(decoded, bearer(byText))).toBe('401 token_signature');
    expect(await brief(plain, bearer(byText))).toBe('granted');
    const unpadded = await serve({ secret: secret.replace(/=+$/, ''), secret_encoding: encoding });
    expect(await brief(unpadded, bearer(byBytes))).toBe('granted');
  });

  test('an option that no issuer reads is an error', () => {
    expect(errors({ issuer: ISS, secret_encoding: 'base64' })).toEqual([expect.stringMatching(/^secret_encoding: /)]);
    const ca = 'x';
    expect(errors({ issuer: ISS, public_key: rsa.pem, ca }).join()).toMatch(/ca: is given where no key is fetched/);
  });
});

describe('an issuer with a secret and a key set', () => {
  const old = 'a secret that is being retired, of more than 32 bytes';
  const bySecret = () => signed(CLAIMS, { alg: 'HS256', key: createSecretKey(Buffer.from(old)) });

  test('accepts both, each by its own algorithms', async () => {
    const { origin } = await issuer({ ...rsa.jwk, kid: 'a' });
    const issuers = [
      { name: 'new', issuer: ISS, jwks_url: origin },
      { name: 'old', issuer: ISS, secret: old },
    ];
    const block = { issuers, audience: AUD };
    expect(errors(block)).toEqual([]);
    const server = await serve(block);
    expect(await brief(server, bearer(await sign({}, { kid: 'a' })))).toBe('granted');
    expect(await brief(server, bearer(await bySecret()))).toBe('granted');
    const confused = await signed(CLAIMS, { alg: 'HS256', key: createSecretKey(Buffer.from(rsa.pem)) });
    expect(await brief(server, bearer(confused))).toBe('401 token_signature');
    const options = jwt.options.parse(block);
    const verdict = await server.ask([bearer(await bySecret())]);
    expect(verdict.kind).toBe('granted');
    expect(jwt.unknownNames(options, { issuers: ['old', ISS] })).toEqual([]);
  });
});

describe('discovery', () => {
  test('asks the address of RFC 8414 too', async () => {
    const server = await issuer();
    const iss = `${server.origin}/tenant`;
    server.answer = (asked, response) => {
      const documents: Record<string, object> = {
        '/.well-known/oauth-authorization-server/tenant': { issuer: iss, jwks_uri: `${server.origin}/keys` },
        '/keys': { keys: [{ ...rsa.jwk, kid: 'a' }] },
      };
      const found = documents[asked.url];
      response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? {}));
    };
    const gate = await serve({ issuer: iss });
    expect(await brief(gate, bearer(await sign({ iss }, { kid: 'a' })))).toBe('granted');
    expect(server.asked.map(({ url }) => url)).toEqual([
      '/tenant/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/tenant',
      '/keys',
    ]);
  });
});
