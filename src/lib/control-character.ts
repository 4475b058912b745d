/** Finds characters that no name or header value may contain, or that change how a terminal shows text. */

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** The line ends of Unicode, and the marks that change the text direction. */
const LINE_AND_DIRECTION = /[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** @example escapeLineAndDirection('a\u2028b') // 'a\\u2028b', the same string to a JSON reader */
export function escapeLineAndDirection(text: string): string {
  return text.replace(LINE_AND_DIRECTION, escapeOf);
}

/** JSON escapes the characters below a space, but not DEL and the C1 controls. A terminal reads U+009B as ESC [. */
const FOR_TERMINAL = new RegExp(`[\\u007f-\\u009f]|${LINE_AND_DIRECTION.source}`, 'g');

/**
 * Escapes the characters that terminals and log viewers interpret.
 *
 * @example escapeForTerminal('"a\u2028b"') // '"a\\u2028b"', the same string to a JSON reader
 */
export function escapeForTerminal(json: string): string {
  return json.replace(FOR_TERMINAL, escapeOf);
}

export function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
