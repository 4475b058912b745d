/** The `detail` of a denial in the log: what was expected, what was found, and the numbers that matter. */
import { createServer } from 'node:http';
import { hashSync } from 'bcryptjs';
import { loom } from '../../src/loom.js';
import { signed, signingKey } from '../tokens/signing.js';
import { ask, type Question } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { seconds, tokenIssuer, type Claims, type TokenIssuer } from '../support/token-issuer.js';
import { askedServer, json } from '../tokens/introspection-server.js';

const OTHER = signingKey('RS256');
const SECRET = 'the-key-of-the-partner';

const file = (introspection: string, issuer: string): string => `
middleware:
  auth:
    api_key:
      keys:
        - { key: ${SECRET}, name: partner, allowed_ips: ["203.0.113.0/24"] }
        - { key: an-expired-key, name: old, expires: "2026-01-01T00:00:00Z" }
        - { key: a-good-key, name: good }
    basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }] }
    oauth: { introspection_url: "${introspection}/", client_id: us, client_secret: s-e-c-r-e-t, audience: [api], required_scopes: [write] }
    jwt:
      issuer: ${issuer}
      jwks_url: ${issuer}/jwks
      audience: [api]
      max_age: 1h
      required_claims: { role: [admin, ops] }
rate_limit: { enabled: true, rate: 1000, burst: 1000, key: ip }
routes:
  - { id: key, path: /key, auth: { api_key: true } }
  - { id: alice, path: /alice, auth: { methods: [api_key], narrow: { api_key: { names: [partner] } } } }
  - { id: basic, path: /basic, auth: { basic: true } }
  - { id: token, path: /token, auth: { jwt: true } }
  - { id: write, path: /write, auth: { methods: [jwt], narrow: { jwt: { required_scopes: [write] } } } }
  - { id: opaque, path: /opaque, auth: { oauth: true } }
  - { id: any, path: /any, auth: { methods: [jwt, api_key] } }
  - { id: limited, path: /limited, auth: none, rate_limit: { rate: 1, burst: 1 } }
`;

let issuer: TokenIssuer;
let introspection: Awaited<ReturnType<typeof askedServer>>;
let gate: ReturnType<typeof loom>;
let port = 0;
const log = quietLog();
const server = createServer((req, res) => gate(req, res, () => res.end('passed')));

beforeAll(async () => {
  issuer = await tokenIssuer({ kid: 'k1' });
  introspection = await askedServer(json({ active: false }));
  gate = loom({ text: file(introspection.origin, issuer.origin), file: 'loom.yaml' }, { log });
  await gate.ready;
  port = await listening(server);
});
afterAll(async () => {
  await closed(server);
  await gate.close();
  await Promise.all([introspection.close(), issuer.close()]);
});

/** Sends a request that is denied, and returns the line of the denial. */
async function denied(path: string, headers: Question['headers'] = {}): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await ask({ port, path, headers });
  const { instance } = JSON.parse(body) as { instance: string };
  const line = log.entries.map(({ facts }) => facts).find((facts) => facts['instance'] === instance);
  expect(line).toMatchObject({
    event: 'denied',
    status,
    http_method: 'GET',
    path,
    host: `127.0.0.1:${port}`,
    client: '127.0.0.1',
  });
  return line ?? {};
}

const tokenOf = (claims: Claims = {}, header: object = {}): Promise<string> =>
  issuer.token({ aud: 'api', sub: 'ada', role: 'admin', ...claims }, header);
/** A token with a signature of another key. */
const forged = (): Promise<string> =>
  signed({ iss: issuer.origin, sub: 'ada' }, { alg: 'RS256', key: OTHER.privateKey, header: { kid: 'k1' } });
const bearer = (token: string): Question['headers'] => ({ Authorization: `Bearer ${token}` });

