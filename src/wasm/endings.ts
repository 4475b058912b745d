/**
 * Threads of plugins that were told to end and still run. Their number is bounded for each plugin, over all reloads, and
 * the process does not wait for them when it ends: Node joins every thread before it exits, however long that takes.
 */
import { isMainThread } from 'node:worker_threads';

/** The part of a `Worker` that its end needs. */
export interface Ending {
  terminate(): Promise<unknown>;
  unref(): void;
}

/** Told how many threads of the plugin have not ended, whenever that changes. */
export type Told = (ended: { readonly running: number; readonly overdue: number }) => void;

/** Ordinary threads end within milliseconds; on a busy machine within hundreds. */
export const OVERDUE_MS = 1_000;

interface OfPlugin {
  readonly running: Set<Ending>;
  readonly overdue: Set<Ending>;
  readonly waiting: Set<() => void>;
}

export class Endings {
  readonly #plugins = new Map<string, OfPlugin>();

  /** `kill`: ends the process without waiting for any thread. */
  constructor(private readonly kill = killProcess) {}

  /** Threads of this plugin that have not ended. */
  running(plugin: string): number {
    return this.#plugins.get(plugin)?.running.size ?? 0;
  }

  /** Ends a thread. Resolves when it has ended or is overdue, and never later than that. */
  end(plugin: string, thread: Ending, told: Told = () => undefined): Promise<void> {
    const of = this.#of(plugin);
    of.running.add(thread);
    const tell = (): void => told({ running: of.running.size, overdue: of.overdue.size });
    tell();
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        of.overdue.add(thread);
        this.#guardExit();
        // `terminate` has referred to it again, and would keep the process.
        thread.unref();
        tell();
        resolve();
      }, OVERDUE_MS);
      const over = (): void => {
        clearTimeout(late);
        this.#over(plugin, thread);
        tell();
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

  /** While a thread is overdue, the end of the process is not left to Node. */
  #guardExit(): void {
    process.off('exit', this.kill);
    const overdue = [...this.#plugins.values()].some((of) => of.overdue.size > 0);
    if (overdue && isMainThread) process.on('exit', this.kill);
  }
}

function killProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Of this process: reloads and several gateways in one host share it. */
export const endings = new Endings();
