/** The interface of a plugin for the rest of the product: start, decide requests, report state, and close. */
import type { Metrics } from '../lib/metrics.js';
import type { Log } from '../lib/types.js';
import type { LogLevel } from './abi.js';
import type { CallOuts } from './callouts.js';
import type { PluginRequest } from './decision.js';
import type { VmOptions } from './host.js';
import type { Metric } from './metrics.js';
import type { Settle } from './stream.js';

export interface RunnerOptions extends VmOptions {
  /** Milliseconds of wall-clock time for one callback of the plugin. */
  readonly timeoutMs: number;
  /** Milliseconds from a pause to its end. */
  readonly pauseTimeoutMs: number;
  /** Threads that take requests. One more thread is spare. */
  readonly workers: number;
}

export interface RunnerParts {
  /** The module's bytes, as in the file. */
  readonly bytes: Uint8Array;
  readonly options: RunnerOptions;
  readonly callOuts: CallOuts;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
}

export interface RunnerStats {
  /** Instances that replaced another. */
  readonly restarts: number;
  /** Bytes of the instances that take requests. */
  readonly memoryBytes: number;
  readonly metrics: readonly Metric[];
}

export interface PluginRunner {
  /** Rejects with a ModuleError if the plugin does not start. */
  readonly ready: Promise<void>;
  /**
   * Calls `settle` exactly once, possibly before this method returns. Returns a function to call when the decision is no
   * longer needed.
   */
  judge(request: PluginRequest, settle: Settle): () => void;
  stats(): RunnerStats;
  close(): Promise<void>;
}

/** Logs a plugin's text as one field, so that its line breaks cannot forge a line of the gateway's log. */
export function pluginLog(log: Log, plugin: string): (level: LogLevel, words: string) => void {
  return (level, words) => {
    const facts = { plugin, said: words };
    if (level === 'error' || level === 'critical') log.error(facts, 'plugin');
    else if (level === 'warn') log.warn(facts, 'plugin');
    else log.info(facts, 'plugin');
  };
}
