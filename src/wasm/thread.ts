/** One thread of a plugin as the gateway sees it: its requests, their decisions, and whether the thread is stuck. */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { ModuleError } from './binary.js';
import { isBehind, sent, WORD, WORDS, type FromThread, type ThreadData, type ToThread } from './channel.js';
import type { PluginDecision, PluginFault, PluginRequest } from './decision.js';
import { endings, type Told } from './endings.js';
import type { Metric } from './metrics.js';
import type { RunnerOptions } from './runner.js';
import type { PluginStore } from './store.js';
import type { Settle } from './stream.js';
import { WORKER } from './worker-file.js';

/** A request that waits for a decision. */
export interface Pending {
  readonly request: PluginRequest;
  readonly settle: Settle;
}

export interface ThreadParts {
  readonly module: ThreadData['module'];
  readonly facts: ThreadData['facts'];
  readonly options: RunnerOptions;
  readonly store: PluginStore;
  /** Receives calls and log lines. */
  readonly said: (message: Extract<FromThread, { kind: 'call' | 'log' }>, thread: PluginThread) => void;
  /** The thread has ended by itself. */
  readonly ended: (thread: PluginThread) => void;
  /** The number of threads that were asked to end has changed, this thread included. */
  readonly ending: Told;
}

/** Heap of the thread's own JavaScript. The memory limit bounds the module's memory. */
const HEAP_MB = 64;
/** An upper bound: a thread that waits for a busy gateway is not stuck yet. */
const MOST_FORGIVEN_MS = 1_000;
/** Milliseconds until a new thread starts, or a busy thread becomes free. */
export const LONGEST_WAIT_MS = 5_000;

export interface Watch {
  /** Milliseconds for one callback. */
  readonly limitMs: number;
  /** Milliseconds between two checks. */
  readonly everyMs: number;
}

