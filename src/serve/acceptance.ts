/** Accepts waiting connections before it handles requests. */

// Node accepts one connection in each turn of its loop (libuv 1.45). In the same turn Node handles every request that
// has arrived. The last of 200 new connections would wait for 200 such turns, while earlier connections are served
// again and again.

/** The longest time that requests wait for connections that are being accepted. */
const HOLD_MS = 25;
/** After a hold, each turn handles requests for this time, until no request is held. */
const SLICE_MS = 5;

type Act = () => void;

export class Acceptance {
  /** The start of the current run of turns that each accepted a connection. */
  #runSince: number | undefined;
  #acceptedNow = false;
  #longestMs = 0;
  /** The start of the current hold. Undefined while requests are handled. */
  #holdSince: number | undefined;
  /** Keyed by connection, in order of arrival. A look-up among thousands of connections must not scan all of them. */
  readonly #held = new Map<object, Act[]>();
  #watching = false;

  /** `now` returns milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Called after a connection is accepted. Its longest possible wait is the time since the run began. */
  accepted(): void {
    const now = this.now();
    this.#acceptedNow = true;
    this.#runSince ??= now;
    this.#longestMs = Math.max(this.#longestMs, now - this.#runSince);
    this.#watch();
  }

  /** Handles a request at once, or after the connections that are being accepted. `act` must not throw. */
  handle(connection: object, act: Act): void {
    if (this.#runSince === undefined && this.#held.size === 0) return act();
    if (this.#held.size === 0) this.#holdSince = this.now();
    const held = this.#held.get(connection);
    if (held) held.push(act);
    else this.#held.set(connection, [act]);
    this.#watch();
  }

  /**
   * Handles the held requests of one connection at once, because another request or invalid bytes followed them. The
   * responses of the connection then depend on the earlier bytes, as without a hold.
   */
  release(connection: object): void {
    const released = this.#held.get(connection);
    if (!released) return;
    this.#held.delete(connection);
    for (const act of released) act();
  }

  /** Returns the longest possible wait of a connection since the last call, in seconds. */
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

  /** Runs after each turn. */
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
