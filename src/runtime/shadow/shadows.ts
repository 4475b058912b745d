/** Loads the shadow file, replaces it as a whole, and keeps the live configuration untouched if the file is wrong. */
import { ConfigError, formatDiagnostic, type Diagnostic } from '../../config/diagnostics.js';
import type { Compiled } from '../../config/index.js';
import type { ConfigSource } from '../../config/source.js';
import type { ShadowSlot } from '../../gateway/shadow-slot.js';
import { routingInSteps, type RoutingTables } from '../../admission/policy.js';
import type { Plan } from '../../config/plan-types.js';
import { inSlices } from '../../lib/slices.js';
import type { MaybePromise } from '../../lib/types.js';
import { compileApart, isForThread } from '../compile-apart.js';
import { changesUnlessOpening, type Compiler } from '../reload.js';
import type { Snapshot } from '../snapshot.js';
import { Candidate } from './candidate.js';
import { NO_SHADOW, togetherOf, type ShadowReport } from './report.js';
import { Shadow, type ShadowDeps } from './shadow.js';

export interface ShadowsDeps extends ShadowDeps {
  readonly slot: ShadowSlot;
  readonly live: () => Snapshot;
  /** Compiles the shadow file, at once or in a thread. */
  readonly compiler: Pick<Compiler, 'compile' | 'options' | 'marked'>;
  /** Whether requests would wait for the compilation of a large file. */
  readonly isServing: () => boolean;
}

interface Loaded {
  readonly shadow?: Shadow;
  readonly about: Pick<ShadowReport, 'state' | 'file' | 'since' | 'errors' | 'reload_errors'>;
}

/** A file that can be evaluated. */
interface Accepted {
  readonly plan: Plan;
  readonly tables?: RoutingTables;
  /** Why a reload would refuse the file. */
  readonly reloadErrors: readonly string[] | undefined;
}

/** The most errors of a file in a line and in the report. */
const MOST_ERRORS = 50;

export class Shadows {
  #loaded: Loaded | undefined;
  #source: ConfigSource | undefined;
  #loading: AbortController | undefined;

  constructor(private readonly deps: ShadowsDeps) {}

  /**
   * Loads the file, or loads it again. Undefined: no file is evaluated. Never throws and never rejects. A large file is
   * compiled in a thread, and the file before it is evaluated until then.
   */
  follow(source: ConfigSource | undefined = this.#source): MaybePromise<void> {
    this.#source = source;
    this.#loading?.abort(new Error('the shadow file is read again'));
    if (source === undefined) return this.#replace(undefined);
    if (!this.deps.isServing() || !isForThread(source)) return this.#replace(this.#load(source));
    const { signal } = (this.#loading = new AbortController());
    return this.#loadApart(source, signal);
  }

  stop(): void {
    this.#source = undefined;
    void this.follow();
  }

  #replace(loaded: Loaded | undefined): void {
    const before = this.#loaded?.shadow;
    this.#loaded = loaded;
    this.deps.slot.current = loaded?.shadow;
    this.deps.metrics?.gauge('loom_shadow_active', {}, loaded?.shadow ? 1 : 0);
    before?.close().catch(() => undefined);
  }

  /** Resolves when no copy of a request waits. */
  async drained(): Promise<void> {
    await this.#loaded?.shadow?.drained();
  }

  report(): ShadowReport {
    const { shadow, about } = this.#loaded ?? {};
    if (!shadow) return { ...NO_SHADOW, ...about };
    const { counts, notEvaluated, differences } = shadow;
    return togetherOf([
      {
        ...NO_SHADOW,
        ...about,
        requests: { ...counts },
        not_evaluated: [...notEvaluated].map(([why, count]) => ({ why, count })),
        differences: [...differences.list()].sort((a, b) => b.count - a.count),
        omitted: differences.omitted,
      },
    ]);
  }

  #load(source: ConfigSource): Loaded {
    try {
      const compiled = this.deps.compiler.compile(source);
      return this.#active(source, { plan: compiled.plan, reloadErrors: this.#reloadErrors(compiled) });
    } catch (cause) {
      return this.#rejected(source, cause);
    }
  }

  /** Replaces nothing if the file is read again in the meantime. */
  async #loadApart(source: ConfigSource, signal: AbortSignal): Promise<void> {
    const { compiler, live, standalone } = this.deps;
    const { options, marked = () => undefined } = compiler;
    const before = live().plan;
    try {
      const parts = { options, before, isShown: false, standalone, marked, signal };
      const { compiled, findings } = await compileApart(source, parts);
      const { plan } = compiled;
      const tables = await inSlices(routingInSteps(plan, standalone));
      const { openings } = findings;
      const reloadErrors = openings.length > 0 ? errorsOf(new ConfigError(openings)) : undefined;
      if (!signal.aborted) this.#replace(this.#active(source, { plan, tables, reloadErrors }));
    } catch (cause) {
      if (!signal.aborted) this.#replace(this.#rejected(source, cause));
    }
  }

  #active(source: ConfigSource, { plan, tables, reloadErrors }: Accepted): Loaded {
    const { log, live, standalone } = this.deps;
    const offline = { keysOf: (name: string) => live().methods.loadedKeys(name) };
    const candidate = new Candidate(plan, { standalone, offline, tables });
    const file = nameOf(source);
    log.info({ event: 'shadow', file, routes: plan.routes.length }, 'the shadow file is evaluated');
    if (reloadErrors)
      log.warn({ event: 'shadow', file, errors: reloadErrors }, 'a reload would refuse the shadow file');
    const about = {
      state: 'active',
      file,
      since: this.#now(),
      ...(reloadErrors && { reload_errors: reloadErrors }),
    } as const;
    return { shadow: new Shadow(candidate, this.deps), about };
  }

  #rejected(source: ConfigSource, cause: unknown): Loaded {
    const [file, errors] = [nameOf(source), errorsOf(cause)];
    this.deps.log.error(
      { event: 'shadow', file, errors, ...(cause instanceof ConfigError ? {} : { err: cause }) },
      'the shadow file is rejected',
    );
    return { about: { state: 'rejected', file, since: this.#now(), errors } };
  }

  #now(): string {
    return new Date(this.deps.now()).toISOString();
  }

  /** A reload refuses a file that opens a guarded path. The evaluation shows who would pass. */
  #reloadErrors(compiled: Compiled): readonly string[] | undefined {
    try {
      changesUnlessOpening(this.deps.live().plan, compiled, this.deps);
      return undefined;
    } catch (cause) {
      return errorsOf(cause);
    }
  }
}

function errorsOf(cause: unknown): readonly string[] {
  if (!(cause instanceof ConfigError)) return ['the file cannot be evaluated; the log has the error'];
  const errors = cause.diagnostics.filter(({ level }: Diagnostic) => level === 'error');
  return errors.slice(0, MOST_ERRORS).map(formatDiagnostic);
}

function nameOf(source: ConfigSource): string {
  if (typeof source === 'string') return source;
  if (source instanceof URL) return source.pathname;
  const { file } = source as { readonly file?: unknown };
  return typeof file === 'string' ? file : 'an object';
}
