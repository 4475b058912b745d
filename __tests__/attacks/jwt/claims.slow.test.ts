/** Signed claims with invalid values: times, audiences, subjects, of every type. */
import { randomBytes } from 'node:crypto';
import { closeGrounds } from '../../support/attack-ground.js';
import { errorsOf, warningsOf } from '../../support/loading.js';
import { seconds } from '../../support/token-issuer.js';
import { REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround()));
afterAll(closeGrounds);

/** Valid claims with one member as this JSON text (`undefined`: without it). */
function withMember(name: string, text: string | undefined): string {
  const rest = Object.entries(at.claims('HS256')).filter(([each]) => each !== name);
  const members = rest.map(([each, value]) => `${JSON.stringify(each)}:${JSON.stringify(value)}`);
  return `{${[...members, ...(text === undefined ? [] : [`"${name}":${text}`])].join(',')}}`;
}

type Row = readonly [text: string | undefined, outcome: string];

/** Twice each, because a cached token gets the same checks as a verified one. */
async function judged(name: string, rows: readonly Row[]): Promise<void> {
  const found: Row[] = [];
  for (const [text] of rows) {
    const token = at.signed('HS256', at.header('HS256'), withMember(name, text));
    const [first, second] = [await at.outcome(`Bearer ${token}`), await at.outcome(`Bearer ${token}`)];
    found.push([text, first === second ? first : `${first}, then ${second}`]);
  }
  expect(found).toEqual(rows);
}

const refused = (...texts: readonly (string | undefined)[]): Row[] => texts.map((text) => [text, REFUSED]);
const passing = (...texts: readonly (string | undefined)[]): Row[] => texts.map((text) => [text, '200 ada']);

/** JSON values of every type except number. */
const NO_NUMBER = [
  'null',
  'true',
  'false',
  '""',
  '" "',
  '"tomorrow"',
  '"9999999999"',
  '"0x7fffffff"',
  '"2099-01-01T00:00:00Z"',
  '[]',
  '{}',
  '[9999999999]',
  '{"$date":9999999999}',
  '"Infinity"',
  '"NaN"',
];
/** Numbers that JSON does not allow or a double cannot hold. */
const NO_JSON = [
  'NaN',
  'Infinity',
  '-Infinity',
  '0x7fffffff',
  '9999999999n',
  '09999999999',
  '+9999999999',
  '1_000_000_000_000',
  '',
  "'9999999999'",
];

describe('JWT-12 exp', () => {
  test('that is not a future time is refused', async () => {
    const now = seconds();
    await judged(
      'exp',
      refused(
        undefined,
        ...NO_NUMBER,
        ...NO_JSON,
        '1e400',
        '-1e400',
        '1e309',
        '0',
        '-0',
        '-1',
        '0.5',
        '-1e308',
        '1e-400',
        '1e9',
        `${now - 31}`,
        `${now - 3_600}`,
      ),
    );
  });

  test('twin: any finite future time passes, integer or not, in seconds', async () => {
    const now = seconds();
    await judged(
      'exp',
      passing(
        `${now + 600}`,
        `${now + 600}.5`,
        `${(now + 600) / 1e9}e9`,
        `${now * 1_000}`,
        '1e308',
        '9007199254740993',
        `${now - 5}`,
      ),
    );
  });

  test('a token without exp passes if the file allows it, and is not an access token of RFC 9068', async () => {
    const lax = await tokenGround({ jwt: 'require_exp: false,' });
    const strict = await tokenGround({ jwt: 'require_exp: false, token_type: access_token,' });
    expect(await lax.outcome(`Bearer ${lax.honest('HS256', { exp: undefined })}`)).toBe('200 ada');
    expect(await lax.outcome(`Bearer ${lax.honest('HS256', { exp: null })}`)).toBe(REFUSED);
    expect(await lax.outcome(`Bearer ${lax.honest('HS256', { exp: 1 })}`)).toBe(REFUSED);
    expect(await strict.outcome(`Bearer ${strict.honest('HS256', { exp: undefined }, { typ: 'at+jwt' })}`)).toBe(
      REFUSED,
    );
    expect(await strict.outcome(`Bearer ${strict.honest('HS256', {}, { typ: 'at+jwt' })}`)).toBe('200 ada');
  });
});

