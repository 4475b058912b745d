/**
 * Limits what a plugin writes to the log: lines in a callback and bytes in a second. A loop of log calls cannot fill
 * the disk.
 */
import { LIMITS, type LogLevel } from './abi.js';

const WINDOW_MS = 1_000;
const DROPPED = 'too many log lines; the rest is dropped';

export class LogBudget {
  #lines = 0;
  #spent = 0;
  #since = -Infinity;

  constructor(private readonly write: (level: LogLevel, words: string) => void) {}

  /** Starts another callback. */
  renew(): void {
    this.#lines = 0;
  }

  log(level: LogLevel, words: string): void {
    this.#lines += 1;
    if (this.#lines <= LIMITS.logLines) this.#spend(level, words);
    else if (this.#lines === LIMITS.logLines + 1) this.#spend('warn', DROPPED);
  }

  /** Ticks and responses to calls are callbacks too. A hundred lines in each would be megabytes. */
  #spend(level: LogLevel, words: string): void {
    const now = performance.now();
    if (now - this.#since >= WINDOW_MS) [this.#since, this.#spent] = [now, 0];
    if (this.#spent > LIMITS.logRate) return;
    this.#spent += words.length + LIMITS.logLine;
    if (this.#spent <= LIMITS.logRate) this.write(level, words);
    else this.write('warn', DROPPED);
  }
}
