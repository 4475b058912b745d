/** Formats values, lists and times for sentences in the log. */

const MOST_LISTED = 8;
const LONGEST_VALUE = 120;

/**
 * Joins words. A long list is cut.
 *
 * @example listed(['a', 'b', 'c']) // 'a, b or c'
 */
export function listed(words: readonly string[], conjunction: 'and' | 'or' = 'or'): string {
  const more = words.length - MOST_LISTED;
  const shown = more > 0 ? [...words.slice(0, MOST_LISTED), `${more} more`] : words;
  const last = shown.at(-1) ?? 'nothing';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/**
 * Returns a value as a bounded text in quotes. Control characters are escaped.
 *
 * @example quoted('a"b') // '"a\\"b"'
 */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return JSON.stringify(text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text);
}

/** Units with their milliseconds. A unit is used from twice its length. */
const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/**
 * Returns a time in milliseconds in one unit.
 *
 * @example ageText(41_000) // '41 s'
 */
export function ageText(ms: number): string {
  const [unit, length] = UNITS.find(([, each]) => ms >= 2 * each) ?? ['s', 1_000];
  return `${Math.round(ms / length)} ${unit}`;
}
