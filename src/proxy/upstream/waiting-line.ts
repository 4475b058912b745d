/** Queues the requests to one endpoint: as many requests run as there are connections, and the others wait. */

/**
 * Node's agent is not used as the queue. It keeps a request whose client has left, with all its data, until a
 * connection is free. Event streams may hold every connection for hours.
 */
export class WaitingLine {
  #going = 0;
  readonly #waiting = new Map<object, () => void>();

  constructor(private readonly places: number) {}

  /** Calls back when `who` may go, which may be at once. */
  enter(who: object, go: () => void): void {
    if (this.#going >= this.places) {
      this.#waiting.set(who, go);
      return;
    }
    this.#going++;
    go();
  }

  /** Calls back for every entry that waits, whatever the places. */
  dissolve(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const go of waiting) {
      this.#going++;
      go();
    }
  }

  /** Removes an entry. A running entry gives its place to the next. A waiting entry is forgotten. */
  leave(who: object): void {
    if (this.#waiting.delete(who)) return;
    const [next] = this.#waiting;
    if (!next) {
      this.#going--;
      return;
    }
    this.#waiting.delete(next[0]);
    next[1]();
  }
}
