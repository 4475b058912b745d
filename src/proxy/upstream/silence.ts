/** Limits the time without a byte between gateway and upstream during a request with a body. */
import type { ServerResponse } from 'node:http';
import type { Call } from '../engine.js';

export interface SilenceParts {
  readonly call: Call;
  readonly res: ServerResponse;
  /** Whether the response head was written. */
  readonly answered: () => boolean;
  /** Called when the upstream has been silent for too long. */
  readonly late: () => void;
}

/** Bytes go both ways, so only the connection can detect that neither side sends. */
export class Silence {
  #ms = 0;

  constructor(private readonly parts: SilenceParts) {}

  /** Sets the limit from now on. 0: no limit. */
  limit(ms: number): void {
    this.parts.call.limitSilence((this.#ms = ms));
  }

  /** The connection was silent for the time of the limit. */
  expired(): void {
    const { call, res, answered, late } = this.parts;
    // A slow client can cause the silence. The listener limits slow clients, and the upstream is not at fault.
    const clientIsLate = answered() ? res.writableNeedDrain : call.awaitsClient;
    if (clientIsLate) call.limitSilence(this.#ms);
    else late();
  }
}
