/** The `loom-auth diff` command: shows everything that another file would change, by class. */
import { createRequire } from 'node:module';
import { ConfigError } from '../config/diagnostics.js';
import { compileFile, type Compiled } from '../config/index.js';
import { textOf, summaryOf } from '../difference/difference-text.js';
import { countByClass, planDifference, type Difference, type PlanDifference } from '../difference/differences.js';
import { CHANGE_CLASSES } from '../lib/change-classes.js';
import type { AccessChange } from '../routing/access-changes.js';
import { fallsIn, openingsIn, unusedOpens } from '../routing/access-diagnostics.js';
import { renderDiagnostic } from './check-text.js';
import type * as Against from './diff-against.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { InputError } from './secret-input.js';
import { paintFor, printable, type Paint, type Terminal } from './terminal.js';

const require = createRequire(import.meta.url);

export interface DiffOptions {
  readonly json?: boolean;
  /** The admin address of a running gateway. */
  readonly against?: string;
  readonly strategy?: readonly string[];
  /** Fail if a guarded path becomes open without consent, or if another route with another requirement matches it. */
  readonly exitCode?: boolean;
}

interface Ruled extends Compiled {
  readonly standalone: boolean;
}

export function diffFiles(files: readonly [string, string], options: DiffOptions, terminal: Terminal): ExitCode {
  const [before, after] = files.map((file) => readable(readRules(file, options, terminal), terminal));
  return before && after ? show(planDifference(before, after), after, { options, terminal }) : EXIT.file;
}

/** Compares two files, or one file with a running gateway. */
export async function diff(files: readonly string[], options: DiffOptions, terminal: Terminal): Promise<ExitCode> {
  const { against } = options;
  const [first = '', second = '', ...more] = files;
  if (against === undefined) {
    if (second === '' || more.length > 0) throw new InputError('give two files: the current and the new one');
    return diffFiles([first, second], options, terminal);
  }
  if (second !== '') throw new InputError('give one file with --against: the new one');
  const after = readable(readGateway(first, terminal), terminal);
  return after ? show(await askedGateway(against, after, terminal), after, { options, terminal }) : EXIT.file;
}

interface Shown {
  readonly options: DiffOptions;
  readonly terminal: Terminal;
}

function show(difference: PlanDifference, after: Ruled, { options, terminal }: Shown): ExitCode {
  const paint = paintFor(terminal.stdout, terminal.env);
  terminal.stdout.write(options.json ? asJson(difference) : asText(difference, paint));
  return tell(difference.changes, after, { options, terminal }) && options.exitCode ? EXIT.file : EXIT.fine;
}

/** Returns undefined for a file with mistakes, after they are printed. */
function readable(read: Ruled | ConfigError, { stderr, env }: Terminal): Ruled | undefined {
  if (!('diagnostics' in read)) return read;
  const lines = read.diagnostics.map((each) => renderDiagnostic(each, paintFor(stderr, env)));
  stderr.write(`${lines.join('\n')}\n`);
  return undefined;
}

async function askedGateway(admin: string, after: Ruled, terminal: Terminal): Promise<PlanDifference> {
  const { diffAgainst } = require('./diff-against.js') as typeof Against;
  const { notes, ...difference } = await diffAgainst(admin, after, terminal);
  for (const note of notes)
    terminal.stderr.write(`${paintFor(terminal.stderr, terminal.env)('yellow', 'note')} ${printable(note)}\n`);
  return difference;
}

/**
 * Returns whether `--exit-code` fails for a change. Prints such changes with their reason, and each consent that is not
 * needed.
 */
function tell(changes: readonly AccessChange[], after: Ruled, { options, terminal: { stderr, env } }: Shown): boolean {
  const failing = [...openingsIn(changes, after), ...fallsIn(changes, after)];
  const told = [...(options.exitCode ? failing : []), ...unusedOpens(changes, after)];
  for (const each of told) stderr.write(`${renderDiagnostic(each, paintFor(stderr, env))}\n`);
  return failing.length > 0;
}

function readGateway(file: string, { env }: Terminal): Ruled | ConfigError {
  return reading(() => ({ ...compileFile(file, { mode: 'serve', env }), standalone: true }));
}

function readRules(file: string, { strategy = [] }: DiffOptions, { env }: Terminal): Ruled | ConfigError {
  return reading(() => {
    const compiled = compileFile(file, { strategies: strategy, mode: 'detected', env });
    return { ...compiled, standalone: compiled.mode === 'serve' };
  });
}

function reading(read: () => Ruled): Ruled | ConfigError {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ConfigError) return cause;
    throw cause;
  }
}

function asJson({ changes, differences }: PlanDifference): string {
  const seen = differences.some((each) => each.seen);
  return `${JSON.stringify({ seen, summary: countByClass(differences), differences, changes }, null, 2)}\n`;
}

function asText({ changes, differences }: PlanDifference, paint: Paint): string {
  const groups = CHANGE_CLASSES.flatMap((each): readonly string[] => {
    const own = differences.filter((one) => one.class === each);
    if (own.length === 0) return [];
    return [paint('bold', each), ...own.map((one) => `  ${painted(one, changes, paint)}`), ''];
  });
  return `${[...groups, summaryOf(differences)].join('\n')}\n`;
}

function painted(difference: Difference, changes: readonly AccessChange[], paint: Paint): string {
  const line = printable(textOf(difference));
  const change = changes.find(({ where, before, after }) => {
    return difference.class === 'access' && `${where}: ${before} → ${after}` === textOf(difference);
  });
  if (!change) return difference.seen ? line : paint('dim', line);
  if (change.opens) return paint('red', line);
  return change.weakens || change.after === 'PUBLIC' ? paint('yellow', line) : line;
}
