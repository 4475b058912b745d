/** Computes all readings of a path that lenient upstreams may use instead of the path decoded once. */

type Segments = readonly string[];
/** A change that some upstreams make to a path. Returns the same list if nothing changes. */
type Step = (segments: Segments) => Segments;

// eslint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Normalization sorts a run of combining marks in quadratic time: 16,000 marks take a second. Ordinary text has at most
 * 30 in a row (UAX #15, Stream-Safe Text Format). NFKC converts the two half-width sound marks from letters to
 * combining marks.
 */
const LONG_RUN = /[\p{M}\uff9e\uff9f]{31}/u;

/** Removes leading white space, and trailing white space and dots. Windows and many trim() functions drop these. */
function withoutEnds(text: string): string {
  const bare = text.trimStart();
  let end = bare.length;
  while (end > 0 && (bare[end - 1] === '.' || bare[end - 1]?.trim() === '')) end--;
  return bare.slice(0, end);
}

/**
 * Converts through both letter cases. `ı`, `ſ` and `ẞ` then equal `i`, `s` and `ss`, as in an upstream that compares
 * upper case.
 */
function caseless(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll('\u0307', '').normalize('NFC');
}

const visible = (text: string): string => (ASCII.test(text) ? text : text.replace(IGNORED, ''));
const compatible = (text: string): string => (ASCII.test(text) ? text : text.normalize('NFKC'));

function each(change: (text: string) => string): Step {
  return (segments) => {
    const changed = segments.map(change);
    return changed.some((text, at) => text !== segments[at]) ? changed : segments;
  };
}

const separated: Step = (segments) =>
  segments.some((text) => /[/\\]/.test(text)) ? segments.flatMap((text) => text.split(/[/\\]/)) : segments;

/**
 * Cuts the path at a `?` or `#` that appears after NFKC. An upstream that splits the target after NFKC has no path
 * there.
 */
const cutShort: Step = (segments) => {
  const at = segments.findIndex((text) => /[?#]/.test(text));
  return at < 0 ? segments : [...segments.slice(0, at), segments[at]?.split(/[?#]/, 1)[0] ?? ''];
};

const merged: Step = (segments) => (segments.includes('') ? segments.filter((text) => text !== '') : segments);

/** The steps are in an order in which one step can enable the next. An upstream may apply any subset of them. */
const STEPS: readonly Step[] = [
  each((text) => text.replaceAll('+', ' ')),
  each(visible),
  each(compatible),
  separated,
  cutShort,
  each((text) => text.split(';', 1)[0] ?? ''),
  each((text) => text.toLowerCase()),
  // An upstream that only lowers the letter case keeps `ſ`, which is another reading.
  each((text) => (ASCII.test(text) ? text : caseless(text))),
  each(withoutEnds),
  merged,
];

/**
 * Limits on the readings of one path, and on the characters of all readings. Ordinary paths stay far below both limits.
 */
const MOST_READINGS = 64;
const MOST_CHARACTERS = 32_768;

/**
 * Returns the other readings of decoded segments, or an empty list if every upstream reads the same. Returns undefined
 * if a reading has dot segments, an escape or a long run of combining marks. Also returns undefined if there are too
 * many readings.
 *
 * @example readingsOf(['Internal.']) // [['internal.'], ['Internal'], ['internal']]
 */
export function readingsOf(segments: Segments): readonly Segments[] | undefined {
  if (segments.some(hasLongRun)) return undefined;
  const readings = [segments];
  const length = segments.reduce((sum, text) => sum + text.length + 1, 1);
  const most = Math.min(MOST_READINGS, Math.max(2, MOST_CHARACTERS / length));
  for (const step of STEPS) {
    for (let at = readings.length - 1; at >= 0; at--) {
      const reading = readings[at] as Segments;
      const changed = step(reading);
      if (changed === reading) continue;
      if (readings.length >= most || changed.some(isTreacherous)) return undefined;
      readings.push(changed);
    }
  }
  readings.shift();
  return readings;
}

function isTreacherous(text: string): boolean {
  return isDots(text) || hasEscape(text) || hasLongRun(text);
}

function hasLongRun(text: string): boolean {
  return !ASCII.test(text) && LONG_RUN.test(text);
}

/** Whether a segment is `.` or `..` for an upstream that drops the other characters. */
export function isDots(segment: string): boolean {
  if (!segment.includes('.')) return false;
  const bare = segment.replace(/[\s+]/g, '');
  if (bare === '.' || bare === '..') return true;
  return bare !== segment && /^\.+$/.test(bare);
}

/**
 * Whether a decoded segment still has an escape. `%25%32%65` and `%252e` both become `%2e` and then `.` in an upstream
 * that decodes twice.
 */
export function hasEscape(segment: string): boolean {
  return segment.includes('%') && /%[0-9a-f]{2}|%u[0-9a-f]{4}/i.test(segment);
}

/**
 * Returns the most lenient reading of a literal in a pattern. A full-width slash splits it in two. Text after `;` in a
 * pattern belongs to the name.
 *
 * @example foldLiteral('Internal.') // ['internal']
 */
export function foldLiteral(text: string): Segments {
  return separated([compatible(visible(text))]).map((part) => withoutEnds(caseless(part)));
}
