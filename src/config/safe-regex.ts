/** Regular expressions of routes: `^(?:…)$` of at most 256 bytes, which `LinearMatcher` matches in linear time. */
import { LinearMatcher, TooManySteps } from '../lib/linear-matcher.js';

const LONGEST = 256;

/** Why a match may not be used, or undefined; what does not begin with `^` is an exact value. */
export function safeRegex(text: string): string | undefined {
  if (!text.startsWith('^')) return undefined;
  if (!text.endsWith('$') || text.length < 2) return 'a regular expression begins with "^" and ends with "$"';
  const body = text.slice(1, -1);
  if (Buffer.byteLength(text) > LONGEST) return `a regular expression is at most ${LONGEST} bytes long`;
  if (/\(\?(?!:)/.test(body)) return 'groups other than (…) and (?:…) are not allowed';
  if (/\\(?:[1-9]|k)/.test(body)) return 'back-references are not allowed';
  if (hasNestedQuantifier(body)) return 'a repeated group must not hold a repetition or an alternative';
  try {
    new RegExp(`^(?:${body})$`, 'u');
  } catch {
    return 'is not a regular expression';
  }
  try {
    new LinearMatcher(body);
  } catch (error) {
    if (error instanceof TooManySteps) return 'repeats too much: write smaller numbers in "{…}"';
    throw error;
  }
  return undefined;
}

/** Exponential backtracking needs a repetition over a group that can match one text in two ways. */
function hasNestedQuantifier(body: string): boolean {
  const plain = body.replace(/\\./gs, 'x').replace(/\[[^\]]*\]/g, 'x');
  const risky = [false];
  for (let i = 0; i < plain.length; i++) {
    const character = plain[i];
    if (character === '(') {
      if (plain.startsWith('?:', i + 1)) i += 2;
      risky.push(false);
    } else if (character === ')') {
      const inner = risky.pop() ?? false;
      const repeated = /^(?:[*+]|\{\d+(?:,\d*)?\})/.test(plain.slice(i + 1));
      if (inner && repeated) return true;
      risky[risky.length - 1] = (risky.at(-1) ?? false) || inner || repeated;
    } else if (character === '|' || /^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(plain.slice(i))) {
      risky[risky.length - 1] = true;
    }
  }
  return false;
}
