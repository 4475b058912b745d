import fc from 'fast-check';
import { foldSegment, foldSegments } from '../../src/gateway/fold.js';

it.each([
  ['internal', ['internal']],
  ['Internal.', ['internal']],
  ['INTERNAL. . ', ['internal']],
  ['a.b', ['a.b']],
  [' a', [' a']],
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
  ['\uff0e\uff0e', ['..']],
  ['\u2025', ['..']],
  ['\uff0e\uff0e ', ['..']],
  ['...', ['']],
  [' ', ['']],
])('reads %j as %j', (text, parts) => {
  expect(foldSegment(text)).toEqual(parts);
});

it('resolves the dots that only folding shows', () => {
  expect(foldSegments(['public', '\uff0e\uff0e', 'internal'])).toEqual(['internal']);
  expect(foldSegments(['public', '\u2024', 'x'])).toEqual(['public', 'x']);
  expect(foldSegments(['\u2025', '\u2025', 'x'])).toEqual(['x']);
  expect(foldSegments(['a\uff0f..\uff0fb'])).toEqual(['b']);
  expect(foldSegments(['...', 'internal'])).toEqual(['internal']);
});

it('gives back the very list where nothing changes', () => {
  const plain = ['a', 'b c', 'caf\u00e9', '.x'];
  expect(foldSegments(plain)).toBe(plain);
  const upper = ['a', 'B'];
  expect(foldSegments(upper)).toEqual(['a', 'b']);
  expect(upper).toEqual(['a', 'B']);
});

it('folds whatever was folded no further', () => {
  const unit = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('.', ' ', '/', '\u0307', '\u0130', '\u1e9e', 'A'),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 6 }), (pieces) => {
      const once = foldSegments([pieces.join('')]);
      expect(foldSegments(once)).toEqual(once);
    }),
    { numRuns: 2_000 },
  );
});
