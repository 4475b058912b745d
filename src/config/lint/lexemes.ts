/** The words and comments of a YAML text with their places, as the lexer of the parser sees them. */
import { Lexer } from '../parse.js';

export interface Lexeme {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  readonly kind: 'comment' | 'word';
}

/** What the lexer adds to the text: it marks a document, a scalar and the end of a flow collection. */
const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f']);
const SCALAR = '\u001f';

/** A `#` inside of a quoted or block text is no comment. */
export function* lexemesOf(text: string): Generator<Lexeme> {
  let [line, column, before] = [1, 1, ''];
  for (const each of new Lexer().lex(text.startsWith('\uFEFF') ? text.slice(1) : text)) {
    if (!MARKS.has(each)) {
      const kind = each.startsWith('#') && before !== SCALAR ? 'comment' : 'word';
      if (each.trim() !== '') yield { text: each, line, column, kind };
      [line, column] = endOf(each, { line, column });
    }
    before = each;
  }
}

interface Place {
  readonly line: number;
  readonly column: number;
}

function endOf(text: string, { line, column }: Place): [line: number, column: number] {
  const last = text.lastIndexOf('\n');
  if (last < 0) return [line, column + text.length];
  return [line + text.split('\n').length - 1, text.length - last];
}

/** Finds the end of the word that begins at a place. A block text ends with its mark: `|` or `>`. */
export class Words {
  readonly #ends = new Map<string, Place>();

  constructor(text: string) {
    for (const { text: word, line, column, kind } of lexemesOf(text)) {
      if (kind === 'comment') continue;
      const [endLine, endColumn] = endOf(word.trimEnd(), { line, column });
      this.#ends.set(`${line}:${column}`, { line: endLine, column: endColumn });
    }
  }

  endOf({ line, column }: Place): Place | undefined {
    return this.#ends.get(`${line}:${column}`);
  }
}
