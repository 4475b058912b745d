/** Starts the instances of a plugin with the options of the file. */
import { CallOuts } from '../../../wasm/callouts.js';
import { createRunner, type PluginRunner } from '../../../wasm/index.js';
import type { MethodDeps } from '../../method.js';
import { callTargets } from './calls.js';
import { configBytes, type PluginOptions } from './options.js';

export function startRunner(options: PluginOptions, { log, metrics }: MethodDeps): PluginRunner {
  const { bytes, name, calls = [] } = options;
  if (!bytes) throw new TypeError(`the module of the plugin ${name} was not read`);
  const { targets, agents } = callTargets(calls);
  return createRunner(options.isolation, {
    bytes,
    log,
    metrics,
    callOuts: new CallOuts(targets, agents),
    options: {
      ...{ name, vmId: name, rootId: options.root_id ?? name, env: options.env, upstreams: options.upstreams },
      ...{ config: configBytes(options.config), vmConfig: configBytes(options.vm_config) },
      ...{ logLevel: options.log_level, memoryLimitBytes: options.memory_limit, workers: options.workers },
      ...{ timeoutMs: options.timeout, pauseTimeoutMs: options.pause_timeout },
    },
  });
}

/** A file has several plugins, so the error of a plugin that does not start has its name. */
export async function named(name: string, ready: Promise<void>): Promise<void> {
  try {
    await ready;
  } catch (cause) {
    const detail = (cause as Error).message.replace(/^does not start: /, '');
    throw new Error(`the plugin ${name} does not start: ${detail}`, { cause });
  }
}
