/** The threads of one plugin, with one spare. If a plugin breaks its thread, the spare takes over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS } from './abi.js';
import { FAILED_CALL, type CallResponse, type PluginRequest } from './decision.js';
import type { FromThread } from './channel.js';
import { ModuleError } from './binary.js';
import { endings, type EndingCounts } from './endings.js';
import { START_MS } from './vm-supervisor.js';
import { meterModule } from './meter.js';
import { loadModule } from './module.js';
import { pluginLog, type PluginRunner, type RunnerParts, type RunnerStats } from './runner.js';
import { PluginStore } from './store.js';
import type { Settle } from './stream.js';
import { LONGEST_WAIT_MS, Pending } from './thread-line.js';
import { PluginThread, type ThreadParts } from './thread.js';

const TOO_MANY_ENDING = 'threads of the plugin that were asked to end still run; no other is started';

/** Requests that wait while there is no thread. */
const MOST_WAITING = 1_000;
const LONGEST_RESPAWN_MS = 30_000;
/** Milliseconds between two looks for threads that start when others have ended. */
const OWED_MS = 20;
/** The most milliseconds between two checks of the threads. */
const LONGEST_INTERVAL_MS = 50;

interface Waiting {
  readonly pending: Pending;
  readonly timer: NodeJS.Timeout;
}

