/** Splits a pasted shell command into words, as `sh` and bash quote them. Nothing is executed and no variable is read. */
import { InputError } from './secret-input.js';

export interface ShellWords {
  readonly words: readonly string[];
  /** The operator that ends the command, such as `|`. The rest is ignored. */
  readonly endedBy: string | undefined;
}

const SPACE = /[ \t]/;
const OPERATOR = /[|;&<>()\n]/;
/** Bash: `$'…'`. */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?' },
};

/** @throws {InputError} A quote is open, or the shell would replace a part. The message has no part of the text. */
export function shellWords(text: string): ShellWords {
  return new Splitter(text.trim().replaceAll('\r\n', '\n')).split();
}

class Splitter {
  #at = 0;
  #word: string | undefined;
  readonly #words: string[] = [];

  constructor(private readonly text: string) {}

  split(): ShellWords {
    while (this.#at < this.text.length) {
      const character = this.text.charAt(this.#at);
      if (OPERATOR.test(character)) return this.#endAt(character);
      this.#at += 1;
      if (SPACE.test(character)) this.#flush();
      else if (character === '#' && this.#word === undefined) return this.#endAt('#');
      else this.#take(character);
    }
    this.#flush();
    return { words: this.#words, endedBy: undefined };
  }

  #endAt(operator: string): ShellWords {
    // `2>` redirects a descriptor. The number is no word of the command.
    if ((operator === '>' || operator === '<') && /^\d+$/.test(this.#word ?? '')) this.#word = undefined;
    this.#flush();
    return { words: this.#words, endedBy: operator };
  }

  #flush(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text;
  }

  #take(character: string): void {
    const next = this.text.charAt(this.#at);
    if (character === "'") this.#add(this.#until("'"));
    else if (character === '"') this.#double();
    else if (character === '$' && next === "'") this.#ansi();
    else if (character === '$' && next === '"') return;
    else if (character === '\\') this.#escaped();
    else this.#plain(character);
  }

  #escaped(): void {
    const character = this.text.charAt(this.#at);
    this.#at += 1;
    // A backslash at the end of a line continues the line.
    if (character !== '\n') this.#add(character);
  }

  #plain(character: string): void {
    this.#refuseExpansion(character);
    if (character === '^' && /^["\n]/.test(this.text.slice(this.#at)))
      throw new InputError('the pasted command is for cmd.exe of Windows; copy it as cURL (bash)');
    this.#add(character);
  }

  #until(quote: string): string {
    const end = this.text.indexOf(quote, this.#at);
    if (end < 0) throw new InputError('a quote in the pasted command has no end');
    const inside = this.text.slice(this.#at, end);
    this.#at = end + 1;
    return inside;
  }

  #double(): void {
    this.#add('');
    for (;;) {
      const character = this.text.charAt(this.#at);
      if (character === '') throw new InputError('a quote in the pasted command has no end');
      this.#at += 1;
      if (character === '"') return;
      if (character !== '\\') this.#plain(character);
      else if (/[$`"\\\n]/.test(this.text.charAt(this.#at))) this.#escaped();
      else this.#add('\\');
    }
  }

  #ansi(): void {
    this.#at += 1;
    this.#add('');
    for (;;) {
      const character = this.text.charAt(this.#at);
      if (character === '') throw new InputError('a quote in the pasted command has no end');
      this.#at += 1;
      if (character === "'") return;
      this.#add(character === '\\' ? this.#ansiEscape() : character);
    }
  }

  #ansiEscape(): string {
    const rest = this.text.slice(this.#at, this.#at + 9);
    const [whole = '', octal, hex, short, long] =
      /^(?:([0-7]{1,3})|x([\da-f]{1,2})|u([\da-f]{1,4})|U([\da-f]{1,8}))/i.exec(rest) ?? [];
    if (whole === '') {
      const character = this.text.charAt(this.#at);
      this.#at += 1;
      return ESCAPES[character] ?? `\\${character}`;
    }
    this.#at += whole.length;
    const code = octal === undefined ? parseInt(hex ?? short ?? long ?? '', 16) : parseInt(octal, 8);
    if (code > 0x10ffff) throw new InputError('the pasted command has an escape that is no character');
    return String.fromCodePoint(code);
  }

  /** The text after the expansion is unknown, and the text before it would be a wrong credential. */
  #refuseExpansion(character: string): void {
    const replaced =
      character === '`' || (character === '$' && /[A-Za-z_({0-9@*#?!$-]/.test(this.text.charAt(this.#at)));
    if (!replaced) return;
    throw new InputError(
      'the pasted command has a $… or `…` that a shell would replace; write its value instead, or put it in single quotes',
    );
  }
}