describe('an API key', () => {
  test.each([
    [
      'in another header',
      { 'X-Api-Token': SECRET },
      /no credential in header `X-Api-Key`; the request has `X-Api-Token`/,
    ],
    ['in Authorization', { Authorization: `Bearer ${SECRET}` }, /the request has `Authorization`/],
    ['that is unknown', { 'X-API-Key': 'abcdefgh' }, /no key with this value of 8 characters in header `X-Api-Key`$/],
    ['in quotes', { 'X-API-Key': `"${SECRET}"` }, /the value is in quotes/],
    ['with a scheme', { 'X-API-Key': `Bearer ${SECRET}` }, /the value begins with a scheme/],
    ['that has expired', { 'X-API-Key': 'an-expired-key' }, /the key "old" expired \d+ d ago/],
    ['from another address', { 'X-API-Key': SECRET }, /the key "partner" does not allow the address 127\.0\.0\.1/],
  ])('%s', async (_what, headers, detail) => {
    const line = await denied('/key', headers);
    expect(line).toMatchObject({ route: 'key', detail: expect.stringMatching(detail) as string });
    expect(JSON.stringify(line)).not.toContain(SECRET);
  });

  test('of another name than the route allows', async () => {
    const { detail, auth_method } = await denied('/alice', { 'X-API-Key': 'a-good-key' });
    expect({ detail, auth_method }).toEqual({
      detail: 'api_key: "good" does not satisfy names ("partner") of the route',
      auth_method: 'api_key',
    });
  });
});

test.each([
  ['no password', {}, /no credential in `Authorization: Basic …`$/],
  ['another scheme', { Authorization: 'Token x' }, /the request has `Authorization` with the scheme `Token`/],
  ['a scheme in capitals', { Authorization: 'DPOP x' }, /`Authorization` with the scheme `DPoP`/],
  ['a password of two words', { Authorization: 'correct horse' }, /^(?!.*(?:correct|horse)).*with an unknown scheme/i],
  ['a key and a word', { Authorization: 'sk-4f6e x' }, /^(?!.*4f6e).*with an unknown scheme/i],
  ['no scheme', { Authorization: 'x' }, /the request has `Authorization` without a scheme/],
  ['a wrong password', { Authorization: `Basic ${btoa('ada:hunter2')}` }, /the password of the user "ada" is wrong/],
  ['an unknown user', { Authorization: `Basic ${btoa('hunter2:x')}` }, /no user has this name of 7 characters/],
  ['no base64', { Authorization: 'Basic ada:right' }, /not the base64 of a user, a colon and a password/],
])('basic: %s', async (_what, headers, detail) => {
  const line = await denied('/basic', headers);
  expect(line['detail']).toMatch(detail);
  expect(JSON.stringify(line)).not.toContain('hunter2');
});

