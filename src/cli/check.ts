/** The `loom-auth check` command: reports the errors of a file and its access table, without network calls. */
import { accessTable } from '../config/access.js';
import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/diagnostics.js';
import { compileFile, type Compiled } from '../config/index.js';
import { Source } from '../config/source.js';
import { checkTls } from '../serve/tls.js';
import { renderAccess } from './access-table.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, printable, type Paint, type Terminal } from './terminal.js';

export interface CheckOptions {
  readonly strict?: boolean;
  readonly json?: boolean;
  /** Passport strategies that the host application will register. */
  readonly strategy?: readonly string[];
}

type Outcome =
  | { readonly ok: true; readonly compiled: Compiled; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export function checkFile(file: string, options: CheckOptions, terminal: Terminal): ExitCode {
  const outcome = examine(file, options, terminal);
  const refused = !outcome.ok || (options.strict === true && outcome.warnings.length > 0);
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
    if (listeners.length > 0 && routes.length > 0 && strategy.length === 0) {
      compiled = compileFile(source, { mode: 'serve', strict, env });
    }
    return { ok: true, compiled, warnings: [...compiled.warnings, ...tlsWarnings(compiled)] };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    return { ok: false, diagnostics: cause.diagnostics };
  }
}

/** The file may be checked on another machine than the gateway, so missing certificates are only a warning. */
function tlsWarnings({ plan }: Compiled): readonly Diagnostic[] {
  return plan.listeners.flatMap((listener, at): Diagnostic[] => {
    const fault = checkTls(listener);
    if (fault === undefined) return [];
    const place = { file: plan.file, line: 1, column: 1, path: `listeners[${at}].tls` };
    return [{ level: 'warning', code: 'tls_file', ...place, message: fault }];
  });
}

function asJson(outcome: Outcome, refused: boolean): string {
  const diagnostics = outcome.ok ? outcome.warnings : outcome.diagnostics;
  const access = outcome.ok ? accessTable(outcome.compiled.plan) : null;
  return `${JSON.stringify({ ok: !refused, diagnostics, access }, null, 2)}\n`;
}

function asText(outcome: Outcome, paint: Paint): string {
  const diagnostics = outcome.ok ? outcome.warnings : outcome.diagnostics;
  const lines = diagnostics.map((each) => renderDiagnostic(each, paint));
  const table = outcome.ok ? [renderAccess(accessTable(outcome.compiled.plan), paint)] : [];
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
