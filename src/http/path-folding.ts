/** Computes all readings of a path that lenient upstreams may use instead of the path decoded once. */
import { ASCII, cutsOf, hasMark, hasTooManyMarks } from './path-cuts.js';

type Segments = readonly string[];

/** A path as a lenient upstream may read it. */
export interface Reading {
  readonly segments: Segments;
  /** Whether a `;`, `?` or `#` that the client sent ends the path or a segment. */
  readonly cut: boolean;
  /** Whether another change applies, such as lower case. */
  readonly folded: boolean;
}

/** A change that some upstreams make to a path. Returns the results, or nothing if the path does not change. */
type Step = (segments: Segments) => readonly Segments[];

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
    return changed.some((text, at) => text !== segments[at]) ? [changed] : [];
  };
}

const separated: Step = (segments) => (segments.some((text) => /[/\\]/.test(text)) ? [splitAtSlashes(segments)] : []);

function splitAtSlashes(segments: Segments): Segments {
  return segments.flatMap((text) => text.split(/[/\\]/));
}

const merged: Step = (segments) => (segments.includes('') ? [segments.filter((text) => text !== '')] : []);

/** The steps are in an order in which one step can enable the next. An upstream may apply any subset of them. */
const STEPS: readonly Step[] = [
  each((text) => text.replaceAll('+', ' ')),
  each(visible),
  each(compatible),
  separated,
  cutsOf,
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
 * Returns the other readings of decoded segments, or an empty list if every upstream reads the same. Returns a reason if
 * a reading has dot segments, an escape or a long run of combining marks, or if there are too many readings.
 *
 * @example readingsOf(['Internal.']) // readings with the segments ['internal.'], ['Internal'] and ['internal']
 */
export function readingsOf(segments: Segments): readonly Reading[] | 'treacherous' | 'too_many_readings' {
  if (segments.some(hasLongRun)) return 'treacherous';
  const sentMark = hasMark(segments);
  const readings: Reading[] = [{ segments, cut: false, folded: false }];
  const length = segments.reduce((sum, text) => sum + text.length + 1, 1);
  const most = Math.min(MOST_READINGS, Math.max(2, MOST_CHARACTERS / length));
  for (const step of STEPS) {
    const isCut = sentMark && step === cutsOf;
    for (let at = readings.length - 1; at >= 0; at--) {
      const { segments: before, cut, folded } = readings[at] as Reading;
      if (step === cutsOf && hasTooManyMarks(before)) return 'too_many_readings';
      for (const changed of step(before)) {
        if (readings.length >= most) return 'too_many_readings';
        if (changed.some(isTreacherous) || (isCut && hasEmptySegmentInside(changed))) return 'treacherous';
        readings.push({ segments: changed, cut: cut || isCut, folded: folded || !isCut });
      }
    }
  }
  readings.shift();
  return readings;
}

function isTreacherous(text: string): boolean {
  return isDots(text) || hasEscape(text) || hasLongRun(text);
}

/** A path that starts with `//` has an authority for some upstreams, so a cut must not produce `//`. */
function hasEmptySegmentInside(segments: Segments): boolean {
  return segments.includes('') && segments.indexOf('') < segments.length - 1;
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
  return splitAtSlashes([compatible(visible(text))]).map((part) => withoutEnds(caseless(part)));
}
