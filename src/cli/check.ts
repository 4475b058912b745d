/** The `loom-auth check` command: reports the errors of a file and its access table, without network calls. */
import { accessTable, type AccessTable } from '../config/access.js';
import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/diagnostics.js';
import { compileFile } from '../config/index.js';
import { Source } from '../config/source.js';
import { tlsDiagnostics } from '../serve/compile-to-serve.js';
import { renderAccess } from './access-table.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, printable, type Paint, type Terminal } from './terminal.js';

export interface CheckOptions {
  readonly strict?: boolean;
  readonly json?: boolean;
  /** Passport strategies that the host application will register. */
  readonly strategy?: readonly string[];
}

interface Outcome {
  /** With what happens to requests that no route matches. Absent: the file has errors that leave no plan. */
  readonly access?: AccessTable;
  readonly diagnostics: readonly Diagnostic[];
}

export function checkFile(file: string, options: CheckOptions, terminal: Terminal): ExitCode {
  const outcome = examine(file, options, terminal);
  const failing = options.strict ? outcome.diagnostics : outcome.diagnostics.filter(({ level }) => level === 'error');
  const refused = failing.length > 0;
  terminal.stdout.write(
    options.json ? asJson(outcome, refused) : asText(outcome, paintFor(terminal.stdout, terminal.env)),
  );
  return refused ? EXIT.file : EXIT.fine;
}

function examine(file: string, { strategy = [], strict = false }: CheckOptions, { env }: Terminal): Outcome {
  try {
    const source = new Source(file);
    let compiled = compileFile(source, { strategies: strategy, mode: 'middleware', strict, env });
    const { listeners, routes } = compiled.plan;
    // A file with listeners and routes is a gateway, so the command also checks that it can serve.
    const serves = listeners.length > 0 && routes.length > 0 && strategy.length === 0;
    if (serves) compiled = compileFile(source, { mode: 'serve', strict, env });
    // A host application that opens listeners of its own does not read these files.
    const tls = tlsDiagnostics(compiled).map((each): Diagnostic => (serves ? each : { ...each, level: 'warning' }));
    const access = accessTable(compiled.plan, { unmatched: serves ? '404' : 'next()' });
    return { access, diagnostics: [...compiled.warnings, ...tls].sort(byPlace) };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    return { diagnostics: cause.diagnostics };
  }
}

const byPlace = (a: Diagnostic, b: Diagnostic): number => a.line - b.line || a.column - b.column;

function asJson({ access, diagnostics }: Outcome, refused: boolean): string {
  return `${JSON.stringify({ ok: !refused, diagnostics, access: access ?? null }, null, 2)}\n`;
}

function asText({ access, diagnostics }: Outcome, paint: Paint): string {
  const lines = diagnostics.map((each) => renderDiagnostic(each, paint));
  const table = access ? [renderAccess(access, paint)] : [];
  const blocks = [...(lines.length > 0 ? [lines.join('\n')] : []), ...table, tally(diagnostics, paint)];
  return `${blocks.join('\n\n')}\n`;
}

export function renderDiagnostic(diagnostic: Diagnostic, paint: Paint): string {
  const { level } = diagnostic;
  return `${paint(level === 'error' ? 'red' : 'yellow', level)} ${printable(formatDiagnostic(diagnostic))}`;
}

function tally(diagnostics: readonly Diagnostic[], paint: Paint): string {
  const count = (level: Diagnostic['level']): number => diagnostics.filter((each) => each.level === level).length;
  const words = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const text = `${words(count('error'), 'error')}, ${words(count('warning'), 'warning')}`;
  return count('error') > 0 ? paint('red', text) : text;
}
