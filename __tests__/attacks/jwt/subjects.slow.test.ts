/** The identity in a token: subjects of every form, similar issuers, types that are not for access. */
import { createSecretKey } from 'node:crypto';
import { closeGrounds } from '../../support/attack-ground.js';
import { errorsOf, warningsOf } from '../../support/loading.js';
import { valuesOf } from '../../support/messages.js';
import { seconds, type Claims } from '../../support/token-issuer.js';
import { all, issuerOf, REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { compact, encoded } from '../../tokens/raw-signing.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround()));
afterAll(closeGrounds);

const token = (claims: Claims, header: Claims = {}): string => at.honest('HS256', claims, header);

describe('JWT-25 sub', () => {
  test('of another type or too long is refused, and an empty one without a client_id, and never converted to a string', async () => {
    const subjects: readonly unknown[] = [
      undefined,
      null,
      0,
      1,
      1.5,
      true,
      false,
      [],
      ['ada'],
      [['ada']],
      {},
      { sub: 'ada' },
      { toString: 'ada' },
      '',
      'x'.repeat(257),
      'x'.repeat(5_000),
    ];
    const cases = subjects.map((sub) => [JSON.stringify(sub) ?? 'missing', token({ sub })] as const);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    // A client_id replaces a sub only if the sub is missing or empty.
    const beside = subjects
      .filter((sub) => sub !== undefined && sub !== '')
      .map((sub) => [JSON.stringify(sub), token({ sub, client_id: 'app' })] as const);
    expect(await at.outcomes(beside)).toEqual(all(beside, REFUSED));
    const odd = [7, null, '', [], 'x'.repeat(257)].map(
      (client) => [JSON.stringify(client), token({ sub: undefined, client_id: client })] as const,
    );
    expect(await at.outcomes(odd)).toEqual(all(odd, REFUSED));
  });

  test('twin: any string of 1 to 256 characters is the subject, exactly, and a client_id if there is no sub', async () => {
    // `%`, outer spaces and characters outside ASCII are percent-encoded for the header, reversibly.
    const told: readonly (readonly [string, string])[] = [
      ['alice', 'alice'], ['Alice', 'Alice'], ['a', 'a'], ['a+b@x.example', 'a+b@x.example'], ['auth0|123', 'auth0|123'], ['1', '1'], ['null', 'null'], ['a b', 'a b'],
      [' ', '%20'], [' a ', '%20a%20'], ['\u200b', '%E2%80%8B'], ['\u00e9', '%C3%A9'], ['e\u0301', 'e%CC%81'], ['%20', '%2520'], ['日本', '%E6%97%A5%E6%9C%AC'],
      ['__proto__', '__proto__'], ['x'.repeat(256), 'x'.repeat(256)],
    ]; // prettier-ignore
    const cases = told.map(([sub]) => [sub, token({ sub })] as const);
    expect(await at.outcomes(cases)).toEqual(told.map(([sub, header]) => [sub, `200 ${header}`]));
    // The header comes from the claim `sub`. Here there is none, and no header is sent.
    expect(await at.outcome(`Bearer ${token({ sub: undefined, client_id: 'app' })}`)).toBe('200');
  });

  test('one that no header can carry is refused if a header is mapped from it', async () => {
    const cases = ['a\u0000b', 'a\r\nX-User-ID: root', '\ud800', '\u007f'].map(
      (sub) => [JSON.stringify(sub), token({ sub })] as const,
    );
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });
});

describe('JWT-15 iss', () => {
  test('must be exactly the issuer’s', async () => {
    const iss = issuerOf('HS256');
    const host = 'hs256.example';
    const others: readonly unknown[] = [
      undefined, null, '', 0, true, {}, [], [iss], [iss, 'x'], { 0: iss }, `${iss}/`, `${iss}//`, `${iss} `, ` ${iss}`, `${iss}\n`, `${iss}\u0000`, iss.toUpperCase(), `HTTPS://${host}`,
      `http://${host}`, `https://${host.toUpperCase()}`, `https://${host}:443`, `https://${host}.`, `https://${host}.evil`, `https://${host}@evil.example`, `https://evil@${host}`,
      `https://evil.example/${host}`, `https://evil.example?${iss}`, `https://evil.example#${iss}`, `${iss}/../x`, `${iss}/.`, `${iss}?x`, `${iss}#x`, 'https://hs256', 'hs256.example',
      `//${host}`, 'https://h\u0455256.example', 'https://xn--h256-9cd.example', 'https://ｈs256.example', '*', '.*', 'https://*.example', 'shared', '__proto__', 'constructor', `["${iss}"]`, 'null', 'undefined',
    ]; // prettier-ignore
    const cases = others.map((each) => [JSON.stringify(each) ?? 'missing', token({ iss: each })] as const);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('listed twice does not load; twice with a different slash is a warning', () => {
    const entry = (issuer: string, byte: string): string =>
      `{ issuer: "${issuer}", audience: a, secret: ${byte.repeat(32)} }`;
    const block = (...issuers: string[]): string =>
      `jwt: { issuers: [${issuers.map((each, index) => entry(each, 'abc'[index] ?? 'd')).join(', ')}] }`;
    expect(errorsOf(block('https://x.example', 'https://x.example'))).toContain('listed twice');
    expect(errorsOf(block('https://x.example', 'https://y.example', 'https://x.example'))).toContain('listed twice');
    expect(warningsOf(block('https://x.example', 'https://x.example/'))).toContain('slash');
    expect(errorsOf(block('https://x.example', 'https://y.example'))).toBe('');
    expect(warningsOf(block('https://x.example', 'https://y.example'))).not.toContain('slash');
  });

  test('twin: the issuer’s own, and one with a slash at its end beside one without', async () => {
    expect(await at.outcome(`Bearer ${token({})}`)).toBe('200 ada');
    const slash = `${issuerOf('HS256')}/`;
    const secret = 'another secret of more than thirty-two bytes';
    const both = await tokenGround({ issuers: `{ issuer: "${slash}", secret: "${secret}" }` });
    const key = createSecretKey(Buffer.from(secret));
    const other = (iss: string): string =>
      compact({ alg: 'HS256' }, both.claims('HS256', { iss }), { alg: 'HS256', key });
    expect(await both.outcome(`Bearer ${other(slash)}`)).toBe('200 ada');
    expect(await both.outcome(`Bearer ${other(issuerOf('HS256'))}`)).toBe(REFUSED);
    expect(await both.outcome(`Bearer ${both.honest('HS256', { iss: slash })}`)).toBe(REFUSED);
    expect(await both.outcome(`Bearer ${both.honest('HS256')}`)).toBe('200 ada');
  });
});

describe('JWT-17 the issuer chosen by an unverified claim', () => {
  test('an unknown one, none, or one of another key: refused, and no fetch', async () => {
    const before = at.issuer.asked.length;
    const unknown = ['https://nobody.example', at.issuer.origin, `${at.issuer.origin}/jwks`, undefined, 'set'].flatMap(
      (iss): [string, string][] => [
        [`${iss}, HS256`, token({ iss })],
        [`${iss}, RS256`, at.honest('RS256', { iss }, { kid: 'unheard-of' })],
        [`${iss}, unsigned`, `${encoded({ alg: 'RS256', kid: 'x' })}.${encoded(at.claims('RS256', { iss }))}.`],
      ],
    );
    const crossed = (['RS256', 'ES256', 'ES384', 'PS256', 'EdDSA'] as const).map(
      (alg) => [`${alg} of another`, at.honest(alg, { iss: issuerOf('HS256') })] as const,
    );
    const cases = [...unknown, ...crossed];
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    expect(at.issuer.asked.length).toBe(before);
  });

  test('an issuer that a route leaves out is refused there with 403, and is not treated as another', async () => {
    const narrow = await tokenGround({
      routes: '\n  - { id: one, path: /one/*, upstream: backend, auth: { jwt: { issuers: [shared] } } }',
    });
    expect(await narrow.outcome(`Bearer ${narrow.honest('ES256')}`, '/one/x')).toBe('403');
    expect(await narrow.outcome(`Bearer ${narrow.honest('ES256', { iss: issuerOf('HS256') })}`, '/one/x')).toBe(
      REFUSED,
    );
    expect(await narrow.outcome(`Bearer ${narrow.honest('HS256')}`, '/one/x')).toBe('200 ada');
  });

  test('twin: each issuer’s own token passes', async () => {
    for (const alg of ['RS256', 'HS256', 'ES256', 'ES384', 'ES512', 'PS256', 'EdDSA'] as const)
      expect(await at.outcome(`Bearer ${at.honest(alg)}`)).toBe('200 ada');
  });
});

describe('JWT-26 one subject of two issuers', () => {
  const told = async (bearer: string): Promise<readonly (string | undefined)[]> => {
    const { status } = await at.ask('/internal/x', { headers: { Authorization: `Bearer ${bearer}` } });
    const [message] = at.arrived();
    return [String(status), ...['x-user-issuer', 'x-user-id'].map((name) => message && valuesOf(message, name).join())];
  };

  test('is two principals: the issuer is sent beside it, and no subject of one equals the other', async () => {
    expect(await told(at.honest('ES256', { sub: '1' }))).toEqual(['200', issuerOf('ES256'), '1']);
    expect(await told(at.honest('EdDSA', { sub: '1' }))).toEqual(['200', issuerOf('EdDSA'), '1']);
    expect(await told(at.honest('ES256', { sub: `${issuerOf('EdDSA')}|1` }))).toEqual([
      '200',
      issuerOf('ES256'),
      `${issuerOf('EdDSA')}|1`,
    ]);
    expect(await told(at.honest('ES256', { sub: 'a|b', client_id: 'a' }))).toEqual(['200', issuerOf('ES256'), 'a|b']);
  });

  test('if the file maps no iss, a warning says so', () => {
    const entry = (name: string): string =>
      `{ issuer: "https://${name}.example", audience: a, secret: ${name.repeat(32)} }`;
    const block = (map: string): string =>
      `jwt: { claims_to_headers: ${map}, issuers: [${entry('a')}, ${entry('b')}] }`;
    expect(warningsOf(block('{ sub: X-User-ID }'))).toContain('several issuers feed');
    expect(warningsOf(block('{ sub: X-User-ID, iss: X-User-Issuer }'))).not.toContain('several issuers feed');
  });

  test('twin: the same subject of the same issuer is sent identically', async () => {
    expect(await told(at.honest('ES256', { sub: '1', iat: seconds() - 5 }))).toEqual(
      await told(at.honest('ES256', { sub: '1' })),
    );
  });
});

describe('JWT-18 a type that is not for access', () => {
  const TYPES = [
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'kb+jwt',
    'sd+jwt',
    'vc+sd-jwt',
    'dc+sd-jwt',
    'id+jwt',
    'oauth-authz-req+jwt',
    'client-authentication+jwt',
    'token-introspection+jwt',
    'JOSE+JSON',
    'JWS',
    'JWE',
    'rt+jwt',
    'application/logout+jwt',
    'x/at+jwt',
    'at+jwt+x',
    'jwt ',
    '',
  ];
  const CLAIMS: readonly Claims[] = [
    { nonce: 'n', at_hash: 'x' }, { at_hash: 'x' }, { c_hash: 'x' }, { at_hash: null }, { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, { events: {} }, { token_use: 'id' },
    { token_use: 'ID' }, { token_use: 'refresh' }, { typ: 'ID' }, { typ: 'Refresh' }, { typ: 'Offline' }, { typ: 'refresh_token' }, { cnf: { jkt: 'x' } }, { cnf: { 'x5t#S256': 'x' } }, { cnf: {} },
  ]; // prettier-ignore

  test('by its header or by its claims is refused', async () => {
    const cases = [
      ...TYPES.map((typ) => [`typ ${typ}`, token({}, { typ })] as const),
      ...CLAIMS.map((claims) => [JSON.stringify(claims), token(claims)] as const),
      ['an ID token, for the client', token({ aud: 'the-client', nonce: 'n' })] as const,
    ];
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: JWT, at+jwt, none, and a nonce alone pass', async () => {
    for (const typ of [undefined, 'JWT', 'jwt', 'application/jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])
      expect([
        typ,
        await at.outcome(`Bearer ${token({ nonce: 'n', token_use: 'access', typ: 'Bearer', cnf: null }, { typ })}`),
      ]).toEqual([typ, '200 ada']);
  });

  test('if the file requires access tokens, only at+jwt is accepted', async () => {
    const strict = await tokenGround({ jwt: 'token_type: access_token,' });
    const cases = [undefined, 'JWT', 'jwt', 'at', 'at+jwt ', 'rt+jwt', ...TYPES].map(
      (typ) => [String(typ), strict.honest('HS256', {}, { typ })] as const,
    );
    expect(await strict.outcomes(cases)).toEqual(all(cases, REFUSED));
    for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT'])
      expect(await strict.outcome(`Bearer ${strict.honest('HS256', {}, { typ })}`)).toBe('200 ada');
  });
});