export class PluginThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  readonly #pending = new Map<number, Pending>();
  /** When each request was sent, the oldest first, until its answer. */
  readonly #given = new Map<number, number>();
  #lastId = 0;
  #state: { readonly restarts: number; readonly memoryBytes: number; readonly metrics: readonly Metric[] } = {
    restarts: 0,
    memoryBytes: 0,
    metrics: [],
  };
  #started: { readonly resolve: () => void; readonly reject: (cause: Error) => void } | undefined;
  #ready = false;
  #over = false;
  #closing: Promise<void> | undefined;
  /** `late`: by how much the checks were late during the current callback. */
  #seen = { turn: 0, since: 0, last: 0, late: 0 };

  constructor(private readonly parts: ThreadParts) {
    const words = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(words);
    this.#words[WORD.store] = 1;
    const [messages, questions] = [new MessageChannel(), new MessageChannel()];
    this.#port = messages.port1;
    const { module, facts, options } = parts;
    const workerData: ThreadData = { module, facts, options, words, port: messages.port2, store: questions.port2 };
    this.ready = new Promise((resolve, reject) => (this.#started = { resolve, reject }));
    this.#worker = new Worker(WORKER, {
      workerData,
      transferList: [messages.port2, questions.port2],
      // The thread gets nothing of the gateway's environment and arguments. Panic messages come through the log.
      ...{ env: {}, argv: [], execArgv: [], name: `plugin ${options.name}` },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    parts.store.serve(questions.port1, { words: this.#words, thread: this.#port });
    this.#port.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (cause: Error) => this.#end(cause));
    this.#worker.on('exit', () => this.#end(new Error('the thread ended')));
    // A process that only waits for its plugins to start must not end. After that, threads do not keep the process
    // alive.
    const release = (): void => [this.#worker, this.#port, questions.port1].forEach((each) => each.unref());
    this.ready.then(release, release);
  }

  get isReady(): boolean {
    return this.#ready && !this.#over;
  }

  /** Whether the thread has begun a request that it was sent. */
  get hasBegun(): boolean {
    return Atomics.load(this.#words, WORD.begun) !== 0;
  }

  get load(): number {
    return this.#pending.size;
  }

  get state() {
    return this.#state;
  }

  begin(pending: Pending): number {
    this.#lastId += 1;
    this.#pending.set(this.#lastId, pending);
    this.#given.set(this.#lastId, performance.now());
    const until = Date.now() + LONGEST_WAIT_MS;
    this.say({ kind: 'begin', id: this.#lastId, until, request: sent(pending.request) });
    return this.#lastId;
  }

  /** Answers each request even if the thread is busy. The request counts as load until the thread has finished it. */
  refuseLate(now: number): void {
    const longest = LONGEST_WAIT_MS + this.parts.options.pauseTimeoutMs;
    for (const [id, since] of this.#given) {
      if (now - since < longest) return;
      this.#given.delete(id);
      const detail = 'the thread of the plugin is busy';
      this.#pending.get(id)?.settle({ kind: 'fault', fault: 'overloaded', detail });
    }
  }

  say(message: ToThread): void {
    if (!this.#over) this.#port.postMessage(message);
  }

  /** Whether the module has exceeded the time limit of one callback. */
  isStuck(now: number, { limitMs, everyMs }: Watch): boolean {
    const turn = Atomics.load(this.#words, WORD.turn);
    const seen = this.#seen;
    if (turn !== seen.turn) this.#seen = { turn, since: now, last: now, late: 0 };
    else this.#seen = { ...seen, last: now, late: seen.late + Math.max(0, now - seen.last - everyMs) };
    const ran = now - this.#seen.since;
    if (turn % 2 === 0 || ran < limitMs) return false;
    // Time in the store counts as the gateway's if the gateway answered late, and as the thread's if it asks
    // repeatedly.
    const waits = Atomics.load(this.#words, WORD.store) === 0;
    const waited = waits ? Infinity : Atomics.load(this.#words, WORD.waited) / 1_000;
    return ran >= limitMs + Math.min(waited, this.#seen.late, MOST_FORGIVEN_MS);
  }

  /**
   * Stops the thread anywhere. Its decisions count. Begun and paused requests are faults. The other requests are
   * returned for another thread.
   */
  stop(fault: PluginFault, detail: string): readonly Pending[] {
    this.#drain();
    const begun = Atomics.load(this.#words, WORD.begun);
    const running = Atomics.load(this.#words, WORD.running);
    void this.#close();
    this.#started?.reject(new ModuleError(`does not start: ${detail}`));
    const rest: Pending[] = [];
    for (const [id, pending] of this.#pending) {
      if (!this.#given.has(id)) continue;
      const paused: PluginDecision = {
        kind: 'fault',
        fault: 'unavailable',
        detail: 'another request stopped the plugin',
      };
      if (isBehind(id, begun)) rest.push(pending);
      else pending.settle((id | 0) === running ? { kind: 'fault', fault, detail } : paused);
    }
    this.#pending.clear();
    this.#given.clear();
    return rest;
  }

  /** Resolves when the thread has ended or is overdue. */
  close(): Promise<void> {
    return this.#close();
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'started':
        this.#ready = true;
        return this.#started?.resolve();
      case 'failed':
        return this.#started?.reject(new ModuleError(message.message));
      case 'decided': {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        this.#given.delete(message.id);
        return pending?.settle(message.decision);
      }
      case 'state':
        this.#state = message;
        return;
      default:
        if (!this.#over) this.parts.said(message, this);
    }
  }

  #drain(): void {
    for (;;) {
      const received: { readonly message?: unknown } | undefined = receiveMessageOnPort(this.#port);
      if (!received) return;
      this.#hear(received.message as FromThread);
    }
  }

  #close(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#over = true;
    Atomics.store(this.#words, WORD.ending, 1);
    this.parts.store.forget(this.#port);
    this.#port.close();
    return (this.#closing = endings.end(this.parts.options.name, this.#worker, this.parts.ending));
  }

  #end(cause: Error): void {
    if (this.#over) return;
    // The reason may have been sent and not been received yet.
    this.#drain();
    this.#started?.reject(cause);
    this.parts.ended(this);
  }
}
