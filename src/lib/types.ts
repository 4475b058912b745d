/** Small types that every layer uses: the log, the clock, and a promise that may already be settled. */

export type MaybePromise<T> = T | Promise<T>;

/**
 * A log that takes the fields first and the message second, as pino does. Loom writes no secrets.
 *
 * @example
 * import { loom, type Log } from 'loom-auth';
 *
 * const log: Log = {
 *   info: () => undefined,
 *   warn: (facts, words) => console.warn(words, facts),
 *   error: (facts, words) => console.error(words, facts),
 * };
 * loom('loom.yaml', { log });
 */
export interface Log {
  /** Writes an event of normal operation. */
  info(facts: object, words: string): void;
  /** Writes what an operator should look at. */
  warn(facts: object, words: string): void;
  /** Writes a failure. */
  error(facts: object, words: string): void;
}

/**
 * A clock.
 *
 * @returns Milliseconds since the Unix epoch.
 * @example
 * import { loom, type Now } from 'loom-auth';
 *
 * const fixed: Now = () => Date.UTC(2030, 0, 1);
 * loom('loom.yaml', { now: fixed });
 */
export type Now = () => number;

/** A list that cannot be empty. */
export type NonEmpty<T> = readonly [T, ...T[]];

/**
 * The `next` of Connect and Express.
 *
 * @param error Absent: the next handler runs.
 * @example
 * import type { Next } from 'loom-auth';
 *
 * const next: Next = (error) => console.log(error ?? 'admitted');
 */
export type Next = (error?: unknown) => void;
