/** The program of the thread that compiles a large file for a reload and compares it with the rules in force. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { compacted } from '../auth/methods-in-use.js';
import { ConfigError, type Diagnostic } from '../config/diagnostics.js';
import { compileFile, type Compiled, type CompileOptions } from '../config/index.js';
import type { Plan, PlannedRoute } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import { planChange, type PlanChange } from '../difference/plan-change.js';
import { markOf } from '../lib/file-mark.js';
import { compareAccess, type AccessFindings } from '../routing/access-findings.js';
import type { AccessRules } from '../routing/access-rules.js';
import { packPlan, wholeOf, type PlanHead } from './travelling-plan.js';

/** The data that the thread starts with. The routes in force follow in pieces, and `undefined` after the last one. */
export interface ThreadTask {
  readonly source: ConfigSource;
  readonly options: Pick<CompileOptions, 'mode' | 'strict' | 'strategies'>;
  /** The rules in force; the whole plan if an admin address shows what a reload changes. */
  readonly old: PlanHead<Omit<AccessRules, 'routes'> | Omit<Plan, 'routes'>>;
  readonly standalone: boolean;
  readonly port: MessagePort;
}

export type OldRoutes = readonly PlannedRoute[] | undefined;

export type ThreadResult = { readonly marks: ReadonlyMap<string, string> } & (
  | {
      readonly kind: 'compiled';
      readonly head: PlanHead;
      /** The number of pieces that follow. */
      readonly pieces: number;
      readonly findings: AccessFindings;
      readonly found?: PlanChange | undefined;
      readonly tls: TlsPlaces;
    }
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: 'failed'; readonly cause: unknown }
);

/** Facts about the TLS options, by their paths as JSON. */
export interface TlsPlaces {
  readonly places: ReadonlyMap<string, ReturnType<Compiled['placeAt']>>;
  /** Where the author of the file accepts warnings. */
  readonly ignored: ReadonlySet<string>;
}

const { source, options, old, standalone, port } = workerData as ThreadTask;
const marks = new Map<string, string>();
const routes: PlannedRoute[] = [];

port.on('message', (piece: OldRoutes) => {
  if (piece) return void routes.push(...piece);
  work();
  // The answers are in the queue of the other end, which reads them in slices.
  parentPort?.postMessage('done');
  port.close();
});

function work(): void {
  const answer = (result: ThreadResult): void => port.postMessage(result);
  const named = (file: string): void => void (marks.has(file) || marks.set(file, markOf(file)));
  try {
    const compiled = compileFile(source, { ...options, named });
    const before = wholeOf(old, routes);
    const findings = compareAccess({ plan: before, standalone }, compiled);
    const plan = { ...compiled.plan, methods: compiled.plan.methods.map(compacted) };
    const found = plan.admin && 'admin' in before ? changeOf(before, plan) : undefined;
    const { head, pieces } = packPlan(plan);
    answer({ kind: 'compiled', marks, head, pieces: pieces.length, findings, found, tls: tlsPlaces(compiled) });
    for (const piece of pieces) port.postMessage(piece);
  } catch (cause) {
    if (cause instanceof ConfigError) answer({ kind: 'refused', marks, diagnostics: cause.diagnostics });
    else answer({ kind: 'failed', marks, cause });
  }
}

/** A comparison that fails must not refuse the file. The gateway compares again, and logs why it fails. */
function changeOf(before: Plan, after: Plan): PlanChange | undefined {
  try {
    return planChange(before, after);
  } catch {
    return undefined;
  }
}

const TLS_OPTIONS = ['cert_file', 'key_file', 'ca_file', 'crl_file'];

function tlsPlaces({ plan, placeAt, context: { report } }: Compiled): TlsPlaces {
  const paths = plan.listeners.flatMap(({ tls }, at) =>
    tls ? TLS_OPTIONS.map((option) => ['listeners', at, 'tls', option]) : [],
  );
  const ignored = paths.filter((path) => report.isIgnored({ path, code: 'tls_file' }));
  return {
    places: new Map(paths.map((path) => [JSON.stringify(path), placeAt(path)])),
    ignored: new Set(ignored.map((path) => JSON.stringify(path))),
  };
}
