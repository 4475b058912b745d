/** The `# loom-ignore: rule reason` comments of a file: which warnings of which line the author accepts. */
import { DIAGNOSTICS, type DiagnosticCode, type WarningCode } from '../diagnostic-codes.js';
import { hint } from '../suggest.js';
import { lexemesOf, type Lexeme } from './lexemes.js';

interface Ignore extends Place {
  readonly code: DiagnosticCode;
  /** The line whose warnings it accepts. */
  readonly target: number;
  used: boolean;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** Something wrong with a comment. No message quotes the comment: a secret may be in it. */
export interface IgnoreFault extends Place {
  readonly code: WarningCode & ('bad_ignore' | 'unused_ignore');
  readonly message: string;
}

const MARK = /^#+\s*loom[-_ ]?ignore/i;
const FORM = /^#\s*loom-ignore:\s*([\w-]{1,64})(?:\s*[-:\u2013\u2014]+\s*|\s+)(\S.*)$/;

export class Ignores {
  readonly #ignores: readonly Ignore[];
  readonly #bad: readonly IgnoreFault[];

  constructor(text: string) {
    const read = [...commentsOf(text)].map(readComment);
    this.#ignores = read.filter((each): each is Ignore => 'target' in each);
    this.#bad = read.filter((each): each is IgnoreFault => 'message' in each);
  }

  /** Whether the author accepts the warnings of this rule on this line. */
  covers(code: DiagnosticCode, line: number): boolean {
    const found = this.#ignores.filter((each) => each.code === code && each.target === line);
    for (const each of found) each.used = true;
    return found.length > 0;
  }

  /** Call it when every rule has run. */
  get faults(): readonly IgnoreFault[] {
    const unused = this.#ignores.filter(({ used }) => !used);
    return [...this.#bad, ...unused.map(unusedFault)].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

function unusedFault({ line, column, code }: Ignore): IgnoreFault {
  return { line, column, code: 'unused_ignore', message: `this line has no warning of the rule ${code}` };
}

interface Comment extends Lexeme {
  readonly target: number;
}

/** A comment beside a value is for its own line. A comment on a line of its own is for the next line with a value. */
function* commentsOf(text: string): Generator<Comment> {
  let waiting: Lexeme[] = [];
  let latest = 0;
  for (const lexeme of lexemesOf(text)) {
    if (lexeme.kind === 'word') {
      for (const each of waiting) yield { ...each, target: lexeme.line };
      waiting = [];
      latest = lexeme.line + lexeme.text.trimEnd().split('\n').length - 1;
    } else if (MARK.test(lexeme.text)) {
      if (latest === lexeme.line) yield { ...lexeme, target: latest };
      else waiting.push(lexeme);
    }
  }
  for (const each of waiting) yield { ...each, target: 0 };
}

function readComment({ text, line, column, target }: Comment): Ignore | IgnoreFault {
  const bad = (message: string): IgnoreFault => ({ line, column, code: 'bad_ignore', message });
  const [, name = '', reason = ''] = FORM.exec(text.trimEnd()) ?? [];
  if (!/\p{L}/u.test(reason)) return bad('silences nothing; write "# loom-ignore: rule_id reason"');
  if (!Object.hasOwn(DIAGNOSTICS, name)) return bad(`there is no such rule${hint(name, Object.keys(DIAGNOSTICS))}`);
  const code = name as DiagnosticCode;
  if (DIAGNOSTICS[code].level === 'error') return bad(`the rule ${code} is an error, which no comment silences`);
  return { code, line, column, target, used: false };
}
