import fc from 'fast-check';
import { foldLiteral, isDots, readingsOf, type Reading } from '../../src/http/path-folding.js';
import { cases } from '../support/fast-check-runs.js';

it.each([
  ['internal', ['internal']],
  ['Internal.', ['internal']],
  ['INTERNAL. . ', ['internal']],
  ['a.b', ['a.b']],
  [' a', ['a']],
  ['\u0131nternal', ['internal']],
  ['\u0130nternal', ['internal']],
  ['i\u0307nternal', ['internal']],
  ['\u017fecret', ['secret']],
  ['\u212aey', ['key']],
  ['\uff49\uff4e', ['in']],
  ['\ufb01le', ['file']],
  ['stra\u00dfe', ['strasse']],
  ['STRA\u1e9eE', ['strasse']],
  ['a\uff0fb', ['a', 'b']],
  ['a\uff3cb', ['a', 'b']],
  ['a/b', ['a', 'b']],
  ['in\u00adternal', ['internal']],
  ['a\u200bb', ['ab']],
  ['a\uff1bb', ['a;b']],
  ['...', ['']],
  [' ', ['']],
])('reads the literal %j as %j', (text, parts) => {
  expect(foldLiteral(text)).toEqual(parts);
});

const found = (...segments: string[]): readonly Reading[] => {
  const readings = readingsOf(segments);
  return typeof readings === 'string' ? [] : readings;
};
const readings = (...segments: string[]) => {
  const all = readingsOf(segments);
  return typeof all === 'string' ? all : all.map((each) => each.segments.join('|'));
};

describe('the readings of a path', () => {
  it.each([
    [['a', 'b c', 'caf\u00e9', '.x', 'v1.2'], []],
    [['A', 'b'], ['a|b']],
    [['c++'], ['c  ', 'c', 'c']],
    [['a.'], ['a']],
    [
      ['...', 'a'],
      ['|a', 'a'],
    ],
    [['a\u00adb'], ['ab']],
    [['\uff41'], ['a']],
    [['a\uff1bb'], ['a;b', 'a']],
    [
      ['a\uff1fb', 'c'],
      ['a?b|c', 'a|c', 'a'],
    ],
    [['a;b'], ['a']],
    [
      ['a;b', 'c'],
      ['a|c', 'a'],
    ],
    [
      ['a#b', 'c?d'],
      ['a|c', 'a#b|c', 'a|c?d', 'a'],
    ],
    [['a;b;c'], ['a', 'a;b']],
    [['a\uff0fb'], ['a/b', 'a|b']],
    [['a/b'], ['a|b']],
    [['a\\b'], ['a|b']],
  ])('of %j are %j', (segments, expected) => {
    expect([...new Set(readings(...segments))]).toEqual([...new Set(expected)]);
  });

  it('hold each step alone and all of them together: a lenient one may lead away from what a strict one finds', () => {
    expect(readings('INTERNAL', 'docs.')).toEqual(expect.arrayContaining(['internal|docs.', 'internal|docs']));
    expect(readings('INTERNAL', '\uff44ocs')).toEqual(expect.arrayContaining(['internal|\uff44ocs', 'internal|docs']));
  });

  it.each([
    [['a', '\uff0e\uff0e']],
    [['a', '\u2025']],
    [['\u2024', 'a']],
    [['a', '.\u200b.']],
    [['a\uff0f..\uff0fb']],
    [['..\uff1b', 'a']],
    [['..\uff1fx', 'a']],
    [['\uff05\uff12e']],
    [['%\uff12e']],
  ])('of %j are none: one of them has dot segments or an escape', (segments) => {
    expect(readings(...segments)).toBe('treacherous');
  });

  it.each([
    [['A;b'], ['a;b: folded', 'A: cut', 'a: cut folded']],
    [['a\uff1bb'], ['a;b: folded', 'a: folded']],
  ])('of %j say whether a mark of the client ends them', (segments, expected) => {
    const all = found(...segments).map(({ segments: [text = ''], cut, folded }) => {
      return `${text}: ${[cut && 'cut', folded && 'folded'].filter(Boolean).join(' ')}`;
    });
    expect(new Set(all)).toEqual(new Set(expected));
  });

  it('are none where they are too many, and few for a name in any script', () => {
    expect(readings('A+\u00ad\uff0f\uff1f\uff1bB.')).toBe('too_many_readings');
    expect(readings(...Array<string>(4_000).fill('A'))).toHaveLength(1);
    expect(readings(...Array<string>(4_000).fill('A+'))).toBe('too_many_readings');
    expect(readings(...Array<string>(1_000).fill('A+'))).toHaveLength(5);
    expect(readings('Wiki', 'C++\uff0f\u4f55\uff1f')?.length).toBeLessThan(48);
  });
});

it.each(['.', '..', ' .', '.. ', '..+', '. .', '... ', '..\u3000'])('%j are dots', (text) => {
  expect(isDots(text)).toBe(true);
});

it.each(['...', 'a.', '..a', '+', ' ', '', 'a..b'])('%j are no dots', (text) => {
  expect(isDots(text)).toBe(false);
});

it('folds a literal that was folded no further', () => {
  const unit = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('.', ' ', '/', '\u0307', '\u0130', '\u1e9e', 'A', '\u00ad', '\uff0f'),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 6 }), (pieces) => {
      const once = foldLiteral(pieces.join(''));
      expect(once.flatMap(foldLiteral)).toEqual(once);
    }),
    cases(100, { cost: 5 }),
  );
});

test('who lowers alone and who goes through both cases read a long s differently, and both count', () => {
  const all = readings('INTERNAL', 'docſ');
  expect(all).toContain('internal|docſ');
  expect(all).toContain('internal|docs');
});
