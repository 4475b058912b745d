/** The place of a token and its scheme: one scheme, one place, one token. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get } from '../../support/attack-ground.js';
import { all, REFUSED, said, tokenGround, type TokenGround } from '../../support/token-ground.js';

let at: TokenGround;
let elsewhere: TokenGround;
beforeAll(async () => {
  [at, elsewhere] = await Promise.all([
    tokenGround(),
    tokenGround({ jwt: 'header: X-JWT, scheme: null, query_param: jwt, cookie: session,' }),
  ]);
});
afterAll(closeGrounds);

describe('JWT-29 the scheme before the token', () => {
  test('is Bearer and spaces, or the token is refused', async () => {
    const token = at.honest('HS256');
    const outcomes = async (cases: readonly string[]): Promise<[string, string][]> => {
      const found: [string, string][] = [];
      for (const each of cases) found.push([each, await at.outcome(each.replace('<jwt>', token))]);
      return found;
    };
    const others = [
      'Basic <jwt>', '<jwt>', 'BearerX <jwt>', 'XBearer <jwt>', 'Bearer-x <jwt>', 'Bear <jwt>', 'Token <jwt>', 'JWT <jwt>', 'DPoP <jwt>', 'MAC <jwt>', 'Digest <jwt>', 'Negotiate <jwt>',
      'bearer_ <jwt>', 'be\u0430rer <jwt>', '"Bearer" <jwt>', ', Bearer <jwt>', ';Bearer <jwt>', 'x Bearer <jwt>', '', '<jwt>.x', 'bear er <jwt>', 'ApiKey <jwt>',
    ]; // prettier-ignore
    const wrong = [
      'Bearer x', 'Bearer=', 'Bearer ,', 'Bearer ;', 'Bearer\t<jwt>', 'Bearer \t<jwt>', 'Bearer<jwt>', 'Bearer,<jwt>', 'Bearer=<jwt>', 'Bearer:<jwt>', 'Bearer: <jwt>', 'Bearer/<jwt>', 'Bearer <jwt> x', 'Bearer <jwt>,',
      'Bearer <jwt>;', 'Bearer "<jwt>"', "Bearer '<jwt>'", 'Bearer <<jwt>>', 'Bearer token=<jwt>', 'Bearer Bearer <jwt>', 'Bearer <jwt>, Bearer <jwt>', 'Bearer <jwt>,<jwt>', 'Bearer <jwt>\u00a0', 'Bearer\u00a0<jwt>',
      'Bearer undefined', 'Bearer null', 'Bearer [object Object]',
    ]; // prettier-ignore
    expect((await outcomes(others)).filter(([, outcome]) => !/^401(?: invalid_token)?$/.test(outcome))).toEqual([]);
    const found = await outcomes(wrong);
    // `BearerX` is another scheme. Bearer must be followed by a space.
    expect(found.filter(([, outcome]) => !/^401(?: invalid_token)?$/.test(outcome))).toEqual([]);
    expect(found.slice(0, 4)).toEqual(
      all(
        wrong.slice(0, 4).map((each) => [each]),
        REFUSED,
      ),
    );
  });

  test('twice is 400', async () => {
    const token = at.honest('HS256');
    for (const second of [`Bearer ${token}`, 'Bearer x', 'Basic eDp4', ''])
      expect(
        statusOf(await at.send(get('/internal/x', `Authorization: Bearer ${token}`, `authorization: ${second}`))),
      ).toBe(400);
    expect(at.arrived()).toEqual([]);
  });

  test('twin: in any case, with one space or several', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR', 'Bearer ', 'Bearer   '])
      expect([scheme, await at.outcome(`${scheme} ${at.honest('HS256')}`)]).toEqual([scheme, '200 ada']);
    expect(await at.outcome(`   Bearer ${at.honest('HS256')}  `)).toBe('200 ada');
  });
});

describe('JWT-31 a configured place', () => {
  const ask = async (target: string, ...lines: readonly string[]): Promise<string> =>
    said(await elsewhere.send(get(target, ...lines)), elsewhere.arrived());

  test('is the only one: a token in Authorization is ignored, good or bad', async () => {
    const [ada, bob] = [elsewhere.honest('HS256'), elsewhere.honest('HS256', { sub: 'bob' })];
    expect(await ask('/internal/x', `Authorization: Bearer ${ada}`)).toBe('401');
    expect(await ask('/internal/x', `X-JWT: ${ada}`, `Authorization: Bearer ${bob}`)).toBe('200 ada');
    expect(await ask('/internal/x', `X-JWT: x`, `Authorization: Bearer ${bob}`)).toBe(REFUSED);
  });

  test('takes the token alone, without a scheme', async () => {
    const ada = elsewhere.honest('HS256');
    for (const value of [`Bearer ${ada}`, `JWT ${ada}`, `"${ada}"`, `${ada} x`, `${ada},${ada}`, ',', 'null'])
      expect([value, await ask('/internal/x', `X-JWT: ${value}`)]).toEqual([value, REFUSED]);
  });

  test('with another token beside it is 400, valid or not, and so is one field twice', async () => {
    const [ada, bob] = [elsewhere.honest('HS256'), elsewhere.honest('HS256', { sub: 'bob' })];
    const two: readonly (readonly [string, ...string[]])[] = [
      ['/internal/x', `X-JWT: ${ada}`, `X-JWT: ${bob}`],
      ['/internal/x', `X-JWT: ${ada}`, `x-jwt: ${ada}`],
      ['/internal/x', `X-JWT: ${ada}`, 'X-JWT: x'],
      [`/internal/x?jwt=${bob}`, `X-JWT: ${ada}`],
      [`/internal/x?jwt=${ada}&jwt=${ada}`],
      [`/internal/x?jwt=${ada}&%6awt=${bob}`],
      [`/internal/x?jwt=x`, `X-JWT: ${ada}`],
      ['/internal/x', `X-JWT: ${ada}`, `Cookie: session=${bob}`],
      ['/internal/x', `Cookie: session=${ada}; session=${bob}`],
      ['/internal/x', `Cookie: session=${ada}`, `Cookie: session=${ada}`],
      [`/internal/x?jwt=${ada}`, `Cookie: session=${bob}`],
    ];
    for (const [target, ...lines] of two)
      expect([target, ...lines, await ask(target, ...lines)].at(-1)).toBe('400 invalid_request');
    // Twin: one token in two places is one credential.
    expect(await ask(`/internal/x?jwt=${ada}`, `X-JWT: ${ada}`)).toBe('200 ada');
    expect(await ask('/internal/x', `X-JWT: ${ada}`, `Cookie: session=${ada}`)).toBe('200 ada');
  });

  test('twin: header, query or cookie, one of them; the query’s is not forwarded', async () => {
    const ada = elsewhere.honest('HS256');
    elsewhere.secrets.push(ada);
    expect(await ask('/internal/x', `X-JWT: ${ada}`)).toBe('200 ada');
    expect(await ask('/internal/x', `x-jwt:${ada}`)).toBe('200 ada');
    expect(await ask('/internal/x', `Cookie: a=b; session=${ada}; c=d`)).toBe('200 ada');
    await elsewhere.send(get(`/internal/x?a=b&jwt=${ada}&c=d`));
    expect(elsewhere.arrived().map(({ target }) => target)).toEqual(['/internal/x?a=b&c=d']);
    await elsewhere.send(get(`/internal/x?jwt=${ada}`));
    expect(elsewhere.arrived().map(({ target }) => target)).toEqual(['/internal/x']);
  });
});
