/** Finds the errors of a plugin module when the file is loaded. */
import { createHash } from 'node:crypto';
import { ModuleError } from '../../wasm/binary.js';
import { meterModule } from '../../wasm/meter.js';
import { loadModule } from '../../wasm/module.js';
import type { Finding } from '../method.js';
import type { PluginOptions } from './plugin/options.js';

export function findingsOf(options: PluginOptions): readonly Finding[] {
  const { bytes, sha256, phase, memory_limit, isolation } = options;
  if (!bytes) return [];
  const refuse = (key: string, message: string): Finding => ({ level: 'error', path: [key], message });
  if (sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    return [refuse('sha256', 'is not that of the file')];
  }
  try {
    const { facts } = loadModule(bytes, memory_limit);
    loadModule(meterModule(bytes, isolation), memory_limit);
    if (phase === 'on_request_headers' || facts.readsBodies) return [];
    return [refuse('phase', 'the module exports no proxy_on_request_body')];
  } catch (cause) {
    if (!(cause instanceof ModuleError)) throw cause;
    return [refuse('path', `the module ${cause.message}`)];
  }
}
