/** What the groups of host functions share: the running instance, whose turn it is, and the outside world. */
import type { LogLevel } from './abi.js';
import type { CallResponse, OutboundCall } from './decision.js';
import type { Memory } from './memory.js';
import type { PluginMetrics } from './metrics.js';
import type { Queues } from './queues.js';
import type { SharedData } from './shared-data.js';
import type { Stream } from './stream.js';

export interface VmOptions {
  readonly name: string;
  /** C++ and AssemblyScript choose the root context by it. */
  readonly rootId: string;
  readonly vmId: string;
  readonly config: Uint8Array;
  readonly vmConfig: Uint8Array;
  readonly env: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** Upstreams that it may call. */
  readonly upstreams: readonly string[];
  readonly memoryLimitBytes: number;
}

/** A metered module ran past its time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The outside world of a VM: no threads, no I/O of its own. */
export interface VmHost {
  readonly shared: Pick<SharedData, 'get' | 'set'>;
  readonly queues: Pick<Queues, 'register' | 'resolve' | 'enqueue' | 'dequeue'>;
  readonly metrics: PluginMetrics;
  log(level: LogLevel, words: string): void;
  /** Nanoseconds since the Unix epoch, and of a clock that never runs back. */
  now(): bigint;
  monotonic(): bigint;
  random(size: number): Buffer;
  /** Starts a call whose answer comes through `answerCall`; false where there are too many. */
  call(call: OutboundCall): boolean;
  /** `on_tick` is wanted every so often; 0: no more. */
  tick(everyMs: number): void;
  /** Throws a `DeadlineError` where a metered module has run for too long. */
  check(): void;
  /** The module is entered and left: who watches the time starts and stops here. */
  running(on: boolean): void;
  /** Something was put into the queue that the VM has registered. */
  queued(token: number): void;
}

/** The state of a VM as its host functions see it. */
export interface Turn {
  readonly options: VmOptions;
  readonly host: VmHost;
  readonly memory: Memory;
  /** The stream of the effective context; undefined in the root context. */
  stream(): Stream | undefined;
  /** The answer that is being told, during its callback. */
  response(): CallResponse | undefined;
  /** False where there is no such context. */
  setEffective(context: number): boolean;
  /** The effective context is done after all; false where nobody waits for that. */
  done(): boolean;
  /** Continues the stream of the effective context. */
  resume(): boolean;
  /** Whether the effective context has so few open calls that it may have one more. */
  mayCall(): boolean;
  nextToken(): number;
  /** The call belongs to the effective context. */
  called(token: number): void;
}

export type HostFunction = (...args: never[]) => number;
export type HostFunctions = Readonly<Record<string, HostFunction>>;