export class PoolRunner implements PluginRunner {
  readonly ready: Promise<void>;
  readonly #parts: RunnerParts;
  readonly #threadParts: ThreadParts;
  readonly #threads = new Set<PluginThread>();
  readonly #waiting: Waiting[] = [];
  readonly #intervalMs: number;
  readonly #watch: NodeJS.Timeout;
  readonly #respawns = new Set<NodeJS.Timeout>();
  /** Threads that start when others have ended. */
  #owed = 0;
  #overdue = 0;
  #failures = 0;
  #restarts = 0;
  /** Counters of ended threads, because a counter must never decrease. */
  #counted: RunnerStats['metrics'] = [];
  #closed = false;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    const { bytes, options, log } = parts;
    const { module, facts } = loadModule(meterModule(bytes, 'worker'), options.memoryLimitBytes);
    const write = pluginLog(log, options.name);
    this.#threadParts = {
      ...{ module, facts, options, store: new PluginStore() },
      received: (message, thread) => {
        if (message.kind === 'log') write(message.level, message.words);
        else this.#call(message, thread);
      },
      ended: (thread) => this.#replace(thread, 'the thread ended'),
      ending: (counts) => this.#reportEnding(counts),
    };
    for (let count = 0; count <= options.workers; count += 1) this.#spawn();
    this.ready = this.#started();
    this.ready.catch(() => undefined);
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(5, options.timeoutMs / 5));
    this.#watch = setInterval(() => this.#look(), this.#intervalMs);
    this.#watch.unref();
  }

  judge(request: PluginRequest, settle: Settle): () => void {
    const pending = new Pending(request, settle);
    this.#give(pending);
    return () => pending.abandon();
  }

  stats(): RunnerStats {
    const threads = [...this.#threads];
    const restarts = threads.reduce((sum, { state }) => sum + state.restarts, this.#restarts);
    const memoryBytes = threads.reduce((sum, { state }) => sum + state.memoryBytes, 0);
    return { restarts, memoryBytes, metrics: sumOf([this.#counted, ...threads.map(({ state }) => state.metrics)]) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#respawns.forEach(clearTimeout);
    for (const { timer, pending } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      this.#refuse(pending, 'the plugin is shutting down');
    }
    const threads = [...this.#threads];
    for (const thread of threads) {
      for (const pending of thread.stop('closed', 'the plugin is shutting down')) this.#refuse(pending, 'put away');
    }
    this.#threads.clear();
    this.#parts.callOuts.close();
    await Promise.all(threads.map((thread) => thread.close()));
  }

  /** Threads that still run after one or more reloads have a moment to end. */
  async #started(): Promise<void> {
    const until = performance.now() + LONGEST_WAIT_MS;
    while (this.#owed > 0) {
      if (performance.now() >= until || this.#closed) throw new ModuleError(`does not start: ${TOO_MANY_ENDING}`);
      await sleep(OWED_MS);
    }
    await Promise.all([...this.#threads].map((thread) => thread.ready));
  }

  /** Sends the request to the thread with the fewest requests. Without a ready thread the request waits. */
  #give(pending: Pending): void {
    let best: PluginThread | undefined;
    for (const thread of this.#active()) if (!best || thread.load < best.load) best = thread;
    const isFull = best ? best.load >= LIMITS.openStreams : this.#waiting.length >= MOST_WAITING;
    if (best && !isFull) best.begin(pending);
    else if (this.#closed) this.#refuse(pending, 'the plugin is shutting down');
    else if (this.#owed > 0 && this.#threads.size === 0) this.#refuse(pending, TOO_MANY_ENDING);
    else if (isFull) {
      pending.settle({ kind: 'fault', fault: 'overloaded', detail: 'too many requests wait for the plugin' });
    } else this.#wait(pending);
  }

  /** The first `workers` threads that are ready. Threads after them are spare. */
  *#active(): Generator<PluginThread> {
    let left = this.#parts.options.workers;
    for (const thread of this.#threads) {
      if (!thread.isReady) continue;
      yield thread;
      left -= 1;
      if (left === 0) return;
    }
  }

  #wait(pending: Pending): void {
    const late = (): void => {
      const at = this.#waiting.findIndex((each) => each.timer === timer);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      this.#refuse(pending, 'the plugin has no running thread');
    };
    const timer = setTimeout(late, LONGEST_WAIT_MS);
    this.#waiting.push({ pending, timer });
  }

  #refuse(pending: Pending, detail: string): void {
    pending.settle({ kind: 'fault', fault: 'unavailable', detail });
  }

  #look(): void {
    const { timeoutMs } = this.#parts.options;
    const now = performance.now();
    for (const thread of this.#threads) {
      thread.look(now);
      const limitMs = thread.isReady ? timeoutMs : START_MS;
      if (!thread.isStuck(now, { limitMs, intervalMs: this.#intervalMs })) continue;
      this.#parts.log.warn(
        { plugin: this.#parts.options.name, timeoutMs },
        'a plugin exceeded its time limit and was stopped',
      );
      this.#replace(thread, 'the plugin exceeded its time limit');
    }
  }

  #replace(thread: PluginThread, detail: string): void {
    if (!this.#threads.delete(thread)) return;
    // A thread that does not start, or is stuck before any request, must not be started in a loop.
    const wasUseful = thread.isReady && thread.hasBegun;
    const rest = thread.stop('timeout', detail);
    if (this.#closed) return;
    this.#counted = sumOf([this.#counted, thread.state.metrics.filter(({ type }) => type === 'counter')]);
    this.#restarts += 1;
    this.#failures = wasUseful ? 0 : this.#failures + 1;
    if (wasUseful) this.#spawn();
    else this.#spawnIn(Math.min(LONGEST_RESPAWN_MS, 100 * 2 ** this.#failures));
    for (const pending of rest) this.#give(pending);
  }

  #spawnIn(delayMs: number): void {
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      this.#spawn();
    }, delayMs);
    this.#respawns.add(timer.unref());
  }

  /** A pool and its predecessors never have more ending threads than the pool has threads. */
  #spawn(): void {
    const { name, workers } = this.#parts.options;
    if (this.#closed) return;
    if (endings.running(name) > workers) return this.#owe();
    const thread = new PluginThread(this.#threadParts);
    this.#threads.add(thread);
    thread.ready.then(
      () => this.#serveWaiting(),
      () => this.#replace(thread, 'the plugin does not start'),
    );
  }

  #owe(): void {
    this.#owed += 1;
    void endings.next(this.#parts.options.name).then(() => {
      this.#owed -= 1;
      this.#spawn();
    });
    // Requests that wait for a thread are refused at once if no thread is left.
    if (this.#threads.size === 0) this.#serveWaiting();
  }

  #reportEnding({ running, overdue }: EndingCounts): void {
    const { log, metrics, options } = this.#parts;
    const { name: plugin } = options;
    metrics?.gauge('loom_plugin_ending_threads', { plugin }, running);
    if (overdue > this.#overdue) {
      log.error({ plugin, running, overdue }, 'a thread of a plugin does not end; the process is killed when it exits');
    }
    this.#overdue = overdue;
  }

  #serveWaiting(): void {
    for (const { timer, pending } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      this.#give(pending);
    }
  }

  #call({ call }: Extract<FromThread, { kind: 'call' }>, thread: PluginThread): void {
    const answer = (response: CallResponse): void => thread.say({ kind: 'answer', token: call.token, response });
    if (!this.#parts.callOuts.start(call, answer))
      thread.say({ kind: 'answer', token: call.token, response: FAILED_CALL });
  }
}

/** Sums the counters and gauges of all threads. */
function sumOf(threads: readonly RunnerStats['metrics'][]): RunnerStats['metrics'] {
  const sums = new Map<string, RunnerStats['metrics'][number]>();
  for (const metric of threads.flat()) {
    const earlier = sums.get(metric.name);
    sums.set(metric.name, earlier ? { ...metric, value: earlier.value + metric.value } : metric);
  }
  return [...sums.values()];
}
