/** Collects what is wrong with one file, so that every mistake is reported at once, at its place. */
import type { DiagnosticCode, ErrorCode, NoteCode, WarningCode } from './diagnostic-codes.js';
import { ConfigError, type Diagnostic } from './diagnostics.js';

export type Path = readonly (string | number)[];

/** The position of a path in the text, from 1. `key` points at the name, `value` at what it holds. */
export type Locate = (path: Path, at: 'key' | 'value') => { readonly line: number; readonly column: number };

export interface ReportEntry<Code extends DiagnosticCode = DiagnosticCode> {
  readonly path: Path;
  readonly code: Code;
  readonly message: string;
  readonly at?: 'key' | 'value';
}

/** `routes[2].auth.jwtt` */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The warnings that comments of the file accept, and what is wrong with the comments. */
export interface AcceptedWarnings {
  covers(code: DiagnosticCode, line: number): boolean;
  readonly faults: readonly (Pick<Diagnostic, 'line' | 'column' | 'message'> & { readonly code: WarningCode })[];
}

export interface ReportOptions {
  /** Warnings are errors. */
  readonly strict?: boolean;
  /** What the file keeps secret: no message ever quotes it. */
  readonly secrets?: ReadonlySet<string>;
  /** Warnings that the author of the file accepts. */
  readonly ignores?: AcceptedWarnings | undefined;
}

export class Report {
  readonly #found: Diagnostic[] = [];
  readonly #moves: { readonly to: Path; readonly from: Path }[] = [];
  #mistaken = false;

  constructor(
    readonly file: string,
    private readonly locate: Locate,
    private readonly options: ReportOptions = {},
  ) {}

  error(found: ReportEntry<ErrorCode>): void {
    this.#mistaken = true;
    this.#add('error', found);
  }

  /** The option at `to` is written at `from` in the file. Messages name the place of the file. */
  moved(to: Path, from: Path): void {
    this.#moves.push({ to, from });
  }

  /** With `strict` a warning is an error. */
  warning(found: ReportEntry<WarningCode>): void {
    if (!this.isIgnored(found)) this.#add(this.options.strict ? 'error' : 'warning', found);
  }

  /** Advice of `check`, which fails nothing. */
  note(found: ReportEntry<NoteCode>): void {
    if (!this.isIgnored(found)) this.#add('note', found);
  }

  /** What is wrong with the `loom-ignore` comments. Call it when every rule has run. */
  reportIgnores(): void {
    for (const { code, message, line, column } of this.options.ignores?.faults ?? [])
      this.#found.push({ level: 'warning', code, file: this.file, line, column, path: '', message });
  }

  /** Whether the author of the file accepts a warning of this rule at this place. */
  isIgnored({ path, code, at = 'value' }: Omit<ReportEntry, 'message'>): boolean {
    const { ignores } = this.options;
    return ignores !== undefined && ignores.covers(code, this.locate(path, at).line);
  }

  /** A mistake of the syntax: it has a place in the text, or a path in an object. */
  errorAt(place: { readonly line: number; readonly column: number }, found: ReportEntry<ErrorCode>): void {
    this.#mistaken = true;
    const { code, path, message } = found;
    this.#found.push({ level: 'error', code, file: this.file, ...place, path: formatPath(path), message });
  }

  /** For what is found out later, when the plan is compared with another. */
  placeOf(path: Path): Pick<Diagnostic, 'file' | 'line' | 'column' | 'path'> {
    return { file: this.file, ...this.locate(path, 'value'), path: formatPath(this.#written(path)) };
  }

  #add(level: Diagnostic['level'], { path, code, message, at = 'value' }: ReportEntry): void {
    const { line, column } = this.locate(path, at);
    const shown = formatPath(this.#written(this.#withoutSecrets(path, message)));
    this.#found.push({ level, code, file: this.file, line, column, path: shown, message: this.#unquoted(message) });
  }

  /** A key written where its name belongs, or as a name of its own: `- sk_live_…: production`. */
  #withoutSecrets(path: Path, message: string): Path {
    const [top, , , list] = path;
    const inList = top === 'middleware' && (list === 'keys' || list === 'users') && path.length === 6;
    if (inList && message === 'unknown key') return path.slice(0, -1);
    return path.map((part) => (this.#isSecret(String(part)) ? '…' : part));
  }

  /** A moved block may hold a moved option, so each move is undone in the reverse order. */
  #written(path: Path): Path {
    return this.#moves.reduceRight((shown, { to, from }) => {
      const inside = to.length <= shown.length && to.every((part, at) => part === shown[at]);
      return inside ? [...from, ...shown.slice(to.length)] : shown;
    }, path);
  }

  #isSecret(text: string): boolean {
    return this.options.secrets?.has(text) === true;
  }

  #unquoted(message: string): string {
    return message.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => (this.#isSecret(textIn(quoted)) ? 'a secret' : quoted));
  }

  /** Whether an error was found, independent of `strict`: then the meaning of the file is not fully known. */
  get mistaken(): boolean {
    return this.#mistaken;
  }

  get failed(): boolean {
    return this.#found.some(({ level }) => level === 'error');
  }

  /** In the order of the file. */
  get diagnostics(): readonly Diagnostic[] {
    return [...this.#found].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Throws one `ConfigError` with everything found, if any of it is an error. */
  throwIfFailed(): void {
    if (this.failed) throw new ConfigError(this.diagnostics);
  }
}

/** What `JSON.stringify` quoted; the quoted itself where that is no JSON. */
function textIn(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}
