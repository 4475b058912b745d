/** Finds the ends of a path for upstreams that read `;`, `?` or `#` in a decoded path as the start of another part. */

type Segments = readonly string[];

const MARK = /[;?#]/;
const MARKS = /[;?#]/g;

/** Whether a decoded segment contains a character at which some upstreams end the segment or the path. */
export function hasMark(segments: Segments): boolean {
  return segments.some((text) => MARK.test(text));
}

/** The maximum number of marks, so that the work for a long path stays small. */
const MOST_MARKS = 16;

export function hasTooManyMarks(segments: Segments): boolean {
  let count = 0;
  for (const text of segments) {
    if (!MARK.test(text)) continue;
    for (const character of text) if (MARK.test(character) && ++count > MOST_MARKS) return true;
  }
  return false;
}

/** Unicode normalization does not change such a text. */
export const ASCII = /^[^\u0080-\uffff]*$/;

/** As `hasMark`, also for characters that Unicode normalization converts to `;`, `?` or `#`. */
export function hasMarkOrLookalike(segments: Segments): boolean {
  return segments.some((text) => MARK.test(ASCII.test(text) ? text : text.normalize('NFKC')));
}

/**
 * Returns the path with each cut that an upstream may make. Path parameters (`;`) end one segment in Java servers, and
 * the whole path in others. A decoded `?` or `#` ends the whole path, or one segment for routers that split first.
 *
 * @example cutsOf(['a;x', 'b']) // [['a', 'b'], ['a']]
 */
export function cutsOf(segments: Segments): readonly Segments[] {
  if (!hasMark(segments)) return [];
  const marked = segments.flatMap((text, at) => (MARK.test(text) ? [at] : []));
  const first = segments.map((text) => text.split(MARK, 1)[0] ?? '');
  const perSegment = [
    first,
    ...[';', '?', '#'].map((mark) => segments.map((text) => text.split(mark, 1)[0] ?? '')),
    segments.map(beforeLastMark),
    // Some parsers look for parameters in one segment only, such as the last.
    ...marked.map((at) => segments.with(at, first[at] ?? '')),
  ];
  const wholePath = marked.flatMap((at) =>
    endsOf(segments[at] ?? '').flatMap((end) => [
      [...segments.slice(0, at), end],
      [...first.slice(0, at), end],
    ]),
  );
  return distinct([...perSegment, ...wholePath], segments);
}

function beforeLastMark(text: string): string {
  return endsOf(text).at(-1) ?? text;
}

/** The segment before each of its marks. */
function endsOf(text: string): readonly string[] {
  return [...text.matchAll(MARKS)].map(({ index }) => text.slice(0, index));
}

function distinct(all: readonly Segments[], but: Segments): readonly Segments[] {
  const found = new Map(all.map((each) => [each.join('/'), each]));
  found.delete(but.join('/'));
  return [...found.values()];
}
