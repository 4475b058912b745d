import fc from 'fast-check';
import { constantTimeEqual, digestOf, lengthPrefixed, ProcessDigest } from '../../src/lib/digest.js';
import { cases } from '../support/fast-check-runs.js';

const parts = fc.array(fc.string({ unit: 'binary' }));

test('two lists of parts are encoded alike only if they are equal', () => {
  fc.assert(
    fc.property(
      parts,
      parts,
      (a, b) => lengthPrefixed(a).equals(lengthPrefixed(b)) === (JSON.stringify(a) === JSON.stringify(b)),
    ),
    cases(100),
  );
  expect(digestOf(['ab', 'c'])).not.toBe(digestOf(['a', 'bc']));
  expect(digestOf(['a', ''])).not.toBe(digestOf(['a']));
});

test('lone surrogates stay apart', () => {
  expect(digestOf(['\ud800'])).not.toBe(digestOf(['\ud801']));
  expect(constantTimeEqual('\ud800', '\ud801')).toBe(false);
});

test('a process digest is stable within its key and differs from another key', () => {
  const one = new ProcessDigest();
  expect(one.of(['a'])).toBe(one.of(['a']));
  expect(one.of(['a'])).not.toBe(new ProcessDigest().of(['a']));
});

test('equal texts compare equal, others do not', () => {
  expect([constantTimeEqual('abc', 'abc'), constantTimeEqual('abc', 'abd'), constantTimeEqual('abc', 'ab')]).toEqual([
    true,
    false,
    false,
  ]);
});
