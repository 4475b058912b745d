/** Small shapes that every layer shares: logging, time, and a promise that may already be settled. */

export type MaybePromise<T> = T | Promise<T>;

/** A log that takes facts first and words second, as pino does. Secrets never go in. */
export interface Log {
  info(facts: object, words: string): void;
  warn(facts: object, words: string): void;
  error(facts: object, words: string): void;
}

/** The time in milliseconds since the Unix epoch; injected so that tests own the clock. */
export type Now = () => number;

/** A list that cannot be empty. */
export type NonEmpty<T> = readonly [T, ...T[]];
