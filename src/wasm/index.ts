/** The public part of this folder: a runner for one plugin, with the isolation that the file sets. */
import { InlineRunner } from './inline.js';
import { PoolRunner } from './pool.js';
import type { PluginRunner, RunnerParts } from './runner.js';

export type { PluginRunner } from './runner.js';

/** @throws ModuleError if the module cannot be loaded. `ready` rejects if it does not start. */
export function createRunner(isolation: 'worker' | 'inline', parts: RunnerParts): PluginRunner {
  return isolation === 'inline' ? new InlineRunner(parts) : new PoolRunner(parts);
}
