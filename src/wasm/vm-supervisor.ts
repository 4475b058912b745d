/**
 * Keeps one VM of a plugin running: replaces it after a trap and before its memory is full, and forwards ticks and
 * calls.
 */
import { randomBytes } from 'node:crypto';
import { LIMITS, type LogLevel } from './abi.js';
import type { CallResponse, OutboundCall, PluginDecision, PluginRequest } from './decision.js';
import { ModuleError } from './binary.js';
import { DeadlineError, type VmHost, type VmOptions } from './host.js';
import { LogBudget } from './log-budget.js';
import type { PluginMetrics } from './metrics.js';
import { QueueTurns } from './queue-turns.js';
import type { Queues } from './queues.js';
import type { SharedData } from './shared-data.js';
import type { Settle, Stream } from './stream.js';
import type { VmParts } from './link.js';
import { PluginVm } from './vm.js';

export interface VmEnvironment {
  readonly shared: Pick<SharedData, 'get' | 'set'>;
  readonly queues: Pick<Queues, 'register' | 'resolve' | 'enqueue' | 'dequeue'>;
  readonly metrics: PluginMetrics;
  log(level: LogLevel, words: string): void;
  /** Starts a call. Its response comes through `answerCall` with this token. */
  call(call: OutboundCall): boolean;
  /** The module is entered and left. */
  running(on: boolean): void;
  /** An item was added to a queue. */
  queued(token: number): void;
  /** Whether to stop a metered module that was entered at `since`. */
  isOver(since: number, limitMs: number): boolean;
}

export interface SupervisorParts {
  readonly module: WebAssembly.Module;
  readonly facts: VmParts['facts'];
  readonly options: VmOptions;
  /** Milliseconds for one callback. */
  readonly timeoutMs: number;
  readonly environment: VmEnvironment;
}

/** One request in the instance that took it. */
export interface Handle {
  readonly vm: PluginVm;
  readonly stream: Stream;
}

/** The instance at the time of a response or a tick. `undefined` if it did not start. */
type Running = () => PluginVm | undefined;

const RECYCLE_AT = 0.75;
const LONGEST_RESTART_MS = 30_000;
/** Milliseconds for `on_vm_start` and `on_configure` together. */
export const START_MS = 1_000;
const MOST_CALLS = 0x7fff_ffff;

