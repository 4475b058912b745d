/** What the rest of the product sees of a plugin: it starts, judges requests, tells how it is, and is put away. */
import type { Metrics } from '../lib/metrics.js';
import type { Log } from '../lib/types.js';
import type { LogLevel } from './abi.js';
import type { CallOuts } from './callouts.js';
import type { PluginDecision, PluginRequest } from './decision.js';
import type { VmOptions } from './host.js';
import type { Metric } from './metrics.js';

export interface RunnerOptions extends VmOptions {
  /** For one callback of the plugin, on the clock of the wall. */
  readonly timeoutMs: number;
  /** From a pause to its end. */
  readonly pauseTimeoutMs: number;
  /** Threads that take requests; one more stands by. */
  readonly workers: number;
}

export interface RunnerParts {
  /** The module as it stands in the file. */
  readonly bytes: Uint8Array;
  readonly options: RunnerOptions;
  readonly callOuts: CallOuts;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
}

export interface RunnerStats {
  /** Instances that were started in place of another. */
  readonly restarts: number;
  /** Of the instances that take requests. */
  readonly memoryBytes: number;
  readonly metrics: readonly Metric[];
}

export interface PluginRunner {
  /** Rejects with a ModuleError where the plugin does not start. */
  readonly ready: Promise<void>;
  /** Never rejects; `abandoned` tells that nobody waits for the decision any more. */
  judge(request: PluginRequest, abandoned?: AbortSignal): Promise<PluginDecision>;
  stats(): RunnerStats;
  close(): Promise<void>;
}

/** The log of a plugin in the log of the gateway: its words as one field, so that no line break of its makes a line. */
export function pluginLog(log: Log, plugin: string): (level: LogLevel, words: string) => void {
  return (level, words) => {
    const facts = { plugin, said: words };
    if (level === 'error' || level === 'critical') log.error(facts, 'plugin');
    else if (level === 'warn') log.warn(facts, 'plugin');
    else log.info(facts, 'plugin');
  };
}
