/** Stores private data on an object of Node or of a host, under a private symbol. */

/**
 * The folder of all modules of this package. A process can load the ES modules and the build for `require`. Both find
 * the same data. Another version of the package is in another folder, and its data may have another form.
 */
const FOLDER = new URL('..', import.meta.url).href;

/**
 * A WeakMap would have the same function, but V8 keeps its values through every minor collection. A value with a
 * reference to its request kept the whole request alive. A gateway under load grew by 200 MB and paused for 100 ms.
 *
 * @example const states = new HiddenProperty<State>('state'); states.set(req, state); states.of(req)
 */
export class HiddenProperty<T> {
  readonly #key: symbol;

  constructor(name: string) {
    this.#key = Symbol.for(`loom-auth ${name} ${FOLDER}`);
  }

  of(subject: object): T | undefined {
    return (subject as Record<symbol, T | undefined>)[this.#key];
  }

  set(subject: object, value: T): void {
    (subject as Record<symbol, T>)[this.#key] = value;
  }
}
