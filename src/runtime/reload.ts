/** Reloads a file: compiles it and warms it up first, then replaces the old configuration completely or not at all. */
import { createRequire } from 'node:module';
import { compacted } from '../auth/methods-in-use.js';
import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/diagnostics.js';
import type { Compiled } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import type { PlanChange } from '../difference/plan-change.js';
import type * as AccessChecks from '../routing/access-findings.js';
import type { AccessFindings } from '../routing/access-findings.js';
import type { NewFile } from '../routing/access-diagnostics.js';
import type { AccessRules } from '../routing/access-rules.js';
import type * as Apart from './compile-apart.js';
import type { ApartOptions, CompiledApart } from './compile-apart.js';
import { Snapshot, type Shared } from './snapshot.js';

const require = createRequire(import.meta.url);

/** A change outside the snapshot. It is prepared first and takes effect together with the new snapshot. */
export interface Prepared {
  /** Must not fail. */
  commit(): void;
  /** Called if the new snapshot is refused after all. */
  abandon(): void;
}

/** Compiles files: small ones here, large ones in a thread with the same options. */
export interface Compiler extends Pick<ApartOptions, 'options'>, Partial<Pick<ApartOptions, 'marked'>> {
  readonly compile: (source: ConfigSource) => Compiled;
  /** The rest of `compile` that a thread leaves to this one. */
  readonly finish?: (apart: CompiledApart['compiled']) => CompiledApart['compiled'];
}

export interface ReloadParts {
  readonly shared: Shared;
  readonly compiler: Compiler;
  /** Throws if the plan cannot be served. `found`: what a thread found that the plan changes. */
  readonly prepare?: (plan: Plan, found: PlanChange | undefined) => Promise<Prepared>;
}

export interface Standing {
  readonly generation: number;
  /** Unix milliseconds. */
  readonly loadedAt: number;
  /** Absent: there was no reload. */
  readonly lastReload?: 'taken' | 'refused';
}

/** The most log lines about one reload. */
const MOST_CHANGES = 50;

export class Reloading {
  #current: Snapshot;
  /** Demands from the host's code. A demand throws if a plan does not meet it. */
  readonly #demands = new Map<string, (next: Snapshot) => void>();
  #last: Promise<unknown> = Promise.resolve();
  /**
   * Old snapshots with a pending decision, each tracked alone. One slow decision must not keep later snapshots in
   * memory.
   */
  readonly #retiring = new Set<Promise<void>>();
  #generation = 1;
  #loadedAt: number;
  #lastReload: 'taken' | 'refused' | undefined;
  readonly #closing = new AbortController();

  constructor(
    private source: ConfigSource,
    plan: Plan,
    private readonly parts: ReloadParts,
  ) {
    this.#current = Snapshot.create(compact(plan), parts.shared);
    this.#loadedAt = parts.shared.now();
    this.#tell(true);
  }

  get current(): Snapshot {
    return this.#current;
  }

