/** The lines of `check` about a plugin: its module, its permissions, and the host functions that it imports. */
import { PAGE_BYTES } from '../../../wasm/abi.js';
import { loadModule } from '../../../wasm/module.js';
import type { Summary } from '../../method.js';
import type { PluginOptions } from './options.js';
import { throttleSummary } from '../throttle-option.js';

const KIB = 1_024;

export function pluginSummary(options: PluginOptions): Summary {
  const { bytes, memory_limit, isolation, workers, timeout, upstreams, phase } = options;
  if (!bytes) return [];
  const { abi, sdk, producer, initialMemoryBytes, imports } = loadModule(bytes, memory_limit).facts;
  const made = [sdk, producer].filter((each) => each !== undefined);
  return [
    ['abi', abi],
    ...(made.length > 0 ? [['sdk', made.join(', ')] as const] : []),
    ['memory', `${initialMemoryBytes / KIB} KiB at start, at most ${wholePages(memory_limit) / KIB} KiB`],
    ['isolation', isolation === 'inline' ? 'inline' : `${workers} of ${workers + 1} threads, ${timeout} ms a callback`],
    ['phase', phase],
    ...throttleSummary(options.throttle, 'from one address'),
    ['calls', listed(upstreams)],
    ['imports', listed(imported(imports, 'env'))],
    ['wasi', listed(imported(imports, 'wasi_snapshot_preview1', 'wasi_unstable'))],
  ];
}

const wholePages = (size: number): number => Math.floor(size / PAGE_BYTES) * PAGE_BYTES;

const listed = (names: readonly string[]): string => names.join(', ') || 'nothing';

/** The imports from these modules, without the module name, in alphabetical order. */
function imported(imports: readonly string[], ...from: readonly string[]): readonly string[] {
  const own = imports.map((each) => each.split('.', 2)).filter(([module = '']) => from.includes(module));
  return own.map(([, name = '']) => name).sort();
}
