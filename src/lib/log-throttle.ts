/** Limits log lines that a client can cause to one per cause and interval, with a count of the omitted lines. */
import { LRUCache } from 'lru-cache';
import type { Log, Now } from './types.js';

const INTERVAL_MS = 60_000;
/** The maximum of remembered causes. A cause that was dropped is logged at once. */
const MAX_CAUSES = 1_000;

interface LastLine {
  at: number;
  omitted: number;
}

export class LogThrottle {
  readonly #last = new LRUCache<string, LastLine>({ max: MAX_CAUSES });

  constructor(private readonly now: Now) {}

  /** Calls `write` with the number of lines omitted since the last call. Does not call `write` within the interval. */
  log(cause: string, write: (omitted: number) => void): void {
    const now = this.now();
    const last = this.#last.get(cause);
    const waited = last ? now - last.at : Infinity;
    // A clock that was set back must not suppress a cause.
    if (last && waited >= 0 && waited < INTERVAL_MS) {
      last.omitted += 1;
      return;
    }
    this.#last.set(cause, { at: now, omitted: 0 });
    write(last?.omitted ?? 0);
  }
}

/** A log that limits warnings and errors. Their facts are the cause: names of the file and of closed sets. */
export function throttleLog(log: Log, now: Now): Log {
  const throttle = new LogThrottle(now);
  const limited =
    (level: 'warn' | 'error') =>
    (facts: object, words: string): void =>
      throttle.log(`${level} ${words} ${JSON.stringify(facts)}`, (omitted) => {
        log[level](omitted > 0 ? { ...facts, omitted } : facts, words);
      });
  return { info: (facts, words) => log.info(facts, words), warn: limited('warn'), error: limited('error') };
}
