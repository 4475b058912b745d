/** Escapes the characters in a log line that terminals and log viewers interpret. */

/**
 * JSON escapes the characters below a space. This pattern matches DEL, the C1 controls, the line ends of Unicode, and
 * the marks that change the text direction. A terminal reads U+009B as ESC [. A header or a claim can contain all of
 * these.
 */
const ACTED_ON = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** @example oneLine('"a\u2028b"') // '"a\\u2028b"', the same string to a JSON reader */
export function oneLine(json: string): string {
  return json.replace(ACTED_ON, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
