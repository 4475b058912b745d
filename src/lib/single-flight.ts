/** Runs one piece of work at a time for each key; later callers share the result of the open work. */

export class SingleFlight<T> {
  private readonly flights = new Map<string, Promise<T>>();

  has(key: string): boolean {
    return this.flights.has(key);
  }

  /**
   * Returns the result of the open work for the key, or starts this work. Callers also share a failure. The result is
   * not kept after the work settles.
   */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const underWay = this.flights.get(key);
    if (underWay) return underWay;
    // The work starts one turn later. If it throws at once, its entry is then already in the map and can be removed.
    const flight = Promise.resolve()
      .then(work)
      .finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }
}
