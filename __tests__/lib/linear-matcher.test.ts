import fc from 'fast-check';
import { LinearMatcher, TooManySteps } from '../../src/lib/linear-matcher.js';
import { cases } from '../support/fast-check-runs.js';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';

it.each([
  ['^.*Chrome.*Safari.*$', CHROME, true],
  ['^.*Chrome.*Safari.*$', CHROME.replace('Safari', 'Opera'), false],
  ['^.*\\bChrome/1\\d\\d\\b.*$', CHROME, true],
  ['.*\\BChrome.*', CHROME, false],
  ['a|b$', 'b', true],
  ['^a|b', 'ab', false],
  ['', '', true],
  ['', 'a', false],
  ['a{2,3}', 'aa', true],
  ['a{2,3}', 'aaaa', false],
  ['a{2}b{0}c{1,}', 'aaccc', true],
  ['(?:ab){2}', 'abab', true],
  ['a??b*?', 'abb', true],
  ['[^a]', 'b', true],
  ['[\\]x]+', ']x', true],
  ['[]', 'a', false],
  ['.', '\n', false],
  ['.', '\u{1f469}', true],
  ['\\u{1F469}', '\u{1f469}', true],
  ['\\ud83d\\udc69', '\u{1f469}', true],
  ['\\p{L}+', 'Zo\u00eb\u65e5', true],
  ['\\cA\\x41\\u0041\\t', '\u0001AA\t', true],
  ['()', '', true],
  ['(|a)b', 'b', true],
  ['^$', '', true],
])('matches the whole value with %s', (source, value, expected) => {
  expect(new LinearMatcher(source).matches(value)).toBe(expected);
  expect(new RegExp(`^(?:${source})$`, 'u').test(value)).toBe(expected);
});

const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\s', '\\b', '\\B', '^', '$', '\\.', 'é', '');
const piece = fc
  .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'))
  .map(([of, quantifier]) => (/^(?:|\^|\$|\\b|\\B)$/i.test(of) && of !== '\\.' ? of : of + quantifier));
const sequence = fc.array(piece, { maxLength: 4 }).map((parts) => parts.join(''));
const choice = fc.array(sequence, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|'));
const group = fc
  .tuple(fc.constantFrom('(', '(?:'), choice, fc.constantFrom('', '?', '*', '{2}'))
  .map(([start, of, quantifier]) => `${start}${of})${quantifier}`);
const expression = fc.array(fc.oneof(sequence, group), { maxLength: 3 }).map((parts) => parts.join(''));
const value = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '.', 'é', '日', '\n'), maxLength: 8 });

it('decides as the matcher of the language does, on first and on later values', () => {
  fc.assert(
    fc.property(expression, fc.array(value, { minLength: 1, maxLength: 4 }), (source, values) => {
      const matcher = new LinearMatcher(source);
      const oracle = new RegExp(`^(?:${source})$`, 'u');
      expect([source, values.map((each) => matcher.matches(each))]).toEqual([
        source,
        values.map((each) => oracle.test(each)),
      ]);
    }),
    cases(20_000, { cost: 5 }),
  );
});

it('refuses an expression with too many steps', () => {
  expect(() => new LinearMatcher('a{1,2000}')).toThrow(TooManySteps);
  expect(() => new LinearMatcher('(?:a{40}){40}')).toThrow(TooManySteps);
  // An empty group adds no steps. Without a limit this loop takes minutes.
  for (const empty of ['(?:){999999999}', '(){0,999999999}', '(?:){999999999,}'])
    expect(() => new LinearMatcher(empty)).toThrow(TooManySteps);
  expect(new LinearMatcher('[0-9a-f]{64}').matches('0f'.repeat(32))).toBe(true);
});
