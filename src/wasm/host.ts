/**
 * What the groups of host functions share: the running instance, the effective context, and the functions of the
 * environment.
 */
import type { LogLevel } from './abi.js';
import type { CallResponse, OutboundCall } from './decision.js';
import type { Memory } from './memory.js';
import type { PluginMetrics } from './metrics.js';
import type { Queues } from './queues.js';
import type { SharedData } from './shared-data.js';
import type { Stream } from './stream.js';

export interface VmOptions {
  readonly name: string;
  /** C++ and AssemblyScript select the root context by this id. */
  readonly rootId: string;
  readonly vmId: string;
  readonly config: Uint8Array;
  readonly vmConfig: Uint8Array;
  readonly env: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** Upstreams that the plugin may call. */
  readonly upstreams: readonly string[];
  readonly memoryLimitBytes: number;
}

/** A metered module exceeded its time limit. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The functions of the environment. A VM has no threads and no I/O of its own. */
export interface VmHost {
  readonly shared: Pick<SharedData, 'get' | 'set'>;
  readonly queues: Pick<Queues, 'register' | 'resolve' | 'enqueue' | 'dequeue'>;
  readonly metrics: PluginMetrics;
  log(level: LogLevel, words: string): void;
  /** Nanoseconds since the Unix epoch, and of a monotonic clock. */
  now(): bigint;
  monotonic(): bigint;
  random(size: number): Buffer;
  /** Starts a call whose response comes through `answerCall`. Returns false if too many calls are open. */
  call(call: OutboundCall): boolean;
  /** Sets the period of `on_tick`. 0 stops it. */
  tick(everyMs: number): void;
  /** Throws a `DeadlineError` if a metered module has exceeded its time limit. */
  check(): void;
  /** Called when the module is entered and left: time measurement starts and stops here. */
  running(on: boolean): void;
  /** An item was added to a queue that the VM has registered. */
  queued(token: number): void;
}

/** The state of a VM that its host functions see. */
export interface Turn {
  readonly options: VmOptions;
  readonly host: VmHost;
  readonly memory: Memory;
  /** The stream of the effective context. `undefined` in the root context. */
  stream(): Stream | undefined;
  /** The response to a call, during its callback. */
  response(): CallResponse | undefined;
  /** Returns false if there is no such context. */
  setEffective(context: number): boolean;
  /** Marks the effective context as done. Returns false if it was not pending. */
  done(): boolean;
  /** Continues the stream of the effective context. */
  resume(): boolean;
  /** Whether the effective context may open one more call. */
  mayCall(): boolean;
  nextToken(): number;
  /** Assigns the call to the effective context. */
  called(token: number): void;
}

export type HostFunction = (...args: never[]) => number;
export type HostFunctions = Readonly<Record<string, HostFunction>>;
