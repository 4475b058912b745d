/** Compiles the shadow file of a gateway, and reads it again after a change. */
import type { Compiled } from '../config/index.js';
import type { ConfigSource } from '../config/source.js';
import type { ShadowParts } from '../runtime/shadow-loader.js';
import { compileToServe } from './compile-to-serve.js';
import type { ServeOptions } from './gatekeeper.js';
import type { MaybePromise } from '../lib/types.js';
import { markOf } from '../lib/file-mark.js';
import { FileWatch } from './watch.js';

export class ShadowFiles implements ShadowParts {
  readonly source: ConfigSource | undefined;
  /** The state of the files that the last compilation read, whether it succeeded or not. */
  #marks = new Map<string, string>();
  #watch: FileWatch | undefined;
  #again: () => MaybePromise<void> = () => undefined;
  #closed = false;

  constructor(private readonly options: Pick<ServeOptions, 'shadow' | 'strict' | 'watch'>) {
    this.source = options.shadow;
  }

  compile = (source: ConfigSource): Compiled => {
    const marks = new Map<string, string>();
    this.#marks = marks;
    const named = (file: string): void => void (marks.has(file) || marks.set(file, markOf(file)));
    return compileToServe(source, { strict: this.options.strict ?? false, named });
  };

  marked = (marks: ReadonlyMap<string, string>): void => void (this.#marks = new Map(marks));

  read = (again: () => MaybePromise<void>): void => {
    this.#again = again;
    if (this.#closed || this.options.watch === false) return;
    this.#watch ??= new FileWatch({
      changed: async () => {
        // A thread that dies reports no marks, and the same files must not be read again and again.
        this.#marks = new Map([...this.#marks.keys()].map((file) => [file, markOf(file)]));
        await this.#again();
      },
    });
    this.#watch.follow(this.#marks);
  };

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }
}
