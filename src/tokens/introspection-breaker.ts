/** Spares a server that does not answer, and those who would wait for it: after some silences in a row one request at a time asks. */
import type { Now } from '../lib/types.js';

/** A single token on which the server stumbles must not shut everybody else out. */
const SILENCES = 5;
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 5_000;

export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError';
  constructor(readonly waitMs: number) {
    super('the server has not answered of late');
  }
}

export class IntrospectionBreaker {
  #silences = 0;
  #waitMs = FIRST_WAIT_MS;
  /** When the last attempt ended in silence. */
  #failedAt = 0;
  #probing = false;

  constructor(private readonly now: Now) {}

  /** Does the work, or rejects at once with a BreakerOpenError. `isSilence`: the failure was no answer at all. */
  async run<T>(work: () => Promise<T>, isSilence: (cause: unknown) => boolean): Promise<T> {
    const waitMs = this.#waitOf();
    if (waitMs > 0) throw new BreakerOpenError(waitMs);
    const probes = this.#silences >= SILENCES;
    if (probes) this.#probing = true;
    try {
      const outcome = await work();
      this.#close();
      return outcome;
    } catch (cause) {
      if (isSilence(cause)) this.#count(probes);
      else this.#close();
      throw cause;
    } finally {
      if (probes) this.#probing = false;
    }
  }

  #waitOf(): number {
    if (this.#silences < SILENCES) return 0;
    const since = this.now() - this.#failedAt;
    // A clock set back must not keep it shut for as long.
    if (since < 0 || since >= this.#waitMs) return this.#probing ? this.#waitMs : 0;
    return this.#waitMs - since;
  }

  #count(probed: boolean): void {
    this.#silences += 1;
    this.#failedAt = this.now();
    if (probed) this.#waitMs = Math.min(this.#waitMs * 2, LAST_WAIT_MS);
  }

  #close(): void {
    this.#silences = 0;
    this.#waitMs = FIRST_WAIT_MS;
  }
}
