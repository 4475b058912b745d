/** The requests to one endpoint: as many as it has connections go at once, the others take turns. */

/**
 * Not left to Node's agent: that keeps a request whose client has left, and all that belongs to it, until a connection is
 * free, and event streams may hold every one of them for hours.
 */
export class WaitingLine {
  #going = 0;
  readonly #waiting = new Map<object, () => void>();

  constructor(private readonly places: number) {}

  /** Calls back when it is the turn of `who`, which may be at once. */
  enter(who: object, go: () => void): void {
    if (this.#going >= this.places) {
      this.#waiting.set(who, go);
      return;
    }
    this.#going++;
    go();
  }

  /** Of one that has entered: its place goes to the next; one that still waited is forgotten. */
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
