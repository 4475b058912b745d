/** Links a module to its host functions and instantiates it. Checks which host functions may be called when. */
import { Status } from './abi.js';
import { ModuleError } from './binary.js';
import { bufferFunctions } from './host-buffers.js';
import { callFunctions } from './host-calls.js';
import { headerFunctions } from './host-headers.js';
import { serviceFunctions } from './host-services.js';
import { streamFunctions } from './host-streams.js';
import type { HostFunctions, Turn, VmHost, VmOptions } from './host.js';
import { Memory, MemoryFault } from './memory.js';
import { importKind, type ImportKind, type ModuleFacts } from './module.js';
import { wasiFunctions } from './wasi.js';

/** The parts of a plugin's instance. */
export interface VmParts {
  readonly module: WebAssembly.Module;
  readonly facts: Pick<ModuleFacts, 'abi'>;
  readonly options: VmOptions;
  readonly host: VmHost;
}

export interface Linked {
  readonly memory: Memory;
  readonly has: (name: string) => boolean;
  /** Calls an exported function. Returns `undefined` if the module does not export it. */
  readonly call: (name: string, ...args: readonly number[]) => unknown;
  /** Restricts the module to logging and reading the clock while `act` runs. */
  starting(act: () => void): void;
}

type Callable = (...args: readonly number[]) => unknown;

/** Host functions that a module may call while it starts or while its allocator runs. */
const HARMLESS = new Set(['proxy_log', 'proxy_get_log_level', 'proxy_get_current_time_nanoseconds']);

class Instance implements Linked {
  #memory: Memory | undefined;
  #exports: WebAssembly.Exports = {};
  #functions = new Map<string, Callable>();
  /** The allocator or the start code of the module runs. */
  #bound: 'allocating' | 'starting' | undefined = 'starting';

  constructor({ module, facts, options, host }: VmParts, turn: Omit<Turn, 'memory'>) {
    const memory = (): Memory => this.memory;
    const whole = Object.defineProperty({ ...turn }, 'memory', { get: memory }) as Turn;
    const known: HostFunctions = {
      ...headerFunctions(whole, facts.abi),
      ...bufferFunctions(whole),
      ...streamFunctions(whole),
      ...serviceFunctions(whole),
      ...callFunctions(whole),
    };
    const { env } = options;
    const print = (stream: 1 | 2, line: string): void => host.log(stream === 1 ? 'info' : 'error', line);
    const clocks = { now: () => host.now(), monotonic: () => host.monotonic() };
    const world = { env, print, ...clocks, random: (size: number) => host.random(size) };
    const guard = { tick: () => host.check() };
    const wasi = wasiFunctions(Object.defineProperty(world, 'memory', { get: memory }) as never);
    const imports = this.#imports(module, { proxy: known, wasi, misc: MISC, guard }, (words) =>
      host.log('warn', words),
    );
    this.#exports = new WebAssembly.Instance(module, imports).exports;
    this.#memory = new Memory(this.#exports['memory'] as WebAssembly.Memory, (size) => this.#allocate(size));
    this.#bound = undefined;
  }

  get memory(): Memory {
    if (!this.#memory) throw new MemoryFault('before the module is instantiated');
    return this.#memory;
  }

  readonly has = (name: string): boolean => typeof this.#exports[name] === 'function';

  readonly call = (name: string, ...args: readonly number[]): unknown => {
    let callable = this.#functions.get(name);
    if (!callable) {
      if (!this.has(name)) return undefined;
      callable = this.#exports[name] as Callable;
      this.#functions.set(name, callable);
    }
    return callable(...args);
  };

  starting(act: () => void): void {
    this.#bound = 'starting';
    act();
    this.#bound = undefined;
  }

  #allocate(size: number): unknown {
    const before = this.#bound;
    this.#bound = 'allocating';
    try {
      return this.call(this.has('malloc') ? 'malloc' : 'proxy_on_memory_allocate', size);
    } finally {
      this.#bound = before;
    }
  }

  #imports(module: WebAssembly.Module, tables: Tables, warn: (words: string) => void): WebAssembly.Imports {
    const imports: Record<string, Record<string, Callable>> = {};
    const wanted = WebAssembly.Module.imports(module);
    // Between two iterations of a metered loop the host may have copied a thousand maps.
    const check = wanted.some((each) => importKind(each) === 'guard') ? tables.guard.tick : undefined;
    for (const each of wanted) {
      const kind = importKind(each);
      const table = kind === undefined ? {} : (tables[kind] as Record<string, Callable>);
      const { module: from, name } = each;
      let found = Object.hasOwn(table, name) ? table[name] : undefined;
      if (!found && kind === 'proxy') {
        warn(`the module imports ${name}, which does not exist; the host answers UNIMPLEMENTED`);
        found = () => Status.Unimplemented;
      }
      if (!found) throw new ModuleError(`imports ${from}.${name}, which no host of this ABI provides`);
      (imports[from] ??= {})[name] = kind === 'proxy' ? this.#guarded(name, found, check) : timed(found, check);
    }
    return imports;
  }

  #guarded(name: string, act: Callable, check?: () => void): Callable {
    const harmless = HARMLESS.has(name);
    return (...args) => {
      // An allocator that calls back could change state that the host is reading.
      if (this.#bound && !harmless) throw new ModuleError(`called ${name} while ${this.#bound}`);
      check?.();
      try {
        return act(...args);
      } catch (cause) {
        if (cause instanceof MemoryFault) return cause.status;
        throw cause;
      }
    };
  }
}

/** Calls that produce kilobytes of random numbers or print lines also take time. */
function timed(act: Callable, check: (() => void) | undefined): Callable {
  if (!check) return act;
  return (...args) => {
    check();
    return act(...args);
  };
}

type Tables = Readonly<Record<ImportKind, object>> & { readonly guard: { readonly tick: () => void } };

const MISC = {
  emscripten_notify_memory_growth: () => undefined,
  pthread_equal: (a: number, b: number) => (a === b ? 1 : 0),
  abort: () => {
    throw new Error('the module aborted');
  },
};

export const linkModule = (parts: VmParts, turn: Omit<Turn, 'memory'>): Linked => new Instance(parts, turn);
