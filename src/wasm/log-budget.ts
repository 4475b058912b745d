/** What a plugin may write to the log: so many lines in a callback, and so much in a second; a loop of it fills no disk. */
import { LIMITS, type LogLevel } from './abi.js';

const WINDOW_MS = 1_000;
const DROPPED = 'too many lines: the rest is dropped';

export class LogBudget {
  #lines = 0;
  #spent = 0;
  #since = -Infinity;

  constructor(private readonly write: (level: LogLevel, words: string) => void) {}

  /** Another callback begins. */
  renew(): void {
    this.#lines = 0;
  }

  log(level: LogLevel, words: string): void {
    this.#lines += 1;
    if (this.#lines <= LIMITS.logLines) this.#spend(level, words);
    else if (this.#lines === LIMITS.logLines + 1) this.#spend('warn', DROPPED);
  }

  /** Ticks and answers to calls are callbacks too: a hundred lines in each of them would be megabytes. */
  #spend(level: LogLevel, words: string): void {
    const now = performance.now();
    if (now - this.#since >= WINDOW_MS) [this.#since, this.#spent] = [now, 0];
    if (this.#spent > LIMITS.logRate) return;
    this.#spent += words.length + LIMITS.logLine;
    if (this.#spent <= LIMITS.logRate) this.write(level, words);
    else this.write('warn', DROPPED);
  }
}
