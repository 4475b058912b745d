/** The door of this folder: a plugin's runner, isolated as its file says. */
import { InlineRunner } from './inline.js';
import { PoolRunner } from './pool.js';
import type { PluginRunner, RunnerParts } from './runner.js';

export type { PluginRunner } from './runner.js';

/** @throws ModuleError where the module cannot be loaded; whether it starts, `ready` tells. */
export function createRunner(isolation: 'worker' | 'inline', parts: RunnerParts): PluginRunner {
  return isolation === 'inline' ? new InlineRunner(parts) : new PoolRunner(parts);
}
