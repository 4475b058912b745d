/** Stores private data on an object of Node or of a host, under a private symbol. */

/**
 * A WeakMap would have the same function, but V8 keeps its values through every minor collection. A value with a
 * reference to its request kept the whole request alive. A gateway under load grew by 200 MB and paused for 100 ms.
 *
 * @example const states = new HiddenProperty<State>('state'); states.set(req, state); states.of(req)
 */
export class HiddenProperty<T> {
  readonly #key: symbol;

  constructor(name: string) {
    this.#key = Symbol(name);
  }

  of(subject: object): T | undefined {
    return (subject as Record<symbol, T | undefined>)[this.#key];
  }

  set(subject: object, value: T): void {
    (subject as Record<symbol, T>)[this.#key] = value;
  }
}