export class VmSupervisor {
  #vm: PluginVm;
  /** Takes no more requests, and still has paused requests. */
  #retired: PluginVm | undefined;
  readonly #log: LogBudget;
  readonly #queues = new QueueTurns((token) => {
    if (!this.#vm.fault) this.#vm.queueReady(token);
  });
  readonly #tickers = new Map<NodeJS.Timeout, Running>();
  /**
   * Tokens are unique over all instances: a response must not reach a call of another instance with the same number.
   */
  readonly #calls = new Map<number, { readonly vm: Running; readonly token: number }>();
  #lastCall = 0;
  #restarts = 0;
  #failures = 0;
  #startsFrom = 0;
  #bytesAtStart = 0;
  #since = 0;
  #starting = false;

  /** @throws ModuleError if the plugin does not start */
  constructor(private readonly parts: SupervisorParts) {
    this.#log = new LogBudget((level, words) => parts.environment.log(level, words));
    this.#vm = this.#create();
  }

  get restarts(): number {
    return this.#restarts;
  }

  get memoryBytes(): number {
    return this.#vm.memoryBytes;
  }

  /** Calls `settle` exactly once. Throws if a plugin that started once no longer starts. */
  begin(request: PluginRequest, settle: Settle): Handle {
    if (this.#vm.fault) this.#replace(`trapped: ${this.#vm.fault.message}`);
    else if (this.#isWorn() && this.#mayStart) this.#renew();
    const vm = this.#vm;
    const stream = vm.begin(request, settle);
    return { vm, stream };
  }

  abandon({ vm, stream }: Handle, decision: PluginDecision): void {
    vm.abandon(stream, decision);
  }

  answerCall(token: number, response?: CallResponse): void {
    const call = this.#calls.get(token);
    this.#calls.delete(token);
    call?.vm()?.answerCall(call.token, response);
  }

  queueReady(token: number): void {
    this.#queues.add(token);
  }

  close(): void {
    for (const ticker of this.#tickers.keys()) this.#stopTicks(ticker);
    this.#queues.close();
  }

  /** Whether a leak has brought the memory near its limit. False while an earlier worn instance still has requests. */
  #isWorn(): boolean {
    const { memoryBytes, openStreams } = this.#vm;
    const near = memoryBytes > this.parts.options.memoryLimitBytes * RECYCLE_AT;
    // An instance that started with this size would not become smaller.
    if (!(near && memoryBytes > this.#bytesAtStart) && openStreams < LIMITS.openStreams) return false;
    return this.#vm.isIdle || !this.#retired || this.#isOver(this.#retired);
  }

  /**
   * Whether responses and ticks for the instance are useless: it has died, or was replaced and has no requests left.
   */
  #isOver(vm: PluginVm): boolean {
    return vm.fault !== undefined || (vm !== this.#vm && vm.isIdle);
  }

  /** A worn instance continues if no other one starts. */
  #renew(): void {
    try {
      this.#replace('is near a limit');
    } catch {
      return;
    }
  }

  get #mayStart(): boolean {
    return performance.now() >= this.#startsFrom;
  }

  #replace(why: string): void {
    if (!this.#mayStart) throw new ModuleError('no longer starts');
    const before = this.#vm;
    this.parts.environment.log('warn', `the plugin ${why}; a fresh instance replaces it`);
    this.#restarts += 1;
    try {
      this.#vm = this.#create();
      // The earlier instance may still have requests although this one has none.
      if (this.#retired && this.#isOver(this.#retired)) this.#retired = undefined;
      if (!this.#isOver(before)) this.#retired = before;
    } finally {
      this.#forget();
    }
  }

  /** A pending tick or response keeps the memory of its instance. Do not wait for those of dead instances. */
  #forget(): void {
    const isGone = (vm: PluginVm | undefined): boolean => !vm || this.#isOver(vm);
    for (const [token, { vm }] of this.#calls) if (isGone(vm())) this.#calls.delete(token);
    for (const [ticker, vm] of this.#tickers) if (isGone(vm())) this.#stopTicks(ticker);
  }

  #create(): PluginVm {
    const { module, facts, options } = this.parts;
    this.#starting = true;
    try {
      const made: { vm?: PluginVm } = {};
      made.vm = new PluginVm({ module, facts, options, host: this.#host(() => made.vm) });
      this.#bytesAtStart = made.vm.memoryBytes;
      this.#failures = 0;
      return made.vm;
    } catch (cause) {
      // A start costs up to a second. Requests must not pay this cost one after another.
      this.#failures += 1;
      this.#startsFrom = performance.now() + Math.min(LONGEST_RESTART_MS, 100 * 2 ** this.#failures);
      throw cause;
    } finally {
      this.#starting = false;
    }
  }

  #host(vm: Running): VmHost {
    const { environment } = this.parts;
    const { shared, queues, metrics } = environment;
    let ticker: NodeJS.Timeout | undefined;
    return {
      shared,
      queues,
      metrics,
      log: (level, words) => this.#log.log(level, words),
      running: (on) => {
        this.#log.renew();
        this.#since = performance.now();
        environment.running(on);
      },
      check: () => {
        const limitMs = this.#starting ? START_MS : this.parts.timeoutMs;
        if (environment.isOver(this.#since, limitMs)) throw new DeadlineError(`ran for more than ${limitMs} ms`);
      },
      now: () => BigInt(Date.now()) * 1_000_000n,
      monotonic: () => process.hrtime.bigint(),
      random: (size) => randomBytes(size),
      call: (call) => this.#call(vm, call),
      tick: (everyMs) => {
        if (ticker) this.#stopTicks(ticker);
        ticker = everyMs === 0 ? undefined : this.#tick(vm, everyMs);
      },
      queued: (token) => environment.queued(token),
    };
  }

  #call(vm: Running, call: OutboundCall): boolean {
    this.#lastCall = (this.#lastCall % MOST_CALLS) + 1;
    const token = this.#lastCall;
    if (!this.parts.environment.call({ ...call, token })) return false;
    this.#calls.set(token, { vm, token: call.token });
    return true;
  }

  #tick(vm: Running, everyMs: number): NodeJS.Timeout {
    const ticker = setInterval(() => {
      const running = vm();
      if (!running || this.#isOver(running)) this.#stopTicks(ticker);
      else running.tick();
    }, everyMs);
    this.#tickers.set(ticker.unref(), vm);
    return ticker;
  }

  #stopTicks(ticker: NodeJS.Timeout): void {
    clearInterval(ticker);
    this.#tickers.delete(ticker);
  }
}
