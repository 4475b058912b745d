/**
 * The messages between a plugin's thread and the gateway, and the layout of their shared memory. Requests and decisions
 * are frames in shared memory. A message carries what has no room there, and wakes a thread that waits.
 */
import type { LogLevel } from './abi.js';
import type { CallResponse, OutboundCall } from './decision.js';
import type { Metric } from './metrics.js';
import type { ModuleFacts } from './module.js';
import type { Frame } from './ring.js';
import type { RunnerOptions } from './runner.js';
import type { MessagePort } from 'node:worker_threads';

/** There are frames to read. */
export const WAKE = 0;
type Wake = typeof WAKE;

export type ToThread =
  | Wake
  | { readonly kind: 'begin'; readonly frame: Frame; readonly body?: Uint8Array | undefined }
  | { readonly kind: 'abandon'; readonly id: number }
  | { readonly kind: 'answer'; readonly token: number; readonly response: CallResponse }
  | { readonly kind: 'queued'; readonly token: number };

export type FromThread =
  | Wake
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'decided'; readonly frame: Frame }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly words: string }
  | { readonly kind: 'call'; readonly call: OutboundCall }
  | {
      readonly kind: 'state';
      readonly restarts: number;
      readonly memoryBytes: number;
      readonly metrics: readonly Metric[];
    };

/** A synchronous question to the store that all threads of a plugin share. The answer has the same serial number. */
export interface Numbered {
  readonly serial: number;
}
export type StoreQuestion =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'set'; readonly key: string; readonly value: Uint8Array; readonly cas: number }
  | { readonly op: 'register' | 'resolve'; readonly name: string }
  | { readonly op: 'enqueue'; readonly token: number; readonly item: Uint8Array }
  | { readonly op: 'dequeue'; readonly token: number };

export interface StoreAnswer {
  readonly number?: number | undefined;
  readonly bytes?: Uint8Array | undefined;
}

/** Indexes into the shared words. */
export const WORD = {
  /** Odd while the module runs. The number changes at each entry and each exit. */
  turn: 0,
  /** The id of the request that was begun last. */
  begun: 1,
  /** The id of the request that is being begun. 0 in every other callback. */
  running: 2,
  /** 0 while the thread waits for the store. */
  store: 3,
  /** Microseconds that the thread has waited for the store in the current callback. */
  waited: 4,
  /** 1 if the thread must end. The module is stopped when it next asks the store. */
  ending: 5,
  /** 1 if the thread reads its frames only after a message. */
  threadWaits: 6,
  /** 1 if the gateway reads its frames only after a message. */
  gatewayWaits: 7,
  /** The number of requests that the thread has received as messages. */
  messages: 8,
} as const;
export const WORDS = 9;

/** Bytes of shared memory in each direction. A request has more bytes than its decision. */
export const RING_BYTES = { requests: 262_144, decisions: 65_536 } as const;

/** Whether a whole number of 32 bits, such as the id of a request, comes after another. The numbers start again. */
export const isAfter = (number: number, other: number): boolean => ((number - other) | 0) > 0;

/** Milliseconds of a clock of 32 bits. Only differences have a meaning. */
export const clock = (): number => Date.now() | 0;

export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly facts: Pick<ModuleFacts, 'abi'>;
  readonly options: RunnerOptions;
  readonly words: SharedArrayBuffer;
  readonly requests: SharedArrayBuffer;
  readonly decisions: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly store: MessagePort;
}
