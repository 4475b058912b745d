/** Creates API keys with a checksum, and recognises them: `<prefix>_<27 characters>_<6 characters>`. */
import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { whyGuessable } from '../../../../lib/guessable.js';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^27 is above 2^160. */
const RANDOM_LENGTH = 27;
/** 62^6 is above 2^32. */
const CHECKSUM_LENGTH = 6;
const HINT_LENGTH = 8;

const SHAPE = /^([a-z][a-z0-9]*(?:_[a-z0-9]+)*)_([0-9A-Za-z]{27})_([0-9A-Za-z]{6})$/;
const PREFIX = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const LONGEST_PREFIX = 32;

export const DEFAULT_PREFIX = 'loom_live';

/** Whether a text can be the label of generated keys. */
export function isPrefix(text: string): boolean {
  return text.length <= LONGEST_PREFIX && PREFIX.test(text);
}

/** Creates a key with 160 random bits. */
export function newKeyText(prefix = DEFAULT_PREFIX): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join('');
  const body = `${prefix}_${random}`;
  return `${body}_${checksumOf(body)}`;
}

/** The checksum finds typing errors. Anyone can compute it, so it proves nothing. */
function checksumOf(body: string): string {
  let left = crc32(body);
  let text = '';
  for (let at = 0; at < CHECKSUM_LENGTH; at += 1) {
    text = `${DIGITS[left % DIGITS.length]}${text}`;
    left = Math.floor(left / DIGITS.length);
  }
  return text;
}

/** Whether a text has the form of a generated key, but another checksum: it was mistyped or cut. */
export function isMistyped(text: string): boolean {
  const [, , , checksum] = SHAPE.exec(text) ?? [];
  return checksum !== undefined && checksumOf(text.slice(0, -CHECKSUM_LENGTH - 1)) !== checksum;
}

/** The SHA-256 digest of a key, in hex. 160 random bits need no slow hash: an attacker cannot try them all. */
export function keyDigestOf(text: string): string {
  return hash('sha256', text);
}

/** A key must keep this many unknown bits after its hint is known. */
const ENOUGH_BITS = 128;

/**
 * The first characters after the label, by which people recognise a key. Empty if the rest of the key could then be
 * guessed.
 */
export function hintOf(text: string): string {
  const [, prefix] = SHAPE.exec(text) ?? [];
  if (prefix === undefined && isGuessable(text)) return '';
  const rest = prefix === undefined ? text.slice(text.lastIndexOf('_', 16) + 1) : text.slice(prefix.length + 1);
  const left = prefix === undefined ? rest.slice(HINT_LENGTH) : rest.slice(HINT_LENGTH, RANDOM_LENGTH);
  return plausibleBits(left) >= (prefix === undefined ? ENOUGH_BITS : 0) ? rest.slice(0, HINT_LENGTH) : '';
}

const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/^[0-9]*$/, 10],
  [/^(?:[0-9a-f]*|[0-9A-F]*)$/, 16],
  [/^(?:[0-9a-z]*|[0-9A-Z]*)$/, 36],
  [/^[0-9A-Za-z_-]*$/, 64],
];

/**
 * The bits of a text if each character was chosen at random from its class and none repeats more than chance allows. The
 * dashes of a UUID are not chosen.
 */
function plausibleBits(given: string): number {
  const bare = given.replace(/[-_.:]/g, '');
  const text = /[a-z]/.test(bare) && /[A-Z]/.test(bare) ? given : bare;
  const [, size] = CLASSES.find(([form]) => form.test(text)) ?? [undefined, 94];
  const distinct = new Set(text).size;
  return Math.floor(text.length * Math.log2(Math.max(1, Math.min(size, distinct * 4))));
}

/** Words before the random part, such as `sk_live_`. */
const LABEL = /^(?:(?:[a-z]{2,16}|[A-Z]{2,16})[-_.:])+/;

/** Whether an imported key may be short or patterned enough to be guessed. */
export function isGuessable(text: string): boolean {
  return whyGuessable(text) !== undefined || plausibleBits(text.replace(LABEL, '')) < ENOUGH_BITS;
}
