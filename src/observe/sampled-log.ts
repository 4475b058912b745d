/** Limits the lines about denied requests to a number for each reason and second, and then writes their count. */
import type { Log } from '../lib/types.js';

/** The lines that a client causes as often as it wants. Lines about operators are never left out. */
const SAMPLED: ReadonlySet<string> = new Set(['denied', 'handshake refused', 'client certificate not trusted']);
const WINDOW_MS = 1_000;

interface Counted {
  written: number;
  omitted: number;
}

export class SampledLog implements Log {
  readonly #counts = new Map<string, Counted>();

  /** `sample` returns the lines for each reason and second. Undefined: every line is written. */
  constructor(
    private readonly log: Log,
    private readonly sample: () => number | undefined,
  ) {}

  info(facts: object, words: string): void {
    if (!SAMPLED.has(words) || this.#admits(reasonOf(facts))) this.log.info(facts, words);
  }

  warn(facts: object, words: string): void {
    this.log.warn(facts, words);
  }

  error(facts: object, words: string): void {
    this.log.error(facts, words);
  }

  #admits(reason: string): boolean {
    const sample = this.sample();
    if (sample === undefined) return true;
    // The timer ends the second, so the counts are written also if no request follows.
    if (this.#counts.size === 0) setTimeout(() => this.#end(), WINDOW_MS);
    const counted = this.#counts.get(reason) ?? { written: 0, omitted: 0 };
    this.#counts.set(reason, counted);
    const admits = counted.written < sample;
    if (admits) counted.written += 1;
    else counted.omitted += 1;
    return admits;
  }

  #end(): void {
    for (const [reason, { written, omitted }] of this.#counts)
      if (omitted > 0) this.log.info({ event: 'omitted', reason, written, omitted }, 'lines about denials left out');
    this.#counts.clear();
  }
}

/** A reason, a code or a cause is a name of a closed set. */
function reasonOf(facts: object): string {
  const { reason, cause, code } = facts as { reason?: unknown; cause?: unknown; code?: unknown };
  return [reason, cause, code].find((each) => typeof each === 'string') ?? 'none';
}
