/** What a plugin's thread and the gateway say to each other, and the words of memory that they share. */
import type { LogLevel } from './abi.js';
import type { CallResponse, OutboundCall, PluginDecision, PluginRequest } from './decision.js';
import type { Metric } from './metrics.js';
import type { ModuleFacts } from './module.js';
import type { RunnerOptions } from './runner.js';
import type { MessagePort } from 'node:worker_threads';

/** A request on its way to a thread: one text, because to clone its many small lists costs more than to write and read it. */
export interface SentRequest {
  /** JSON of all but the body. */
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
  /** `until`: in milliseconds since the epoch; whom it begins later nobody waits for. */
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

/** A synchronous question to the store that all threads of a plugin share, and its answer: of the same serial number. */
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

/** Places in the shared words. */
export const WORD = {
  /** Odd while the module runs; another number at each entry and each exit. */
  turn: 0,
  /** The last request that was begun; as the next one, the last 32 bits of its number. */
  begun: 1,
  /** The request that is being begun; 0 in every other callback. */
  running: 2,
  /** 0 while the thread waits for the store. */
  store: 3,
  /** Microseconds of the callback that runs in which the thread has waited for the store. */
  waited: 4,
  /** 1: the thread is to end; the module is stopped at its next question. */
  ending: 5,
} as const;
export const WORDS = 6;

/** Whether a request comes behind the one whose number stands in a word, which holds the last 32 bits of it. */
export const isBehind = (id: number, word: number): boolean => ((id - word) | 0) > 0;

export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly facts: Pick<ModuleFacts, 'abi'>;
  readonly options: RunnerOptions;
  readonly words: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly store: MessagePort;
}
