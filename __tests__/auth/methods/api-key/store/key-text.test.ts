/** Which imported keys can be guessed, and what is shown of a key. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hintOf, isGuessable, newKeyText } from '../../../../../src/auth/methods/api-key/store/key-text.js';

test.each([
  ['of words', 'my_company_production_api_key_1'],
  ['of words that no list has', 'correct-horse-battery-staple'],
  ['of a label and 64 random bits', 'sk_live_1c22d82eede5f3df'],
  ['of labels and 32 random bits', 'gateway.internal.production.key.2738b83f'],
  ['of a label and 20 digits', 'customer_12345678901234567890'],
  ['of the alphabet', 'abcdefghijklmnopqrstuvwxyz0123456789'],
  ['of words around a run', 'password1234567890password'],
  ['of one part that is repeated', 'a7Bx'.repeat(12)],
  ['of few characters', 'Zx9'],
])('a key %s can be guessed, and nothing of it is shown', (_what, key) => {
  expect(isGuessable(key)).toBe(true);
  expect(hintOf(key)).toBe('');
});

const SHAPES: readonly (readonly [string, () => string])[] = [
  ['our own', () => newKeyText()],
  ['a UUID', () => randomUUID()],
  ['a UUID with a label', () => `key-${randomUUID()}`],
  ['32 hex digits with a label', () => `sk_test_${randomBytes(16).toString('hex')}`],
  ['40 hex digits in upper case', () => randomBytes(20).toString('hex').toUpperCase()],
  ['24 bytes in base64url', () => randomBytes(24).toString('base64url')],
  ['32 bytes in base64url with a label', () => `ghp_${randomBytes(32).toString('base64url')}`],
  ['32 bytes in base64', () => randomBytes(32).toString('base64')],
];

test.each(SHAPES)('twin: a random key of the form "%s" cannot', (_what, make) => {
  const guessable = Array.from({ length: 200 }, make).filter(isGuessable);
  // A long run of few characters is possible, and rare.
  expect(guessable.length).toBeLessThanOrEqual(4);
});

test('the hint leaves enough of a key unknown: nothing of a UUID is shown, and eight characters of a long key', () => {
  expect(hintOf(randomUUID())).toBe('');
  expect(hintOf('sk_live_1c22d82eede5f3df')).toBe('');
  expect(hintOf(randomBytes(32).toString('hex'))).toHaveLength(8);
  expect(hintOf(newKeyText())).toHaveLength(8);
});
