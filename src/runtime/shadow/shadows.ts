/** Loads the shadow file, replaces it as a whole, and keeps the live configuration untouched if the file is wrong. */
import { ConfigError, formatDiagnostic, type Diagnostic } from '../../config/diagnostics.js';
import type { Compiled } from '../../config/index.js';
import type { ConfigSource } from '../../config/source.js';
import type { ShadowSlot } from '../../gateway/shadow-slot.js';
import { changesUnlessOpening } from '../reload.js';
import type { Snapshot } from '../snapshot.js';
import { Candidate } from './candidate.js';
import { NO_SHADOW, togetherOf, type ShadowReport } from './report.js';
import { Shadow, type ShadowDeps } from './shadow.js';

export interface ShadowsDeps extends ShadowDeps {
  readonly slot: ShadowSlot;
  readonly live: () => Snapshot;
  /** Compiles the shadow file. Throws a ConfigError if the file is wrong. */
  readonly compile: (source: ConfigSource) => Compiled;
}

interface Loaded {
  readonly shadow?: Shadow;
  readonly about: Pick<ShadowReport, 'state' | 'file' | 'since' | 'errors' | 'reload_errors'>;
}

/** The most errors of a file in a line and in the report. */
const MOST_ERRORS = 50;

export class Shadows {
  #loaded: Loaded | undefined;
  #source: ConfigSource | undefined;

  constructor(private readonly deps: ShadowsDeps) {}

  /** Loads the file, or loads it again. Undefined: no file is evaluated. Never throws. */
  follow(source: ConfigSource | undefined = this.#source): void {
    this.#source = source;
    const before = this.#loaded?.shadow;
    this.#loaded = source === undefined ? undefined : this.#load(source);
    this.deps.slot.current = this.#loaded?.shadow;
    this.deps.metrics?.gauge('loom_shadow_active', {}, this.#loaded?.shadow ? 1 : 0);
    before?.close().catch(() => undefined);
  }

  stop(): void {
    this.#source = undefined;
    this.follow();
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
    const { log, now, live, standalone } = this.deps;
    const since = new Date(now()).toISOString();
    const file = nameOf(source);
    try {
      const compiled = this.deps.compile(source);
      const offline = { keysOf: (name: string) => live().methods.loadedKeys(name) };
      const candidate = new Candidate(compiled.plan, { standalone, offline });
      const reloadErrors = this.#reloadErrors(compiled);
      const facts = { event: 'shadow', file, routes: compiled.plan.routes.length };
      log.info(facts, 'the shadow file is evaluated');
      if (reloadErrors)
        log.warn({ event: 'shadow', file, errors: reloadErrors }, 'a reload would refuse the shadow file');
      const about = { state: 'active', file, since, ...(reloadErrors && { reload_errors: reloadErrors }) } as const;
      return { shadow: new Shadow(candidate, this.deps), about };
    } catch (cause) {
      const errors = errorsOf(cause);
      log.error(
        { event: 'shadow', file, errors, ...(cause instanceof ConfigError ? {} : { err: cause }) },
        'the shadow file is rejected',
      );
      return { about: { state: 'rejected', file, since, errors } };
    }
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