  /** Which configuration is in force, and the result of the last attempt to replace it. */
  get standing(): Standing {
    const lastReload = this.#lastReload;
    return { generation: this.#generation, loadedAt: this.#loadedAt, ...(lastReload && { lastReload }) };
  }

  /** Every later snapshot must meet the demand. Demands with the same key count once. */
  demand(key: string, bears: (next: Snapshot) => void): void {
    bears(this.#current);
    this.#demands.set(key, bears);
  }

  /** Runs reloads one after the other. Rejects with the error that kept the old snapshot. */
  reload(source: ConfigSource = this.source): Promise<readonly Diagnostic[]> {
    const turn = this.#last.then(() => this.#reload(source));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('this Loom is closed'));
    await this.#last;
    await Promise.all([this.#current.close(), ...this.#retiring]);
  }

  async #reload(source: ConfigSource): Promise<readonly Diagnostic[]> {
    const { log } = this.parts.shared;
    try {
      this.#closing.signal.throwIfAborted();
      const { warnings, changes } = await this.#take(source);
      this.#lastReload = 'taken';
      this.#loadedAt = this.parts.shared.now();
      this.#tell(true);
      const shown = changes.slice(0, MOST_CHANGES).map(({ where, before, after }) => `${where}: ${before} -> ${after}`);
      const facts = { event: 'config', generation: this.#generation, changed: changes.length, changes: shown };
      log.info(facts, 'the configuration was reloaded');
      return warnings;
    } catch (cause) {
      this.#lastReload = 'refused';
      this.#tell(false);
      log.error(
        { event: 'config', generation: this.#generation, ...causeOf(cause) },
        'the reload failed: the old configuration stays in use',
      );
      throw cause;
    }
  }

  async #take(source: ConfigSource): Promise<Taken> {
    const { shared, prepare } = this.parts;
    const old = this.#current;
    const { compiled, findings, found } = await this.#compile(source, old.plan);
    const plan = compact(compiled.plan);
    const { changes, warnings } = unlessOpening(findings);
    const next = await Snapshot.createInSlices(plan, shared, old);
    let prepared: Prepared | undefined;
    try {
      for (const bears of this.#demands.values()) bears(next);
      await next.ready;
      prepared = await prepare?.(plan, found);
      await old.prepareSockets(next);
      this.#closing.signal.throwIfAborted();
    } catch (cause) {
      prepared?.abandon();
      await next.close();
      throw cause;
    }
    this.source = source;
    this.#current = next;
    this.#generation += 1;
    old.leaveSockets(this.#inForce);
    prepared?.commit();
    this.#retire(old);
    this.#warn(warnings);
    return { warnings: [...compiled.warnings, ...warnings], changes };
  }

  async #compile(source: ConfigSource, old: Plan): Promise<Compared> {
    const { compiler, shared } = this.parts;
    const { compileApart, isForThread } = require('./compile-apart.js') as typeof Apart;
    const { standalone } = shared;
    if (!isForThread(source)) {
      const compiled = compiler.compile(source);
      return { compiled, findings: findingsOf(old, compiled, shared) };
    }
    const { options, marked = () => undefined, finish = (apart) => apart } = compiler;
    const { signal } = this.#closing;
    const apart = await compileApart(source, { options, before: old, standalone, marked, signal });
    return { ...apart, compiled: finish(apart.compiled) };
  }

  #warn(warnings: readonly Diagnostic[]): void {
    for (const { code, file, line, column, path, message } of warnings.slice(0, MOST_CHANGES)) {
      this.parts.shared.log.warn({ event: 'config', code, file, line, column, path }, message);
    }
  }

  /**
   * Defined here and not in a method. A function keeps all variables of the functions beside it in memory, such as the
   * next snapshot.
   */
  readonly #inForce = (): Snapshot => this.#current;

  #retire(old: Snapshot): void {
    const { log } = this.parts.shared;
    const retiring = old
      .retire()
      .catch((err: unknown) => log.error({ err }, 'an old configuration could not be closed'))
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  #tell(taken: boolean): void {
    const { metrics, now } = this.parts.shared;
    metrics?.gauge('loom_config_generation', {}, this.#generation);
    metrics?.gauge('loom_config_last_reload_success', {}, taken ? 1 : 0);
    if (taken) metrics?.gauge('loom_config_last_reload_timestamp_seconds', {}, Math.floor(now() / 1_000));
    metrics?.count('loom_config_reloads_total', { outcome: taken ? 'taken' : 'refused' });
  }
}

interface Compared {
  readonly compiled: Pick<Compiled, 'plan' | 'warnings'>;
  readonly findings: AccessFindings;
  readonly found?: PlanChange | undefined;
}

/** What a reload changes for callers, and the findings for the operator. */
type Taken = Pick<AccessFindings, 'changes' | 'warnings'>;

/**
 * Returns the changes for callers. Only consent opens a guarded path. A block that is missing by mistake is not consent
 * (docs/operations.md).
 *
 * @throws {ConfigError} The new plan opens what the old rules guard.
 */
export function changesUnlessOpening(
  before: AccessRules,
  compiled: NewFile,
  shared: Pick<Shared, 'standalone'>,
): Taken {
  return unlessOpening(findingsOf(before, compiled, shared));
}

function findingsOf(plan: AccessRules, file: NewFile, { standalone }: Pick<Shared, 'standalone'>): AccessFindings {
  // Most processes never reload, so the comparison of two files loads here.
  const { compareAccess } = require('../routing/access-findings.js') as typeof AccessChecks;
  return compareAccess({ plan, standalone }, file);
}

function unlessOpening({ openings, changes, warnings }: AccessFindings): Taken {
  if (openings.length > 0) throw new ConfigError(openings);
  return { changes, warnings };
}

function causeOf(cause: unknown): object {
  if (cause instanceof ConfigError) {
    const errors = cause.diagnostics.filter(({ level }) => level === 'error');
    return { errors: errors.slice(0, MOST_CHANGES).map(formatDiagnostic) };
  }
  return { err: cause };
}

function compact(plan: Plan): Plan {
  return { ...plan, methods: plan.methods.map(compacted) };
}
