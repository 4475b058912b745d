/** Reads and checks a plugin's module before it runs: ABI, imports, exports, memory. */
import { ABI_VERSIONS, PAGE_BYTES, type AbiVersion } from './abi.js';
import { clampMemory, memoryOf, ModuleError } from './binary.js';
import { GUARD } from './meter.js';
import { originOf, type Origin } from './origin.js';
import { isWasiFunction } from './wasi.js';
import { clampTables } from './tables.js';

export interface ModuleFacts extends Origin {
  readonly abi: AbiVersion;
  readonly initialMemoryBytes: number;
  /** `module.name` of every import, in order. */
  readonly imports: readonly string[];
  readonly readsBodies: boolean;
}

const ABI_MARKER = /^proxy_abi_version_(\d{1,4})_(\d{1,4})_(\d{1,4})$/;
/** `check` prints them. */
const PROXY_FUNCTION = /^proxy_\w{1,100}$/;
const MISC_IMPORTS = new Set(['emscripten_notify_memory_growth', 'pthread_equal', 'abort']);
const WASI_MODULES = new Set(['wasi_snapshot_preview1', 'wasi_unstable']);

/** Selects the function table of an import. `undefined` if no function of that name exists. */
export function importKind({ module, name, kind }: WebAssembly.ModuleImportDescriptor): ImportKind | undefined {
  if (kind !== 'function') return undefined;
  if (WASI_MODULES.has(module)) return isWasiFunction(name) ? 'wasi' : undefined;
  if (module === GUARD.module && name === GUARD.name) return 'guard';
  if (module !== 'env') return undefined;
  if (PROXY_FUNCTION.test(name)) return 'proxy';
  return MISC_IMPORTS.has(name) ? 'misc' : undefined;
}
export type ImportKind = 'wasi' | 'proxy' | 'misc' | 'guard';

/**
 * Compiles a module with its memory bounded.
 *
 * @throws ModuleError with a message for the operator: not a module, an unsupported ABI, or an unknown import
 */
export function loadModule(
  bytes: Uint8Array,
  memoryLimitBytes: number,
): { readonly module: WebAssembly.Module; readonly facts: ModuleFacts } {
  const clamped = clampMemory(clampTables(bytes), memoryLimitBytes);
  const module = compile(clamped);
  return { module, facts: judge(module, bytes) };
}

function compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new ModuleError(`is not valid WebAssembly: ${(cause as Error).message.replace(/^.*?: /, '')}`, { cause });
  }
}

function judge(module: WebAssembly.Module, bytes: Uint8Array): ModuleFacts {
  const exported = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  const imports = WebAssembly.Module.imports(module);
  const unknown = imports.find((each) => importKind(each) === undefined);
  if (unknown) throw new ModuleError(`imports ${unknown.module}.${unknown.name}, which no host of this ABI provides`);
  const abi = abiOf([...exported.keys()]);
  if (exported.get('memory') !== 'memory') throw new ModuleError('does not export its memory');
  const isFunction = (name: string): boolean => exported.get(name) === 'function';
  if (!isFunction('malloc') && !isFunction('proxy_on_memory_allocate')) {
    throw new ModuleError('exports no allocator (malloc or proxy_on_memory_allocate)');
  }
  // In the ABI a missing callback means "continue": such a guard would let every request pass.
  if (!isFunction('proxy_on_request_headers')) {
    throw new ModuleError('exports no proxy_on_request_headers, so it would let every request pass');
  }
  return {
    abi,
    ...originOf(module, bytes),
    initialMemoryBytes: memoryOf(bytes).initialPages * PAGE_BYTES,
    imports: imports.filter(({ module: from }) => from !== GUARD.module).map((each) => `${each.module}.${each.name}`),
    readsBodies: isFunction('proxy_on_request_body'),
  };
}

function abiOf(exported: readonly string[]): AbiVersion {
  const versions = exported.flatMap((name) => {
    const [, major, minor, patch] = ABI_MARKER.exec(name) ?? [];
    return major === undefined ? [] : [`${major}.${minor}.${patch}`];
  });
  const [version, ...others] = versions;
  if (version === undefined) throw new ModuleError('exports no proxy_abi_version_*, so it is not a proxy-wasm plugin');
  if (others.length > 0) throw new ModuleError(`claims several ABI versions (${versions.join(', ')})`);
  const known = ABI_VERSIONS.find((each) => each === version);
  if (!known) throw new ModuleError(`is built for ABI ${version}; this host supports ${ABI_VERSIONS.join(', ')}`);
  return known;
}
