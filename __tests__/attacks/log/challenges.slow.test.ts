/** WWW-Authenticate by RFC 9110: what to send next on 401, what is missing on 403, and absent elsewhere. */
import { ADMIN_BASIC, closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { challengeFields, parseChallenges, type ParsedChallenge } from '../../support/challenges.js';
import { openRefusingGround, refusedRequests } from '../../support/refused-requests.js';
import { statusOf } from '../../support/ask.js';
import { rawToken, seconds } from '../../support/token-issuer.js';
import { handshake } from '../../support/handshake.js';

let ground: Ground;
beforeAll(async () => {
  ground = await openRefusingGround({
    routes: `
  - { id: quoted, path: /quoted, upstream: backend, auth: { jwt: { required_scopes: ["a:b", "c/d"] } } }
  - { id: halves, path: /halves, upstream: backend, auth: { methods: [api_key, oauth], require_any: false } }`,
  });
});
afterAll(closeGrounds);

/** One challenge in each field, so that clients that split at commas also read it. */
function challengesOf(answer: string): readonly ParsedChallenge[] {
  return challengeFields(answer).map((field) => {
    const [challenge, ...rest] = parseChallenges(field);
    expect(rest).toEqual([]);
    return challenge as ParsedChallenge;
  });
}

const REALM = 'loom';
const BEARER = { scheme: 'Bearer', params: { realm: REALM } };
const BASIC = { scheme: 'Basic', params: { realm: 'ops', charset: 'UTF-8' } };
const KEYS = { scheme: 'ApiKey', params: { realm: REALM } };
const invalid = { scheme: 'Bearer', params: { realm: REALM, error: 'invalid_token' } };

const offered = async (path: string, ...lines: readonly string[]) => {
  const answer = await ground.send(get(path, ...lines, 'Connection: close'));
  return { status: statusOf(answer), challenges: challengesOf(answer) };
};

describe('LOG-06 challenges', () => {
  test.each<[string, readonly ParsedChallenge[]]>([
    ['/internal', [BEARER]],
    ['/api/v1/x', [KEYS]],
    ['/ops', [BASIC]],
    ['/oauth', [BEARER]],
    ['/any', [BEARER, KEYS]],
    ['/all', [BEARER]],
    ['/both', [BEARER, BASIC]],
  ])('nothing at %s: one challenge for each accepted method, without an error', async (path, challenges) => {
    expect(await offered(path)).toEqual({ status: 401, challenges });
  });

  test.each([
    ['expired', async () => ground.issuer.token({ exp: seconds() - 600 })],
    ['of others', async () => ground.issuer.token({ aud: 'other' })],
    ['of a stranger', async () => ground.issuer.token({ iss: 'https://other.example' })],
    ['forged', () => rawToken({ alg: 'RS256', kid: 'of-the-page' }, { iss: ground.issuer.origin }, 'AAAA')],
    ['unsigned', () => rawToken({ alg: 'none' }, { iss: ground.issuer.origin })],
    ['no token at all', () => 'garbage'],
  ])('a token %s: only invalid_token', async (_what, token) => {
    expect(await offered('/internal', `Authorization: Bearer ${await token()}`)).toEqual({
      status: 401,
      challenges: [invalid],
    });
  });

  test('a wrong key, password and user: the same challenge as without a credential', async () => {
    const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;
    expect(await offered('/api/v1/x', 'X-API-Key: nobody-has-this')).toEqual({ status: 401, challenges: [KEYS] });
    for (const wrong of ['admin:wrong', 'nobody:wrong', ':', 'admin'])
      expect(await offered('/ops', basic(wrong))).toEqual({ status: 401, challenges: [BASIC] });
  });

  test('one of two required credentials is right: the other is requested, and a missing token is not called invalid', async () => {
    expect(await offered('/halves', `X-API-Key: ${KEY}`)).toEqual({ status: 401, challenges: [BEARER] });
    expect(await offered('/all', `Authorization: Bearer ${await ground.issuer.token()}`)).toEqual({
      status: 401,
      challenges: [KEYS],
    });
  });

  test('403 for a scope names the scope, and no other 403 has a challenge', async () => {
    const token = `Authorization: Bearer ${await ground.issuer.token({ scope: 'read' })}`;
    const lacking = (scope: string) => [
      { scheme: 'Bearer', params: { realm: REALM, error: 'insufficient_scope', scope } },
    ];
    expect(await offered('/scoped', token)).toEqual({ status: 403, challenges: lacking('admin') });
    expect(await offered('/quoted', token)).toEqual({ status: 403, challenges: lacking('a:b c/d') });
    const answer = await ground.send(
      get(
        '/ops',
        `Authorization: ${ADMIN_BASIC.Authorization}`,
        'Sec-Fetch-Site: cross-site',
        'Connection: close',
      ).replace('GET', 'DELETE'),
    );
    expect([statusOf(answer), challengeFields(answer)]).toEqual([403, []]);
  });

  test('400: two credentials of one kind, with or without a challenge with invalid_request', async () => {
    const answer = await offered('/ops', `Authorization: ${ADMIN_BASIC.Authorization}`, 'Authorization: Basic YTpi');
    expect(answer.status).toBe(400);
    for (const { params } of answer.challenges) expect(params['error'] ?? 'invalid_request').toBe('invalid_request');
  });

  test('every refusal: well-formed challenges, at least one on 401, none except on 400, 401 and 403', async () => {
    for (const { what, status, bytes } of await refusedRequests(ground)) {
      const answer = await ground.send(bytes);
      const challenges = challengesOf(answer);
      expect({ what, status: statusOf(answer) }).toEqual({ what, status });
      if (status === 401) expect({ what, count: challenges.length }).not.toEqual({ what, count: 0 });
      else if (status !== 400 && status !== 403) expect({ what, challenges }).toEqual({ what, challenges: [] });
      for (const { scheme, params } of challenges) {
        expect(['Bearer', 'Basic', 'ApiKey']).toContain(scheme);
        expect([scheme, params]).toEqual([scheme, expect.objectContaining({ realm: expect.any(String) as string })]);
      }
      expect(new Set(challenges.map((each) => JSON.stringify(each))).size).toBe(challenges.length);
    }
  });

  test('a WebSocket gets the same challenges', async () => {
    expect(challengesOf(await ground.send(handshake('/any')))).toEqual([BEARER, KEYS]);
    expect(challengesOf(await ground.send(handshake('/any', 'Authorization: Bearer x')))).toEqual([invalid, KEYS]);
  });

  test('realms are quoted whatever they contain', async () => {
    const odd = await openGround({
      replaceAuth: true,
      auth: `
    basic: { realm: 'a "b" \\ c, Bearer x="y"', users: [{ username: admin, password_hash: "$2b$10$abcdefghijklmnopqrstuuXUHLbhzz1ZHPJUaLmNnfV4SZm4AGDMq" }] }`,
      replaceRoutes: true,
      routes: '\n  - { id: ops, path: /ops/*, upstream: backend, auth: { basic: true } }',
    });
    const [challenge, ...rest] = challengesOf(await odd.send(get('/ops', 'Connection: close')));
    expect(challenge?.params['realm']).toBe('a "b" \\ c, Bearer x="y"');
    expect(rest).toEqual([]);
  });

  test('twin: an admitted request, a public one, and a response of the upstream have none', async () => {
    const token = `Authorization: Bearer ${await ground.issuer.token()}`;
    expect(await offered('/public/x')).toEqual({ status: 200, challenges: [] });
    expect(await offered('/internal', token)).toEqual({ status: 200, challenges: [] });
    expect(await offered('/public/x', 'Authorization: Bearer garbage')).toEqual({ status: 200, challenges: [] });
  });

  test.each([
    'Basic realm="a", ',
    'Basic realm=a b',
    'Basic realm="a',
    'Basic realm="a" Bearer',
    'Bearer realm="a", realm="b"',
    '"Basic"',
    'Basic realm=,x=1',
  ])('twin: the reader rejects %s as malformed', (value) => {
    expect(() => parseChallenges(value)).toThrow();
  });

  test('twin: the reader reads the examples of RFC 9110', () => {
    const value = 'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""';
    expect(parseChallenges(value)).toEqual([
      { scheme: 'Basic', params: { realm: 'simple' } },
      { scheme: 'Newauth', params: { realm: 'apps', type: '1', title: 'Login to "apps"' } },
    ]);
    expect(parseChallenges('Negotiate a87421000492aa874209af8bc028==, Basic realm=x')).toHaveLength(2);
  });
});
