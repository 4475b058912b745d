/**
 * Threads of plugins that were asked to end and still run. Their number is bounded for each plugin, over all reloads.
 * At exit Node joins every thread, however long that takes. This module ends the process without that wait.
 */
import { isMainThread } from 'node:worker_threads';

/** The methods of a `Worker` that ending it needs. */
export interface Ending {
  terminate(): Promise<unknown>;
  unref(): void;
}

/** The threads of a plugin that were asked to end and have not ended. */
export interface EndingCounts {
  readonly running: number;
  readonly overdue: number;
}

/** Ordinary threads end within milliseconds, or within hundreds of milliseconds on a busy machine. */
const OVERDUE_MS = 1_000;

interface OfPlugin {
  readonly running: Set<Ending>;
  readonly overdue: Set<Ending>;
  readonly waiting: Set<() => void>;
}

export class Endings {
  readonly #plugins = new Map<string, OfPlugin>();

  /** `kill` ends the process without waiting for any thread. */
  constructor(private readonly kill = killProcess) {}

  /** The number of threads of this plugin that have not ended. */
  running(plugin: string): number {
    return this.#plugins.get(plugin)?.running.size ?? 0;
  }

  /**
   * Ends a thread. Resolves when the thread has ended, or when it is overdue. Calls `changed` whenever the counts of the
   * plugin change.
   */
  end(plugin: string, thread: Ending, changed: (counts: EndingCounts) => void = () => undefined): Promise<void> {
    const of = this.#of(plugin);
    of.running.add(thread);
    const report = (): void => changed({ running: of.running.size, overdue: of.overdue.size });
    report();
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        of.overdue.add(thread);
        this.#guardExit();
        // `terminate` has called `ref` again, which would keep the process alive.
        thread.unref();
        report();
        resolve();
      }, OVERDUE_MS);
      const over = (): void => {
        clearTimeout(late);
        this.#over(plugin, thread);
        report();
        resolve();
      };
      thread.terminate().then(over, over);
    });
  }

  /** Resolves when one more thread of this plugin has ended. */
  next(plugin: string): Promise<void> {
    return new Promise((resolve) => this.#of(plugin).waiting.add(resolve));
  }

  #of(plugin: string): OfPlugin {
    const known = this.#plugins.get(plugin);
    if (known) return known;
    const made: OfPlugin = { running: new Set(), overdue: new Set(), waiting: new Set() };
    this.#plugins.set(plugin, made);
    return made;
  }

  #over(plugin: string, thread: Ending): void {
    const of = this.#of(plugin);
    of.running.delete(thread);
    of.overdue.delete(thread);
    this.#guardExit();
    for (const resolve of of.waiting) resolve();
    of.waiting.clear();
    if (of.running.size === 0) this.#plugins.delete(plugin);
  }

  /** While a thread is overdue, this module ends the process, because Node would wait for the thread. */
  #guardExit(): void {
    process.off('exit', this.kill);
    const overdue = [...this.#plugins.values()].some((of) => of.overdue.size > 0);
    if (overdue && isMainThread) process.on('exit', this.kill);
  }
}

function killProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** One instance for the process: reloads and all gateways in one process share it. */
export const endings = new Endings();
