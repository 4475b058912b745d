/** Characters of a file that people and parsers read differently: what looks like a line must be one. */
import { createRequire } from 'node:module';
import type * as CollectGarbage from '../lib/collect-garbage.js';

const require = createRequire(import.meta.url);

export interface TextFault {
  readonly offset: number;
  readonly code: 'not_text' | 'hidden_character';
  readonly message: string;
}

// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufeff\ufffe\uffff]/;
/** YAML breaks lines at a lone CR, YAML 1.1 at these three as well, and editors at all of them; our parser at none. */
const BREAKS = /\r(?!\n)|[\u0085\u2028\u2029]/;
/** They make an editor show characters in another order than a parser reads them ("Trojan Source"). */
const REORDERING = /[\u202a-\u202e\u2066-\u2069]/;

/** The first character that would let a file say something else than it shows; in double quotes, escapes say the same. */
export function textFault(text: string): TextFault | undefined {
  const nul = text.indexOf('\0');
  if (nul >= 0) return { offset: nul, code: 'not_text', message: 'the file holds a NUL: is it UTF-16?' };
  const faults = [
    [CONTROLS, 'a control character is not allowed here'],
    [BREAKS, 'this is a line break for some readers and none for others; use LF or CRLF'],
    [REORDERING, 'this character makes the file look other than it is; in double quotes write it as "\\u…"'],
  ] as const;
  return faults
    .flatMap(([form, message]): readonly TextFault[] => {
      const offset = text.search(form);
      return offset < 0 ? [] : [{ offset, code: 'hidden_character', message }];
    })
    .sort((a, b) => a.offset - b.offset)[0];
}

/** For a text that is not parsed at all. */
export function positionIn(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  return (offset) => {
    const above = text.slice(0, offset).split('\n');
    return { line: above.length, column: (above.at(-1) ?? '').length + 1 };
  };
}

const LARGE = 500_000;

/**
 * Collects what the parser leaves: about fifty bytes for each byte of the text. Without a collection the next steps add to
 * this garbage.
 */
export function collectLarge(text: string): void {
  if (text.length < LARGE) return;
  (require('../lib/collect-garbage.js') as typeof CollectGarbage).collectGarbage();
}
