/**
 * Accepts the connections that wait before requests are handled. Node accepts one connection in each turn of its loop
 * (libuv 1.45), and in the same turn it handles every request that has arrived: the last of 200 new connections waits for
 * 200 such turns, while the connections before it are served again and again.
 */

/** So long at once, requests wait for connections that are being accepted. */
const HOLD_MS = 25;
/** Then a turn handles requests for so long, until none is held. */
const SLICE_MS = 5;

type Act = () => void;

export class Acceptance {
  /** When the present run of turns began that each accepted a connection. */
  #runSince: number | undefined;
  #acceptedNow = false;
  #longestMs = 0;
  /** When requests began to be held; undefined while they are handled. */
  #holdSince: number | undefined;
  /** By connection, in the order in which they came: whoever asks for one of thousands must not look through all. */
  readonly #held = new Map<object, Act[]>();
  #watching = false;

  /** `now`: milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A connection was accepted. It has waited since the run began, at most. */
  accepted(): void {
    const now = this.now();
    this.#acceptedNow = true;
    this.#runSince ??= now;
    this.#longestMs = Math.max(this.#longestMs, now - this.#runSince);
    this.#watch();
  }

  /** Handles a request: at once, or after the connections that are being accepted. `act` must not throw. */
  handle(connection: object, act: Act): void {
    if (this.#runSince === undefined && this.#held.size === 0) return act();
    if (this.#held.size === 0) this.#holdSince = this.now();
    const held = this.#held.get(connection);
    if (held) held.push(act);
    else this.#held.set(connection, [act]);
    this.#watch();
  }

  /**
   * Handles the held requests of one connection at once, because something followed them: another request, or bytes
   * that are no HTTP. The answers of a connection then depend on what came before, as without holding.
   */
  release(connection: object): void {
    const released = this.#held.get(connection);
    if (!released) return;
    this.#held.delete(connection);
    for (const act of released) act();
  }

  /** The longest that a connection can have waited since this was asked last, in seconds. */
  longestWait(): number {
    const longest = this.#longestMs / 1_000;
    this.#longestMs = 0;
    return longest;
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    setImmediate(this.#turn);
  }

  /** After each turn. */
  readonly #turn = (): void => {
    this.#watching = false;
    if (!this.#acceptedNow) this.#runSince = undefined;
    this.#acceptedNow = false;
    if (!this.#holds()) this.#handleSome();
    if (this.#runSince !== undefined || this.#held.size > 0) this.#watch();
  };

  #holds(): boolean {
    if (this.#runSince === undefined || this.#holdSince === undefined) return false;
    return this.now() - this.#holdSince < HOLD_MS;
  }

  #handleSome(): void {
    this.#holdSince = undefined;
    const end = this.now() + SLICE_MS;
    for (const connection of this.#held.keys()) {
      this.release(connection);
      if (this.now() >= end) break;
    }
  }
}
