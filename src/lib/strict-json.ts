/** Parses JSON strictly: a duplicate member name or deep nesting is an error, because parsers differ on both. */

/** The text is not JSON, has a duplicate member name, or nests too deeply. The message never quotes the text. */
class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';
}

const MAX_DEPTH = 32;
/** A string (closed or not) or one structural character. The scan ignores all other text. */
const PIECE = /"[^"\\]*(?:\\[^][^"\\]*)*"?|[{}[\],]/g;

interface Level {
  /** Undefined for an array. */
  readonly names?: Set<string>;
  nameNext: boolean;
}

/** Parses a JSON text (RFC 8259) in which no object, at any depth, has two members with one name. */
export function parseStrictJson(text: string): unknown {
  scan(text);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new StrictJsonError('not JSON');
  }
}

/** Runs before the parser and does not assume valid JSON. Invalid JSON may fail in the scan or in the parser. */
function scan(text: string): void {
  const open: Level[] = [];
  for (const [piece] of text.matchAll(PIECE)) {
    const level = open.at(-1);
    if (piece === '{' || piece === '[') {
      if (open.length === MAX_DEPTH) throw new StrictJsonError('nested too deeply');
      open.push(piece === '{' ? { names: new Set(), nameNext: true } : { nameNext: false });
    } else if (piece === '}' || piece === ']') {
      open.pop();
    } else if (piece === ',') {
      if (level?.names) level.nameNext = true;
    } else if (level?.names && level.nameNext) {
      addName(level.names, piece);
      level.nameNext = false;
    }
  }
}

/** Compares unescaped names: `"a"` and `"\u0061"` are equal. */
function addName(names: Set<string>, piece: string): void {
  const name = piece.includes('\\') ? unescaped(piece) : piece.slice(1, -1);
  if (names.has(name)) throw new StrictJsonError('duplicate member name');
  names.add(name);
}

function unescaped(piece: string): string {
  try {
    return JSON.parse(piece) as string;
  } catch {
    throw new StrictJsonError('not JSON');
  }
}
