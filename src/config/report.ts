/** Collects what is wrong with one file, so that every mistake is told at once and at its place. */
import { ConfigError, type Diagnostic } from './diagnostics.js';

export type Path = readonly (string | number)[];

/** Where a path stands in the text, from 1. `key` points at the name, `value` at what it holds. */
export type Locate = (path: Path, at: 'key' | 'value') => { readonly line: number; readonly column: number };

export interface Found {
  readonly path: Path;
  readonly code: string;
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

export class Report {
  readonly #found: Diagnostic[] = [];
  #mistaken = false;

  constructor(
    readonly file: string,
    private readonly locate: Locate,
    private readonly strict = false,
  ) {}

  error(found: Found): void {
    this.#mistaken = true;
    this.#add('error', found);
  }

  /** With `strict` a warning is an error. */
  warning(found: Found): void {
    this.#add(this.strict ? 'error' : 'warning', found);
  }

  /** A mistake of the syntax: it has a place in the text and no path. */
  errorAt(place: { readonly line: number; readonly column: number }, found: Pick<Found, 'code' | 'message'>): void {
    this.#mistaken = true;
    this.#found.push({ level: 'error', ...found, file: this.file, ...place, path: '' });
  }

  #add(level: Diagnostic['level'], { path, code, message, at = 'value' }: Found): void {
    const { line, column } = this.locate(path, at);
    this.#found.push({ level, code, file: this.file, line, column, path: formatPath(path), message });
  }

  /** Whether something is wrong whatever `strict` says: then not all that the file means is known. */
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
