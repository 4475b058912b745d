/** The most lenient reading of a path segment: what an upstream that ignores case, width or trailing dots makes of it. */

// eslint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/**
 * Folds one decoded segment: NFKC, no case, no trailing dots and spaces. A full-width slash makes two of it.
 * `.` and `..` come back as they are, for the caller to resolve.
 *
 * @example foldSegment('Internal.') // ['internal']
 */
export function foldSegment(text: string): readonly string[] {
  const caseless = ASCII.test(text) ? text.toLowerCase() : caselessForm(text);
  if (!/[/\\]/.test(caseless)) return [withoutTail(caseless)];
  return caseless.split(/[/\\]/).map(withoutTail);
}

/** Through both cases, so that `ı`, `ſ` and `ẞ` meet `i`, `s` and `ss` as in an upstream that compares upper case. */
function caselessForm(text: string): string {
  const caseless = text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase();
  return caseless.replaceAll('\u0307', '').normalize('NFKC');
}

/** A loop: ` +$` as a regular expression is quadratic on a segment full of spaces. */
function withoutTail(text: string): string {
  const bare = text.trim();
  if (bare === '.' || bare === '..') return bare;
  let end = text.length;
  while (end > 0 && (text[end - 1] === '.' || text[end - 1] === ' ')) end--;
  return text.slice(0, end);
}

/** Folds a path; gives back the very list where nothing changed, so that callers can tell by identity. */
export function foldSegments(segments: readonly string[]): readonly string[] {
  const folded: string[] = [];
  for (const part of segments.flatMap(foldSegment)) {
    if (part === '..') folded.pop();
    else if (part !== '' && part !== '.') folded.push(part);
  }
  const same = folded.length === segments.length && folded.every((part, at) => part === segments[at]);
  return same ? segments : folded;
}
