/** How an upstream may read a path other than as it was decoded once: every reading counts, and not the most lenient alone. */

type Segments = readonly string[];
/** What some upstreams do to a path. Gives back the very list where it changes nothing. */
type Step = (segments: Segments) => Segments;

// eslint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Normalising sorts a run of combining marks in quadratic time: 16,000 of them take a second. Honest text has at most 30
 * in a row (UAX #15, Stream-Safe Text Format). The two half-width sound marks are letters that NFKC makes marks of.
 */
const LONG_RUN = /[\p{M}\uff9e\uff9f]{31}/u;

/** White space in front of a name and white space and dots behind it: Windows and many a trim() drop them. */
function withoutEnds(text: string): string {
  const bare = text.trimStart();
  let end = bare.length;
  while (end > 0 && (bare[end - 1] === '.' || bare[end - 1]?.trim() === '')) end--;
  return bare.slice(0, end);
}

/** Through both cases, so that `ı`, `ſ` and `ẞ` meet `i`, `s` and `ss` as in an upstream that compares upper case. */
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

/** Behind a `?` or `#` that only NFKC shows there is no path for whoever splits the target after that. */
const cutShort: Step = (segments) => {
  const at = segments.findIndex((text) => /[?#]/.test(text));
  return at < 0 ? segments : [...segments.slice(0, at), segments[at]?.split(/[?#]/, 1)[0] ?? ''];
};

const merged: Step = (segments) => (segments.includes('') ? segments.filter((text) => text !== '') : segments);

/** In the order in which they show each other something to do; an upstream may take any of them or none. */
const STEPS: readonly Step[] = [
  each((text) => text.replaceAll('+', ' ')),
  each(visible),
  each(compatible),
  separated,
  cutShort,
  each((text) => text.split(';', 1)[0] ?? ''),
  each((text) => text.toLowerCase()),
  // Whoever lowers alone leaves `ſ` as it is: that is another reading.
  each((text) => (ASCII.test(text) ? text : caseless(text))),
  each(withoutEnds),
  merged,
];

/** No honest path comes near either: readings of one path, and characters of all of them, so that none costs much. */
const MOST_READINGS = 64;
const MOST_CHARACTERS = 32_768;

/**
 * The other readings of decoded segments; none where every upstream reads the same. Undefined where one of them has dot
 * segments, an escape or a long run of combining marks, or where there are too many to be a name of anything.
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

/** A segment that is the folder itself or the one above, to whoever drops what is beside the dots. */
export function isDots(segment: string): boolean {
  if (!segment.includes('.')) return false;
  const bare = segment.replace(/[\s+]/g, '');
  if (bare === '.' || bare === '..') return true;
  return bare !== segment && /^\.+$/.test(bare);
}

/** What is left of two encodings: `%25%32%65` is `%2e` to whoever decodes twice, as `%252e` is. */
export function hasEscape(segment: string): boolean {
  return segment.includes('%') && /%[0-9a-f]{2}|%u[0-9a-f]{4}/i.test(segment);
}

/**
 * A literal of a pattern in the most lenient reading. A full-width slash makes two of it; what stands behind `;` in a
 * pattern belongs to its name.
 *
 * @example foldLiteral('Internal.') // ['internal']
 */
export function foldLiteral(text: string): Segments {
  return separated([compatible(visible(text))]).map((part) => withoutEnds(caseless(part)));
}
