/** One piece of work at a time for each key: who asks meanwhile waits for the same answer. */

export class SingleFlight<T> {
  private readonly flights = new Map<string, Promise<T>>();

  has(key: string): boolean {
    return this.flights.has(key);
  }

  /** The work under way for the key, else this one. A failure is shared too; nothing is kept once it settled. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const underWay = this.flights.get(key);
    if (underWay) return underWay;
    // One turn later, so that work which throws at once is taken from the map after it was put there, not before.
    const flight = Promise.resolve()
      .then(work)
      .finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }
}
