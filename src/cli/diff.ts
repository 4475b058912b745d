/** The `loom-auth diff` command: shows what another file would change for callers, by path and auth method. */
import { accessTable, type MethodRow } from '../config/access.js';
import { ConfigError } from '../config/diagnostics.js';
import { compileFile, type Compiled } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import { Source } from '../config/source.js';
import { accessChanges, type AccessChange } from '../routing/access-changes.js';
import { fallsIn, openingsIn, unusedOpens } from '../routing/access-diagnostics.js';
import { renderDiagnostic } from './check.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { paintFor, printable, type Paint, type Terminal } from './terminal.js';

export interface DiffOptions {
  readonly json?: boolean;
  readonly strategy?: readonly string[];
  /** Fail if a guarded path becomes open without consent, or if another route with another requirement matches it. */
  readonly exitCode?: boolean;
}

interface Ruled extends Compiled {
  readonly standalone: boolean;
}

interface Difference {
  readonly changes: readonly AccessChange[];
  readonly methods: readonly MethodChange[];
}

/** The old and the new line of an auth method in the access table. */
interface MethodChange {
  readonly method: string;
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

export function diffFiles(files: readonly [string, string], options: DiffOptions, terminal: Terminal): ExitCode {
  const paint = paintFor(terminal.stdout, terminal.env);
  const ruled: Ruled[] = [];
  for (const file of files) {
    const read = readRules(file, options, terminal);
    if (!('diagnostics' in read)) ruled.push(read);
    else {
      const lines = read.diagnostics.map((each) => renderDiagnostic(each, paintFor(terminal.stderr, terminal.env)));
      terminal.stderr.write(`${lines.join('\n')}\n`);
      return EXIT.file;
    }
  }
  const [before, after] = ruled as [Ruled, Ruled];
  const difference = { changes: accessChanges(before, after), methods: methodChanges(before.plan, after.plan) };
  terminal.stdout.write(options.json ? `${JSON.stringify(difference, null, 2)}\n` : asText(difference, paint));
  return tell(difference.changes, after, { options, terminal }) && options.exitCode ? EXIT.file : EXIT.fine;
}

/**
 * Returns whether `--exit-code` fails for a change. Prints such changes with their reason, and each consent that is not
 * needed.
 */
function tell(
  changes: readonly AccessChange[],
  after: Ruled,
  { options, terminal: { stderr, env } }: { readonly options: DiffOptions; readonly terminal: Terminal },
): boolean {
  const failing = [...openingsIn(changes, after), ...fallsIn(changes, after)];
  const told = [...(options.exitCode ? failing : []), ...unusedOpens(changes, after)];
  for (const each of told) stderr.write(`${renderDiagnostic(each, paintFor(stderr, env))}\n`);
  return failing.length > 0;
}

function readRules(file: string, { strategy = [] }: DiffOptions, { env }: Terminal): Ruled | ConfigError {
  try {
    const source = new Source(file);
    const compiled = compileFile(source, { strategies: strategy, mode: 'middleware', env });
    const { listeners, routes } = compiled.plan;
    // With listeners and routes the file is a gateway, as in `check`.
    if (listeners.length === 0 || routes.length === 0 || strategy.length > 0) return { ...compiled, standalone: false };
    return { ...compileFile(source, { mode: 'serve', env }), standalone: true };
  } catch (cause) {
    if (cause instanceof ConfigError) return cause;
    throw cause;
  }
}

/**
 * The facts of each auth method that `check` prints. A change of a secret appears there as a fingerprint, or not at
 * all.
 */
function methodChanges(before: Plan, after: Plan): readonly MethodChange[] {
  const [old, next] = [factsOf(before), factsOf(after)];
  const keys = [...new Set([...old.keys(), ...next.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key), next.get(key)];
    const { method, what } = (was ?? is) as Fact;
    if (was?.value === is?.value) return [];
    return [{ method, what, before: was?.value ?? 'nothing', after: is?.value ?? 'nothing' }];
  });
}

interface Fact {
  readonly method: string;
  readonly what: string;
  readonly value: string;
}

function factsOf(plan: Plan): ReadonlyMap<string, Fact> {
  const facts = accessTable(plan).methods.flatMap(methodFacts);
  return new Map(facts.map((fact) => [JSON.stringify([fact.method, fact.what]), fact]));
}

function methodFacts({ name: method, title, summary, headers }: MethodRow): readonly Fact[] {
  return [
    { method, what: 'method', value: title },
    ...summary.map(([what, value]) => ({ method, what, value })),
    ...headers.map(({ header, claim }) => ({ method, what: `header ${header}`, value: claim })),
  ];
}

function asText({ changes, methods }: Difference, paint: Paint): string {
  const lines = [
    ...changes.map(({ where, before, after, opens, weakens }) => {
      const line = printable(`${where}: ${before} → ${after}`);
      return opens ? paint('red', line) : weakens || after === 'PUBLIC' ? paint('yellow', line) : line;
    }),
    ...methods.map(({ method, what, before, after }) =>
      printable(what === 'method' ? `${method}: ${before} → ${after}` : `${method}, ${what}: ${before} → ${after}`),
    ),
  ];
  return lines.length === 0 ? 'No caller sees a difference.\n' : `${lines.join('\n')}\n`;
}
