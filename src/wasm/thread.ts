/** One thread of a plugin as the gateway sees it: its requests, their decisions, and whether the thread is stuck. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { ModuleError } from './binary.js';
import { WORD, type FromThread, type ThreadData, type ToThread } from './channel.js';
import type { PluginFault } from './decision.js';
import { endings, type EndingCounts } from './endings.js';
import type { Metric } from './metrics.js';
import type { RunnerOptions } from './runner.js';
import type { PluginStore } from './store.js';
import { LONGEST_WAIT_MS, ThreadLine, type LineOwner, type Pending } from './thread-line.js';
import { WORKER } from './worker-file.js';

export interface ThreadParts {
  readonly module: ThreadData['module'];
  readonly facts: ThreadData['facts'];
  readonly options: RunnerOptions;
  readonly store: PluginStore;
  /** Receives calls and log lines. */
  readonly received: (message: Extract<FromThread, { kind: 'call' | 'log' }>, thread: PluginThread) => void;
  /** The thread has ended by itself. */
  readonly ended: (thread: PluginThread) => void;
  /** The number of threads that were asked to end has changed, this thread included. */
  readonly ending: (counts: EndingCounts) => void;
}

/** Heap of the thread's own JavaScript. The memory limit bounds the module's memory. */
const HEAP_MB = 64;
/** An upper bound: a thread that waits for a busy gateway is not stuck yet. */
const MOST_FORGIVEN_MS = 1_000;

export interface Watch {
  /** Milliseconds for one callback. */
  readonly limitMs: number;
  /** Milliseconds between two checks. */
  readonly intervalMs: number;
}

export class PluginThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #line: ThreadLine;
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
    const owner: LineOwner = {
      received: (message) => this.#receive(message),
      broken: (cause) => this.#end(cause),
    };
    this.#line = new ThreadLine(owner);
    const { ends, port, words } = this.#line;
    const questions = new MessageChannel();
    const { module, facts, options } = parts;
    const workerData: ThreadData = { module, facts, options, ...ends, store: questions.port2 };
    this.ready = new Promise((resolve, reject) => (this.#started = { resolve, reject }));
    this.#worker = new Worker(WORKER, {
      workerData,
      transferList: [ends.port, questions.port2],
      // The thread gets nothing of the gateway's environment and arguments. Panic messages come through the log.
      ...{ env: {}, argv: [], execArgv: [], name: `plugin ${options.name}` },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    parts.store.serve(questions.port1, { words, thread: port });
    this.#worker.on('error', (cause: Error) => this.#end(cause));
    this.#worker.on('exit', () => this.#end(new Error('the thread ended')));
    // A process that only waits for its plugins to start must not end. After that, threads do not keep the process
    // alive.
    const release = (): void => [this.#worker, port, questions.port1].forEach((each) => each.unref());
    this.ready.then(release, release);
  }

  get isReady(): boolean {
    return this.#ready && !this.#over;
  }

  /** Whether the thread has begun a request that it was sent. */
  get hasBegun(): boolean {
    return Atomics.load(this.#line.words, WORD.begun) !== 0;
  }

  get load(): number {
    return this.#line.load;
  }

  get state() {
    return this.#state;
  }

  begin(pending: Pending): void {
    this.#line.begin(pending);
  }

  /** Receives decisions that are late, and answers requests that wait too long. */
  look(now: number): void {
    this.#line.read();
    this.#line.refuseLate(now, LONGEST_WAIT_MS + this.parts.options.pauseTimeoutMs);
  }

  say(message: ToThread): void {
    if (!this.#over) this.#line.say(message);
  }

  /** Whether the module has exceeded the time limit of one callback. */
  isStuck(now: number, { limitMs, intervalMs }: Watch): boolean {
    const turn = Atomics.load(this.#line.words, WORD.turn);
    const seen = this.#seen;
    if (turn !== seen.turn) this.#seen = { turn, since: now, last: now, late: 0 };
    else this.#seen = { ...seen, last: now, late: seen.late + Math.max(0, now - seen.last - intervalMs) };
    const ran = now - this.#seen.since;
    if (turn % 2 === 0 || ran < limitMs) return false;
    // Time in the store counts as the gateway's if the gateway answered late, and as the thread's if it asks
    // repeatedly.
    const waits = Atomics.load(this.#line.words, WORD.store) === 0;
    const waited = waits ? Infinity : Atomics.load(this.#line.words, WORD.waited) / 1_000;
    return ran >= limitMs + Math.min(waited, this.#seen.late, MOST_FORGIVEN_MS);
  }

  /**
   * Stops the thread anywhere. Its decisions count. Begun and paused requests are faults. The other requests are
   * returned for another thread.
   */
  stop(fault: PluginFault, detail: string): readonly Pending[] {
    this.#line.drain();
    void this.#close();
    this.#started?.reject(new ModuleError(`does not start: ${detail}`));
    return this.#line.stop(fault, detail);
  }

  /** Resolves when the thread has ended or is overdue. */
  close(): Promise<void> {
    return this.#close();
  }

  #receive(message: Parameters<LineOwner['received']>[0]): void {
    switch (message.kind) {
      case 'started':
        this.#ready = true;
        return this.#started?.resolve();
      case 'failed':
        return this.#started?.reject(new ModuleError(message.message));
      case 'state':
        this.#state = message;
        return;
      default:
        if (!this.#over) this.parts.received(message, this);
    }
  }

  #close(): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#over = true;
    Atomics.store(this.#line.words, WORD.ending, 1);
    this.parts.store.forget(this.#line.port);
    this.#line.port.close();
    return (this.#closing = endings.end(this.parts.options.name, this.#worker, this.parts.ending));
  }

  #end(cause: Error): void {
    if (this.#over) return;
    // The reason may have been sent and not been received yet.
    this.#line.drain();
    this.#started?.reject(cause);
    this.parts.ended(this);
  }
}
