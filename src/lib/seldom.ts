/** Limits log lines that a client can cause to one per cause and interval, with a count of the omitted lines. */
import { LRUCache } from 'lru-cache';
import type { Log, Now } from './types.js';

const INTERVAL_MS = 60_000;
/** The maximum of remembered causes. A cause that was dropped is logged at once. */
const MAX_CAUSES = 1_000;

interface Told {
  at: number;
  omitted: number;
}

export class Seldom {
  readonly #told = new LRUCache<string, Told>({ max: MAX_CAUSES });

  constructor(private readonly now: Now) {}

  /** Calls `tell` with the number of lines omitted since the last call. Does not call `tell` within the interval. */
  tell(cause: string, tell: (omitted: number) => void): void {
    const now = this.now();
    const told = this.#told.get(cause);
    const waited = told ? now - told.at : Infinity;
    // A clock that was set back must not suppress a cause.
    if (told && waited >= 0 && waited < INTERVAL_MS) {
      told.omitted += 1;
      return;
    }
    this.#told.set(cause, { at: now, omitted: 0 });
    tell(told?.omitted ?? 0);
  }
}

/** A log that limits warnings and errors. Their facts are the cause: names of the file and of closed sets. */
export function seldomLog(log: Log, now: Now): Log {
  const seldom = new Seldom(now);
  const limited =
    (level: 'warn' | 'error') =>
    (facts: object, words: string): void =>
      seldom.tell(`${level} ${words} ${JSON.stringify(facts)}`, (omitted) => {
        log[level](omitted > 0 ? { ...facts, omitted } : facts, words);
      });
  return { info: (facts, words) => log.info(facts, words), warn: limited('warn'), error: limited('error') };
}