describe('JWT-13 nbf, iat and leeway', () => {
  test('a token of tomorrow is refused, and so is an invalid time', async () => {
    const now = seconds();
    for (const name of ['nbf', 'iat'])
      await judged(
        name,
        refused(
          ...NO_NUMBER,
          ...NO_JSON,
          '1e400',
          '-1e400',
          '1e308',
          `${now + 60}`,
          `${now + 86_400}`,
          `${now * 1_000}`,
        ),
      );
  });

  test('twin: a clock 20 seconds off, the present, the past and a missing claim pass', async () => {
    const now = seconds();
    for (const name of ['nbf', 'iat'])
      await judged(
        name,
        passing(undefined, '0', '-1', '-1e308', `${now - 86_400}`, `${now}`, `${now + 20}`, `${now + 20}.5`),
      );
    await judged('exp', passing(`${seconds() - 20}`));
  });

  test('to the second: exp now has expired without leeway, and leeway is exact', async () => {
    const none = await tokenGround({ jwt: 'leeway: 0s,' });
    const outcomes = async (name: string, ...more: readonly number[]): Promise<string[]> => {
      const found: string[] = [];
      for (const each of more)
        found.push(await none.outcome(`Bearer ${none.honest('HS256', { iat: 0, [name]: seconds() + each })}`));
      return found;
    };
    expect(await outcomes('exp', -1, 0, 30)).toEqual([REFUSED, REFUSED, '200 ada']);
    expect(await outcomes('nbf', 30, -1, 0)).toEqual([REFUSED, '200 ada', '200 ada']);
    expect(await outcomes('iat', 30, 0)).toEqual([REFUSED, '200 ada']);
  });

  test('an invalid leeway does not load', () => {
    const jwt = (leeway: string) =>
      errorsOf(`jwt: { issuer: x, audience: y, secret: ${'s'.repeat(32)}, leeway: ${leeway} }`);
    for (const leeway of ['1e9', '1000000000', '301s', '6m', '1h', '-1s', '-30', '.inf', 'none', 'true', '""'])
      expect([leeway, jwt(leeway)]).toEqual([leeway, expect.stringContaining('leeway')]);
    for (const leeway of ['0s', '30s', '300s', '5m']) expect([leeway, jwt(leeway)]).toEqual([leeway, '']);
  });
});

describe('JWT-14 aud', () => {
  test('must be exactly this API’s', async () => {
    const api = 'api.example.com';
    const others = [
      'null', '""', '[]', '{}', 'true', '7', `[["${api}"]]`, `{"0":"${api}"}`, `{"${api}":true}`, `[{"aud":"${api}"}]`, '["x","y"]', '[null]', `[7,null,"${api}"]`, `["${api}",{}]`, `"${api}.evil"`, `"evil.${api}"`,
      `"evil/${api}"`, '"API.EXAMPLE.COM"', `" ${api}"`, `"${api} "`, `"${api}/"`, `"https://${api}"`, `"${api},x"`, `"x,${api}"`, `"x ${api}"`, `"${api}\\u0000"`, `"${api}\\n"`,
      '"api.example.c"', '"pi.example.com"', '"apiXexample.com"', '"api.example.*"', '".*"', '"*"', '"api.ex\\u00e4mple.com"', '"\\uff41pi.example.com"', `["${api}.evil","x"]`, `"[\\"${api}\\"]"`,
      JSON.stringify(Array(700).fill('x')),
    ]; // prettier-ignore
    await judged('aud', refused(undefined, ...others));
  });

  test('a list of 100,000 exceeds the maximum size of a token', async () => {
    const token = at.honest('HS256', { aud: [...Array<string>(100_000).fill('x'), 'api.example.com'] });
    expect(await at.outcome(`Bearer ${token}`)).toBe('431');
  });

  test('twin: alone, in a list, among others, escaped', async () => {
    const api = 'api.example.com';
    await judged(
      'aud',
      passing(
        `"${api}"`,
        `["${api}"]`,
        `["x","${api}"]`,
        `["${api}","${api}"]`,
        '"\\u0061pi.example.com"',
        JSON.stringify([...Array<string>(400).fill('x'), api]),
      ),
    );
  });

  test('without any audience in the file, the load warns, and with --strict it fails', () => {
    const bare = `jwt: { issuer: x, secret: ${'s'.repeat(32)} }`;
    expect(errorsOf(bare)).toBe('');
    expect(warningsOf(bare)).toContain('ANY AUDIENCE');
    expect(errorsOf(bare, { strict: true })).toContain('ANY AUDIENCE');
    expect(
      errorsOf(`jwt: { issuer: x, audience: y, secret: ${randomBytes(32).toString('hex')} }`, { strict: true }),
    ).toBe('');
  });
});
