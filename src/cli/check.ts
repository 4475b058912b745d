/** The `loom-auth check` command: reports the mistakes of a file and its access table, without network calls. */
import { createRequire } from 'node:module';
import { accessTable } from '../config/access.js';
import { ConfigError, type Diagnostic } from '../config/diagnostics.js';
import { compileFile } from '../config/index.js';
import { lint } from '../config/lint/lint.js';
import { Source } from '../config/source.js';
import { tlsDiagnostics } from '../serve/compile-to-serve.js';
import type * as Json from './check-json.js';
import type { Outcome } from './check-outcome.js';
import { asText } from './check-text.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type * as Sarif from './sarif.js';
import { checkShadowFile } from './shadow-findings.js';
import { paintFor, type Terminal } from './terminal.js';

const require = createRequire(import.meta.url);

export type Format = 'text' | 'json' | 'sarif';

export interface CheckOptions {
  /** Warnings are errors. */
  readonly strict?: boolean;
  /** Default: text. */
  readonly format?: Format;
  /** The same as `format: 'json'`. */
  readonly json?: boolean;
  /** With more warnings the command fails. Default: any number. */
  readonly maxWarnings?: number;
  /** Passport strategies that the host application will register. */
  readonly strategy?: readonly string[];
}

export function checkFile(file: string, options: CheckOptions, terminal: Terminal): ExitCode {
  const source = new Source(file);
  const found = examine(source, options, terminal);
  const count = (level: Diagnostic['level']): number => found.diagnostics.filter((each) => each.level === level).length;
  const ok = count('error') === 0 && count('warning') <= (options.maxWarnings ?? Infinity);
  terminal.stdout.write(render({ ...found, ok, source }, options, terminal));
  return ok ? EXIT.fine : EXIT.file;
}

function render(outcome: Outcome, { format, json }: CheckOptions, terminal: Terminal): string {
  switch (format ?? (json ? 'json' : 'text')) {
    case 'json':
      return (require('./check-json.js') as typeof Json).asJson(outcome);
    case 'sarif':
      return (require('./sarif.js') as typeof Sarif).asSarif(outcome);
    case 'text':
      return asText(outcome, paintFor(terminal.stdout, terminal.env));
  }
}

type Examined = Pick<Outcome, 'access' | 'diagnostics'>;

function examine(source: Source, { strategy = [], strict = false }: CheckOptions, { env }: Terminal): Examined {
  const failing = (all: readonly Diagnostic[]): readonly Diagnostic[] => (strict ? all.map(strictly) : all);
  try {
    const compiled = compileFile(source, { strategies: strategy, mode: 'detected', env });
    const { mode } = compiled;
    const serves = mode === 'serve';
    checkShadowFile(compiled, { strategies: strategy, mode, env });
    // A host application that opens listeners of its own does not read these files.
    const tls = tlsDiagnostics(compiled).map((each): Diagnostic => (serves ? each : { ...each, level: 'warning' }));
    lint(compiled, { known: tls, now: Date.now });
    const access = accessTable(compiled.plan, { unmatched: serves ? '404' : 'next()' });
    return { access, diagnostics: failing([...compiled.context.report.diagnostics, ...tls].sort(byPlace)) };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    return { diagnostics: failing(cause.diagnostics) };
  }
}

const strictly = (each: Diagnostic): Diagnostic => (each.level === 'warning' ? { ...each, level: 'error' } : each);
const byPlace = (a: Diagnostic, b: Diagnostic): number => a.line - b.line || a.column - b.column;
