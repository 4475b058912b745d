/** The messages between a plugin's thread and the gateway, and the layout of their shared memory. */
import type { LogLevel } from './abi.js';
import type { CallResponse, OutboundCall, PluginDecision, PluginRequest } from './decision.js';
import type { Metric } from './metrics.js';
import type { ModuleFacts } from './module.js';
import type { RunnerOptions } from './runner.js';
import type { MessagePort } from 'node:worker_threads';

/** A request on its way to a thread. It is one text, because cloning many small arrays costs more than JSON. */
export interface SentRequest {
  /** JSON of everything except the body. */
  readonly text: string;
  readonly body?: Uint8Array;
}

export function sent({ body, ...rest }: PluginRequest): SentRequest {
  return { text: JSON.stringify(rest), ...(body && { body }) };
}

export function received({ text, body }: SentRequest): PluginRequest {
  const rest = JSON.parse(text) as Omit<PluginRequest, 'body'>;
  return body ? { ...rest, body } : rest;
}

export type ToThread =
  /** `until`: in milliseconds since the epoch. A request that would begin later has already been answered. */
  | { readonly kind: 'begin'; readonly id: number; readonly until: number; readonly request: SentRequest }
  | { readonly kind: 'abandon'; readonly id: number }
  | { readonly kind: 'answer'; readonly token: number; readonly response: CallResponse }
  | { readonly kind: 'queued'; readonly token: number };

export type FromThread =
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'decided'; readonly id: number; readonly decision: PluginDecision }
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
  /** The last 32 bits of the number of the request that was begun last. */
  begun: 1,
  /** The last 32 bits of the number of the request that is being begun. 0 in every other callback. */
  running: 2,
  /** 0 while the thread waits for the store. */
  store: 3,
  /** Microseconds that the thread has waited for the store in the current callback. */
  waited: 4,
  /** 1 if the thread must end. The module is stopped when it next asks the store. */
  ending: 5,
} as const;
export const WORDS = 6;

/**
 * Compares a request number with a word that holds the last 32 bits of another. Returns true if the request is later.
 */
export const isBehind = (id: number, word: number): boolean => ((id - word) | 0) > 0;

export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly facts: Pick<ModuleFacts, 'abi'>;
  readonly options: RunnerOptions;
  readonly words: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly store: MessagePort;
}
