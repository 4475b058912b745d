/** The list of the Loom page, "Troubleshooting": for each item a refused request, and the record that answers the item. */
import { closeAll, groundOf, type ReasonGround } from './reason-ground.js';
import { seconds, tokenIssuer, type Claims, type TokenIssuer } from '../support/token-issuer.js';

const KEY = 'sk_of_the_page_list_01';

let issuer: TokenIssuer;
beforeAll(async () => void (issuer = await tokenIssuer({ kid: 'k1' })));
afterEach(closeAll);
afterAll(() => issuer.close());

const jwtGround = (keys = issuer.origin): Promise<ReasonGround> =>
  groundOf(`jwt: { issuer: "${issuer.origin}", jwks_url: "${keys}/jwks", audience: [api] }`, '{ jwt: true }');
const withToken = async (ground: ReasonGround, claims: Claims): Promise<number> =>
  ground.send({ Authorization: `Bearer ${await issuer.token({ aud: 'api', ...claims })}` });
const keyGround = (): Promise<ReasonGround> =>
  groundOf(`api_key: { keys: [{ key: ${KEY}, name: alice }] }`, '{ api_key: true }');

describe('JWT validation fails', () => {
  test.each<[string, Claims, string, RegExp]>([
    ['check token expiration', { exp: seconds() - 641 }, 'token_expired', /expired 1\d min ago, leeway 30 s/],
    [
      'verify issuer',
      { iss: 'https://other.example' },
      'token_issuer',
      /`iss` is "https:\/\/other.example".*expected "http/,
    ],
    ['verify audience', { aud: 'web' }, 'token_audience', /`aud` is "web"; expected "api"/],
    ['check clock skew', { nbf: seconds() + 400 }, 'token_not_yet_valid', /`nbf` is 7 min in the future, leeway 30 s/],
    ['check clock skew', { iat: seconds() + 400 }, 'token_not_yet_valid', /`iat` is 7 min in the future, leeway 30 s/],
  ])('%s: %s', async (_item, claims, reason, words) => {
    const ground = await jwtGround();
    expect(await withToken(ground, claims)).toBe(401);
    expect((await ground.record(reason))?.detail).toMatch(words);
  });

  test('ensure JWKS URL is accessible', async () => {
    const ground = await jwtGround('http://127.0.0.1:1');
    expect(await withToken(ground, {})).toBe(503);
    expect((await ground.record('key_set_unavailable'))?.detail).toMatch(
      /cannot be fetched, and none is cached: .*ECONNREFUSED/,
    );
  });

  test('twin: a right token is admitted', async () => {
    expect(await withToken(await jwtGround(), {})).toBe(502);
  });
});

describe('API key not found', () => {
  test.each<[string, Record<string, string>, string, RegExp]>([
    ['check header name', { 'X-Api-Token': KEY }, 'credential_missing', /`X-Api-Key`; the request has `X-Api-Token`/],
    [
      'check header name',
      { Authorization: `Bearer ${KEY}` },
      'credential_missing',
      /no credential in header `X-Api-Key`/,
    ],
    [
      'verify key is in the list',
      { 'X-API-Key': 'sk_of_another_list' },
      'credential_invalid',
      /no key with this value of 18 characters/,
    ],
    [
      'check for whitespace',
      { 'X-API-Key': `"${KEY} "` },
      'credential_invalid',
      /no key with this value of 25 characters.*quotes/,
    ],
    ['check for whitespace', { 'X-API-Key': `Bearer ${KEY}` }, 'credential_invalid', /begins with a scheme/],
  ])('%s: %s', async (_item, headers, reason, words) => {
    const ground = await keyGround();
    expect(await ground.send(headers)).toBe(401);
    const record = await ground.record(reason);
    expect(record?.detail).toMatch(words);
    expect(JSON.stringify(record)).not.toContain(KEY);
  });

  test('twin: white space around the value is no part of a header field (RFC 9110 §5.5)', async () => {
    expect(await (await keyGround()).send({ 'X-API-Key': `${KEY} ` })).toBe(502);
  });
});
