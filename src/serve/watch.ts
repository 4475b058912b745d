/** Watches the files of a plan, and calls back when they have changed and are stable again. */
import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { absence, markFrom } from '../lib/file-mark.js';
import { isDeepStrictEqual } from '../lib/node-util.js';

/** Files by absolute path, with the identity of their content. */
export type Marks = ReadonlyMap<string, string>;

export interface WatchOptions {
  /** Called when the files differ from the followed marks. The next call waits until the returned promise settles. */
  readonly changed: () => Promise<void>;
  /** How long the files must stay unchanged. */
  readonly stillMs?: number;
  /** How often to check without system events: network file systems, replaced directories. */
  readonly pollMs?: number;
}

const STILL_MS = 200;
const POLL_MS = 5_000;

/**
 * Watches directories and not files. Editors replace a file with a new file. Kubernetes swaps the link `..data` beside
 * links that stay unchanged. Only the target of a path counts, so an event alone means nothing.
 */
export class FileWatch {
  #marks: Marks = new Map();
  readonly #directories = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  #looking = false;
  #again = false;
  #closed = false;

  constructor(private readonly options: WatchOptions) {
    this.#poll = setInterval(() => this.#look(), options.pollMs ?? POLL_MS);
    this.#poll.unref();
  }

  /** Follows these files from now on, with their marks at the time of reading. */
  follow(marks: Marks): void {
    if (this.#closed) return;
    this.#marks = marks;
    const wanted = new Set([...marks.keys()].map((file) => dirname(file)));
    for (const [directory, watcher] of this.#directories) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#directories.delete(directory);
    }
    for (const directory of wanted) if (!this.#directories.has(directory)) this.#watch(directory);
    this.#look();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#timer);
    for (const watcher of this.#directories.values()) watcher.close();
  }

  /** A directory that cannot be watched is polled. */
  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#look());
      const lost = (): void => {
        watcher.close();
        if (this.#directories.get(directory) === watcher) this.#directories.delete(directory);
      };
      watcher.on('error', lost);
      this.#directories.set(directory, watcher);
    } catch {
      return;
    }
  }

  #look(): void {
    if (this.#closed) return;
    this.#again = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    void this.#settle().finally(() => {
      this.#looking = false;
      if (this.#again) this.#look();
    });
  }

  async #settle(): Promise<void> {
    for (let seen = await marksOf(this.#marks.keys()); !isDeepStrictEqual(seen, this.#marks);) {
      await new Promise<void>((resolve) => {
        this.#timer = setTimeout(resolve, this.options.stillMs ?? STILL_MS);
      });
      if (this.#closed) return;
      const now = await marksOf(this.#marks.keys());
      if (isDeepStrictEqual(now, seen)) {
        // The same files do not cause a second reload, whatever the result is.
        this.#marks = now;
        await this.options.changed();
      }
      seen = await marksOf(this.#marks.keys());
    }
  }
}

async function marksOf(files: Iterable<string>): Promise<Marks> {
  const marks = await Promise.all(
    [...files].map(async (file) => [file, await stat(file, { bigint: true }).then(markFrom, absence)] as const),
  );
  return new Map(marks);
}
