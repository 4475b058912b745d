/** Remembers the last reloads of this process: their outcome, their diagnostics and what they changed. */
import { createRequire } from 'node:module';
import { ConfigError, type Diagnostic } from '../config/diagnostics.js';
import type { Plan } from '../config/plan-types.js';
import type * as PlanChanges from '../difference/plan-change.js';
import type { PlanChange } from '../difference/plan-change.js';
import { MOST_LINES, type ReloadRecord, type ReloadState } from '../difference/reload-record.js';
import type { Log, Now } from '../lib/types.js';

const require = createRequire(import.meta.url);

/** Reloads that are remembered. */
const MOST_RELOADS = 20;

type Trigger = ReloadRecord['trigger'];

interface HistoryParts {
  /** Absent: one process serves the file. */
  readonly worker: number | undefined;
  readonly log: Log;
  readonly now: Now;
}

export class ReloadHistory {
  readonly #records: ReloadRecord[] = [];
  #generation = 1;
  #since: string;

  /** `plan` is the first configuration. */
  constructor(
    private plan: Plan,
    private readonly parts: HistoryParts,
  ) {
    this.#since = this.#time();
  }

  state(): ReloadState {
    const { worker } = this.parts;
    const own = { generation: this.#generation, since: this.#since, reloads: this.#records };
    return worker === undefined ? own : { worker, ...own };
  }

  /** The new configuration is in use. `found`: what a thread found that it changed. */
  taken(trigger: Trigger, plan: Plan, { warnings, found }: Reloaded): void {
    this.#generation += 1;
    this.#since = this.#time();
    // The records are only shown on an admin address.
    const changed = plan.admin && (found ?? this.#difference(this.plan, plan));
    this.plan = plan;
    const outcome = changed?.total === 0 ? 'unchanged' : 'taken';
    this.#add({ trigger, outcome, warnings, ...(changed && { changed }) });
  }

  /** The old configuration stays in use. */
  refused(trigger: Trigger, cause: unknown): void {
    if (cause instanceof ConfigError) return this.#add({ trigger, outcome: 'refused', warnings: cause.diagnostics });
    const error = cause instanceof Error ? cause.message : 'the reload failed';
    this.#add({ trigger, outcome: 'refused', warnings: [], error });
  }

  #add({ trigger, outcome, warnings, changed, error }: Ended): void {
    const diagnostics = warnings.slice(0, MOST_LINES).map(({ level, code, file, line, column, path, message }) => {
      return { level, code, file, line, column, path, message };
    });
    const time = this.#time();
    this.#records.unshift({
      time,
      trigger,
      outcome,
      generation: this.#generation,
      diagnostics,
      ...(error !== undefined && { error }),
      ...changed,
    });
    this.#records.length = Math.min(this.#records.length, MOST_RELOADS);
  }

  /** The new configuration is already in use, so a failed comparison must not fail the reload. */
  #difference(before: Plan, after: Plan): PlanChange | undefined {
    const { planChange } = require('../difference/plan-change.js') as typeof PlanChanges;
    try {
      return planChange(before, after);
    } catch (err) {
      this.parts.log.error({ err }, 'the new configuration could not be compared with the old one');
      return undefined;
    }
  }

  #time(): string {
    return new Date(this.parts.now()).toISOString();
  }
}

interface Reloaded {
  readonly warnings: readonly Diagnostic[];
  readonly found?: PlanChange | undefined;
}

interface Ended extends Pick<ReloadRecord, 'trigger' | 'outcome' | 'error'> {
  readonly warnings: readonly Diagnostic[];
  readonly changed?: PlanChange;
}
