/** A token has one spelling and a maximum size. Other spellings are refused before and after the token passed. */
import { closeGrounds } from '../../support/attack-ground.js';
import { all, REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { encoded } from '../../tokens/raw-signing.js';

let at: TokenGround;
beforeAll(async () => (at = await tokenGround()));
afterAll(closeGrounds);

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Other texts that a lenient reader decodes to the same bytes. */
function spellings(token: string): string[] {
  const parts = token.split('.');
  const each = (change: (part: string) => string): string[] =>
    parts.map((part, index) => parts.map((other, place) => (place === index ? change(part) : other)).join('.'));
  const unused = (part: string): string[] => {
    const bits = [0, 0, 4, 2][part.length % 4] ?? 0;
    const last = ALPHABET.indexOf(part.at(-1) ?? 'A');
    return Array.from({ length: 2 ** bits - 1 }, (_none, at) => part.slice(0, -1) + (ALPHABET[last ^ (at + 1)] ?? ''));
  };
  return [
    ...each((part) => part.padEnd(Math.ceil(part.length / 4) * 4, '=')),
    ...each((part) => `${part}=`),
    ...each((part) => `${part}==`),
    ...each((part) => part.replaceAll('-', '+').replaceAll('_', '/')),
    ...each((part) => part.replace(/.{8}/, '$& ')),
    ...each((part) => part.replace(/.{8}/, '$&\t')),
    ...each((part) => part.replace(/.{8}/, '$&%20')),
    ...each((part) => part.replace(/.{8}/, '$&\u00a0')),
    ...each((part) => part.replace(/.{8}/, '$&\u00ad')),
    ...each((part) => part.replace(/.{8}/, '$&!')),
    ...each((part) => part.replace(/.{8}/, '$&*')),
    ...each((part) => `%${part.charCodeAt(0).toString(16)}${part.slice(1)}`),
    ...each((part) => `${part}A`),
    ...parts.flatMap((part, index) =>
      unused(part).map((other) => parts.map((same, place) => (place === index ? other : same)).join('.')),
    ),
    token.toUpperCase(),
    token.toLowerCase(),
    token.replaceAll('.', '%2e'),
    token.replaceAll('.', ','),
  ].filter((other) => other !== token);
}

describe('JWT-40 another spelling of a token', () => {
  // There is no deny list to bypass. A cache, a limit or a log that identifies a token by its text sees only this text.
  test.each(['RS256', 'HS256', 'ES256', 'EdDSA', 'PS256'] as const)(
    'of %s is refused, before the token passed and after',
    async (alg) => {
      const token = at.honest(alg, { jti: 'once', x: '>>>???' });
      const cases = spellings(token).map((other) => [other, other] as const);
      expect(cases.length).toBeGreaterThanOrEqual(36);
      expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
      expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
      expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
    },
  );

  test('no changed character passes, anywhere in the token', async () => {
    const token = at.honest('HS256');
    expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
    const cases = [...token].map((character, index) => {
      const other = character === '.' ? 'A' : (ALPHABET[(ALPHABET.indexOf(character) + 1 + (index % 62)) % 64] ?? '');
      const text = token.slice(0, index) + other + token.slice(index + 1);
      return [`${index}`, text] as const;
    });
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: the token passes each time', async () => {
    const token = at.honest('RS256', { jti: 'once' });
    for (let times = 0; times < 3; times++) expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
  });
});

describe('JWT-37 an oversized token', () => {
  const sized = (size: number): string => {
    const token = at.honest('HS256', { x: '' });
    const rest = size - token.length;
    // Some sizes have no token: three bytes become four characters.
    const near = [0, 1, 2, 3].map((less) =>
      at.honest('HS256', { x: 'x'.repeat(Math.floor((rest * 3) / 4) + 1 - less) }),
    );
    return near.find((each) => each.length <= size) ?? '';
  };

  test('is refused at once: more than 12,000 bytes, dots, nesting', async () => {
    const cases: [string, string][] = [
      ['a signed one of 12,400 bytes', at.honest('HS256', { x: 'x'.repeat(9_200) })],
      ['one of 13,500 bytes', at.honest('HS256', { x: 'x'.repeat(10_000) })],
      ['8,000 dots', '.'.repeat(8_000)],
      ['14,000 dots', '.'.repeat(14_000)],
      ['a header and dots', `${encoded({ alg: 'HS256' })}${'.'.repeat(12_000)}`],
      ['a header, then almost a megabyte of empty parts', `${encoded({ alg: 'HS256' })}..${'A'.repeat(12_000)}`],
      ['a deep nest', at.signed('HS256', at.header('HS256'), `{"x":${'['.repeat(2_900)}${']'.repeat(2_900)}}`)],
      [
        'a deep nest of objects',
        at.signed('HS256', at.header('HS256'), '{"x":'.repeat(1_100) + '1' + '}'.repeat(1_100)),
      ],
      [
        'many members',
        at.signed(
          'HS256',
          at.header('HS256'),
          `{${Array.from({ length: 900 }, (_no, index) => `"${index}":0`).join(',')}}`,
        ),
      ],
      ['quotes', at.signed('HS256', at.header('HS256'), `{${'"'.repeat(5_900)}}`)],
      ['backslashes', at.signed('HS256', at.header('HS256'), `{"${'\\'.repeat(5_901)}}`)],
    ];
    const outcomes = await at.outcomes(cases);
    expect(outcomes).toEqual(all(cases, REFUSED));
  });

  test('larger than the header limit is refused before it is parsed', async () => {
    for (const size of [16_384, 65_536, 1_000_000]) expect(await at.outcome(`Bearer ${'.'.repeat(size)}`)).toBe('431');
  });

  test('costs no more than an honest one: after a thousand of them the gateway is as fast as before', async () => {
    const dots = `Bearer ${'.'.repeat(8_000)}`;
    const honest = `Bearer ${at.honest('HS256')}`;
    const took = async (authorization: string): Promise<number> => {
      const start = performance.now();
      await Promise.all(Array.from({ length: 200 }, () => at.outcome(authorization)));
      return performance.now() - start;
    };
    await took(honest);
    const [good, bad] = [await took(honest), await took(dots)];
    // A factor of ten allows for a busy machine. Quadratic work over 8,000 dots would be thousands.
    expect(bad).toBeLessThan(good * 10 + 1_000);
  });

  test('twin: exactly 12,000 bytes pass', async () => {
    const token = sized(12_000);
    expect(token.length).toBeGreaterThan(11_994);
    expect(await at.outcome(`Bearer ${token}`)).toBe('200 ada');
  });
});
