/** A Loom file compiled into its plan: text in, pure data out, and every mistake at once. */
import { createRequire } from 'node:module';
import { checkDraft } from './checks/index.js';
import { Context, type Mode } from './context.js';
import { ConfigError, type Diagnostic } from './diagnostics.js';
import { hasPath, nodeAt, type DocumentNode } from './document.js';
import type { Plan } from './plan-types.js';
import { draftPlan } from './plan/plan.js';
import { NO_NAMES } from './plan/plugins.js';
import type * as Explain from './hints/explain.js';
import type * as Layout from './hints/layout.js';
import { readFile, type ReadFile, type ReadOptions } from './read.js';
import type { Path } from './report.js';
import { Source, type ConfigSource, type Env } from './source.js';
import { NOT_IMPLEMENTED } from './schema/file.js';

const require = createRequire(import.meta.url);

export interface CompileOptions {
  /** Names of the host application's Passport strategies, usable like methods. */
  readonly strategies?: readonly string[];
  /** `detected`: a file with listeners and routes is a gateway, if the host application has no strategies. */
  readonly mode: Mode | 'detected';
  /** Warnings are errors. */
  readonly strict?: boolean;
  /** For `${NAME}`; default: the environment of the process. */
  readonly env?: Env;
  /** Called with every file that the plan depends on, by its absolute path; also where the file turns out to be wrong. */
  readonly named?: (file: string) => void;
}

export interface Compiled {
  readonly plan: Plan;
  readonly mode: Mode;
  readonly warnings: readonly Diagnostic[];
  /** The position of a route of the plan in the file. */
  readonly placeOf: (route: number) => Position;
  /** The position of an entry of `opens` in the file. */
  readonly placeOfOpening: (entry: number) => Position;
  /** The file as it was read, for rules that run later. */
  readonly context: Context;
  /** The position of an option, or of the nearest block around it. */
  readonly placeAt: (path: Path) => Position;
}

type Position = Pick<Diagnostic, 'file' | 'line' | 'column' | 'path'>;

/**
 * Reads and checks a file; no network.
 *
 * @param given A `Source` is one reading of the file for several compilations.
 * @example compileFile('loom.yaml', { mode: 'serve' }).plan.routes
 * @throws ConfigError with every diagnostic; TypeError for a strategy name that the file uses for something else
 */
export function compileFile(given: ConfigSource | Source, options: CompileOptions): Compiled {
  const { mode, strategies = [], strict = false } = options;
  const reserved = strategies.find((name) => NO_NAMES.has(name));
  if (reserved !== undefined) throw new TypeError(`a strategy cannot be named ${JSON.stringify(reserved)}`);
  const source = given instanceof Source ? given : new Source(given, options.named);
  const env = options.env ?? source.env ?? process.env;
  const compileOnce = (repair?: ReadOptions['repair']): Compiled =>
    compileTree(readFile(source, { env, strict, ...(repair && { repair }) }), { source, mode, strategies });
  try {
    return compileOnce();
  } catch (error) {
    throw error instanceof ConfigError ? explained(error, compileOnce) : error;
  }
}

/** A key at the wrong level looks like several mistakes. So the file is read again with each such key in its block. */
function explained(error: ConfigError, compileOnce: (repair: ReadOptions['repair']) => Compiled): ConfigError {
  const { mayBeMisplaced, optionTree, withHomes } = require('./hints/explain.js') as typeof Explain;
  if (!mayBeMisplaced(error)) return error;
  const { repairLayout } = require('./hints/layout.js') as typeof Layout;
  let misplaced = false;
  try {
    compileOnce((root, report) => {
      misplaced = repairLayout(root, optionTree(), report);
    });
  } catch (again) {
    if (misplaced && again instanceof ConfigError) return withHomes(again);
  }
  return withHomes(error);
}

interface Compiling {
  readonly source: Source;
  readonly mode: CompileOptions['mode'];
  readonly strategies: readonly string[];
}

function compileTree({ root, report }: ReadFile, { source, mode: asked, strategies }: Compiling): Compiled {
  const mode = asked === 'detected' ? detectMode(root, strategies) : asked;
  const context = new Context({ root, report, source, mode, strategies });
  const draft = draftPlan(context);
  reportUnbuilt(context);
  checkDraft(draft, context);
  report.throwIfFailed();
  const warnings = report.diagnostics;
  const placeOf = (route: number) => report.placeOf(['routes', draft.places[route] ?? 0]);
  const placeOfOpening = (entry: number) => report.placeOf(['opens', entry]);
  const placeAt = (path: Path) => report.placeOf(path);
  return { plan: { ...draft.plan, warnings }, mode, warnings, context, placeOf, placeOfOpening, placeAt };
}

function detectMode(root: DocumentNode, strategies: readonly string[]): Mode {
  const hasItems = (name: string): boolean => (nodeAt(root, [name]).node.children?.size ?? 0) > 0;
  return strategies.length === 0 && ['listeners', 'routes'].every((name) => hasPath(root, [name]) && hasItems(name))
    ? 'serve'
    : 'middleware';
}

type Level = 'error' | 'warning';
type Unbuilt = Readonly<Record<string, Level>>;

const TOP: Unbuilt = {
  ...Object.fromEntries(Object.keys(NOT_IMPLEMENTED).map((key) => [key, 'warning'] as const)),
  multi_tenancy: 'error',
};

const WORDS: Readonly<Record<string, string>> = {
  multi_tenancy: 'is not built, and without it more would pass than the file says',
};

/** Options that Loom documents and this project does not have: a warning, or an error if they would narrow access. */
function reportUnbuilt(context: Context): void {
  reportKeys(context, [], TOP);
}

function reportKeys(context: Context, above: Path, unbuilt: Unbuilt): void {
  for (const key of context.keys(above)) {
    const level = Object.hasOwn(unbuilt, key) ? unbuilt[key] : undefined;
    const path = [...above, key];
    const enabled = [...path, 'enabled'];
    context.retype(enabled);
    if (level === undefined || context.value(enabled) === false) continue;
    const message = WORDS[key] ?? 'is not built yet and has no effect';
    context.report[level]({ path, code: 'not_built', message, at: 'key' });
  }
}