describe('a token', () => {
  test.each<[string, () => Promise<string>, string, RegExp]>([
    [
      'that has expired',
      () => tokenOf({ exp: seconds() - 41 }),
      'token_expired',
      /^jwt: expired 4\d s ago, leeway 30 s$/,
    ],
    ['that is too old', () => tokenOf({ iat: seconds() - 10_800 }), 'token_expired', /issued 3 h ago, max_age 60 min/],
    [
      'of the future',
      () => tokenOf({ nbf: seconds() + 90 }),
      'token_not_yet_valid',
      /`nbf` is (?:90|89|88) s in the future/,
    ],
    [
      'of an issuer with a slash',
      () => tokenOf({ iss: `${issuer.origin}/` }),
      'token_issuer',
      /`iss` is "http:\/\/127.0.0.1:\d+\/"; expected "http:\/\/127.0.0.1:\d+": they differ only by a trailing slash \(unverified/,
    ],
    [
      'for another audience',
      () => tokenOf({ aud: ['web', 'API'] }),
      'token_audience',
      /`aud` is "web" and "API"; expected "api": they differ only by the case/,
    ],
    [
      'for an audience with white space',
      () => tokenOf({ aud: 'api ' }),
      'token_audience',
      /`aud` is "api "; expected "api": they differ only by white space/,
    ],
    ['of an unknown key', () => tokenOf({}, { kid: 'k9' }), 'token_unknown_key', /no key for a token with `kid` "k9"/],
    [
      'that is cut',
      async () => (await tokenOf({})).slice(0, -22),
      'token_signature',
      /the signature has 240 bytes, and no signature of RS256 has this length; the token may be cut/,
    ],
    [
      'with a wrong signature',
      forged,
      'token_signature',
      /no key verifies the signature of a token with `kid` "k1" and `alg` "RS256"/,
    ],
    ['that is an ID token', () => tokenOf({ at_hash: 'x' }), 'token_type', /not an access token: `at_hash`/],
    ['without an expiry', () => tokenOf({ exp: undefined }), 'token_claims', /the token has no `exp`/],
    [
      'without a subject',
      () => tokenOf({ sub: undefined, id: '7', email: 'a@b.c' }),
      'subject_missing',
      /the token has `role`, `id` and `email`; see `subject_claim`/,
    ],
    [
      'without the role',
      () => tokenOf({ role: 'user' }),
      'not_allowed',
      /claim "role" must have "\[\\"admin\\",\\"ops\\"\]"/,
    ],
    [
      'that is no JWT',
      () => Promise.resolve('opaque-token'),
      'credential_invalid',
      /a value of 12 characters and 1 part is not a signed JWT/,
    ],
    [
      'with a broken part',
      async () => `${(await tokenOf()).split('.', 2).join('.')}.=`,
      'token_malformed',
      /3 parts is not a valid compact JWS/,
    ],
  ])('%s', async (_what, token, reason, detail) => {
    const value = await token();
    const line = await denied('/token', bearer(value));
    expect(line).toMatchObject({ reason, detail: expect.stringMatching(detail) as string });
    expect(JSON.stringify(line)).not.toContain(value);
  });

  test('without the scope of the route', async () => {
    const { detail } = await denied('/write', bearer(await tokenOf({ scope: 'read list' })));
    expect(detail).toBe('jwt: scope "write" is missing; the credential has "read" and "list"');
  });

  test('that one of several methods refused', async () => {
    const { detail } = await denied('/any', { ...bearer(await tokenOf({ exp: 1 })), 'X-Api-Token': 'x' });
    expect(detail).toMatch(
      /^jwt: expired \d+ d ago, leeway 30 s; api_key: no credential in header `X-Api-Key`; the request has .*`X-Api-Token`$/,
    );
  });
});

test.each<[string, object, string, RegExp]>([
  ['not active', { active: false }, 'token_inactive', /says that a token of \d+ characters is not active/],
  ['for another audience', { active: true, sub: 'a', aud: 'web' }, 'token_audience', /`aud` is "web"; expected "api"/],
  [
    'without the scope',
    { active: true, sub: 'a', aud: 'api', scope: 'read' },
    'insufficient_scope',
    /scope "write" is missing; the credential has "read"/,
  ],
])('an introspected token: %s', async (what, answer, reason, detail) => {
  introspection.answer = json(answer);
  const line = await denied('/opaque', bearer(`opaque-${what.replaceAll(' ', '-')}`));
  expect(line).toMatchObject({ reason, detail: expect.stringMatching(detail) as string });
});

test('a limit says how many requests it allows, and when one passes', async () => {
  await ask({ port, path: '/limited' });
  const { detail } = await denied('/limited');
  expect(detail).toMatch(/the limit of scope route \(1 requests in 1 s, burst 1\) is reached; a request passes in 1 s/);
});

test('a bad target and a wrong method say what is there', async () => {
  expect((await denied('/key//x'))['detail']).toMatch(/dot segment or an empty segment/);
  const { status } = await ask({ port, path: '/key', method: 'TRACE' });
  expect(status).toBe(405);
  expect(log.entries.at(-1)?.facts).toMatchObject({ code: 'method_not_allowed', detail: expect.any(String) as string });
});
