/** Takes a file again: compiled and warmed up aside, then in force as a whole, or refused while the old table stays. */
import { createRequire } from 'node:module';
import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/diagnostics.js';
import type { Compiled } from '../config/index.js';
import type { Plan } from '../config/plan-types.js';
import type { ConfigSource } from '../config/source.js';
import type * as AccessChanges from '../routing/access-changes.js';
import type * as AccessDiagnostics from '../routing/access-diagnostics.js';
import type { AccessRules } from '../routing/access-rules.js';
import { Snapshot, type Shared } from './snapshot.js';

const require = createRequire(import.meta.url);

/** What else changes with the table, readied before and done at the same moment. */
export interface Prepared {
  /** May not fail. */
  commit(): void;
  /** The table was refused after all. */
  abandon(): void;
}

export interface ReloadParts {
  readonly shared: Shared;
  readonly compile: (source: ConfigSource) => Compiled;
  /** Throws what the plan cannot be served with. */
  readonly prepare?: (plan: Plan) => Promise<Prepared>;
}

/** Lines in the log about one reload. */
const MOST_CHANGES = 50;

export class Reloading {
  #current: Snapshot;
  /** What depends on the table and was made by the host's code: throws where a plan does not bear it. */
  readonly #demands = new Map<string, (next: Snapshot) => void>();
  #last: Promise<unknown> = Promise.resolve();
  /** Old tables that still judge a request, each on its own: one slow verdict must not keep the later tables alive. */
  readonly #retiring = new Set<Promise<void>>();
  #generation = 1;
  #closed = false;

  constructor(
    private source: ConfigSource,
    plan: Plan,
    private readonly parts: ReloadParts,
  ) {
    this.#current = new Snapshot(plan, parts.shared);
    this.#tell(true);
  }

  get current(): Snapshot {
    return this.#current;
  }

  /** Every table from now on must bear it; the same demand, by its key, counts once. */
  demand(key: string, bears: (next: Snapshot) => void): void {
    bears(this.#current);
    this.#demands.set(key, bears);
  }

  /** One after the other; rejects with what kept the old table in force. */
  reload(source: ConfigSource = this.source): Promise<readonly Diagnostic[]> {
    const turn = this.#last.then(() => this.#reload(source));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await Promise.all([this.#current.close(), ...this.#retiring]);
  }

  async #reload(source: ConfigSource): Promise<readonly Diagnostic[]> {
    const { log } = this.parts.shared;
    try {
      if (this.#closed) throw new Error('this Loom is closed');
      const { warnings, changes } = await this.#take(source);
      this.#tell(true);
      const shown = changes.slice(0, MOST_CHANGES).map(({ where, before, after }) => `${where}: ${before} -> ${after}`);
      const facts = { event: 'config', generation: this.#generation, changed: changes.length, changes: shown };
      log.info(facts, 'the file was loaded anew');
      return warnings;
    } catch (cause) {
      this.#tell(false);
      log.error({ event: 'config', generation: this.#generation, ...causeOf(cause) }, 'the old table stays in force');
      throw cause;
    }
  }

  async #take(source: ConfigSource): Promise<Taken> {
    const { shared, compile, prepare } = this.parts;
    const old = this.#current;
    const compiled = compile(source);
    const { plan } = compiled;
    const { changes, warnings } = changesUnlessOpening(old.plan, compiled, shared);
    const next = new Snapshot(plan, shared, old);
    let prepared: Prepared | undefined;
    try {
      for (const bears of this.#demands.values()) bears(next);
      await next.ready;
      prepared = await prepare?.(plan);
      if (this.#closed) throw new Error('this Loom is closed');
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

  #warn(warnings: readonly Diagnostic[]): void {
    for (const { code, file, line, column, path, message } of warnings.slice(0, MOST_CHANGES)) {
      this.parts.shared.log.warn({ event: 'config', code, file, line, column, path }, message);
    }
  }

  /** Made here and not in a method: a function keeps all that the functions beside it use, such as the next table. */
  readonly #inForce = (): Snapshot => this.#current;

  #retire(old: Snapshot): void {
    const { log } = this.parts.shared;
    const retiring = old
      .retire()
      .catch((err: unknown) => log.error({ err }, 'an old table could not be put away'))
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

/** What a reload changes for callers, and what an operator should hear of it. */
interface Taken {
  readonly changes: readonly AccessChanges.AccessChange[];
  readonly warnings: readonly Diagnostic[];
}

/**
 * Only consent opens what was guarded: a block that went missing by mistake must not do it (spec §9).
 *
 * @throws {ConfigError} The new plan opens what the old rules guard.
 */
export function changesUnlessOpening(
  before: AccessRules,
  compiled: AccessDiagnostics.NewFile,
  { standalone }: Pick<Shared, 'standalone'>,
): Taken {
  // Most processes never reload, so the comparison of two files loads here.
  const { accessChanges } = require('../routing/access-changes.js') as typeof AccessChanges;
  const { fallsIn, openingsIn, unusedOpens } = require('../routing/access-diagnostics.js') as typeof AccessDiagnostics;
  const changes = accessChanges({ plan: before, standalone }, { plan: compiled.plan, standalone });
  const openings = openingsIn(changes, compiled);
  if (openings.length > 0) throw new ConfigError(openings);
  return { changes, warnings: [...fallsIn(changes, compiled), ...unusedOpens(changes, compiled)] };
}

function causeOf(cause: unknown): object {
  if (cause instanceof ConfigError) {
    const errors = cause.diagnostics.filter(({ level }) => level === 'error');
    return { errors: errors.slice(0, MOST_CHANGES).map(formatDiagnostic) };
  }
  return { err: cause };
}
