/** Runs every rule of `check` on a text, at a time of the test. */
import { compileFile } from '../../../src/config/index.js';
import type { Diagnostic } from '../../../src/config/diagnostics.js';
import { lint } from '../../../src/config/lint/lint.js';
import type { Mode } from '../../../src/config/context.js';

export interface Linting {
  readonly mode?: Mode;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly now?: number;
  /** The name of the file: files that it names are beside it. */
  readonly file?: string;
}

export const NOW = Date.UTC(2026, 5, 1);

export function linted(text: string, { mode = 'middleware', env = {}, now = NOW, file }: Linting = {}) {
  const compiled = compileFile({ text, file: file ?? 'loom.yaml' }, { mode, env });
  lint(compiled, { known: [], now: () => now });
  return compiled.context.report.diagnostics;
}

/** Each finding of a rule as `line path`. */
export const placesOf = (code: string, found: readonly Diagnostic[]): readonly string[] =>
  found.filter((each) => each.code === code).map(({ line, path }) => `${line} ${path}`);

/** The findings of a rule: path and message. */
export const toldBy = (code: string, found: readonly Diagnostic[]): readonly string[] =>
  found.filter((each) => each.code === code).map(({ path, message }) => `${path}: ${message}`);
