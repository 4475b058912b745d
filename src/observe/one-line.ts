/** Keeps a log line one line of plain text wherever it is read: what terminals and viewers act on is escaped. */

/**
 * JSON escapes what is below a space. Left are DEL, the C1 controls (a terminal obeys U+009B as it does ESC [), the line
 * ends of Unicode, and the marks that turn a line's direction, all of which a header or a claim can carry.
 */
const ACTED_ON = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** @example oneLine('"a\u2028b"') // '"a\\u2028b"', the same string to a JSON reader */
export function oneLine(json: string): string {
  return json.replace(ACTED_ON, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
