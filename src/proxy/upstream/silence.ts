/** The time without a byte between the gateway and an upstream while a request with a body is under way. */
import type { ClientRequest, ServerResponse } from 'node:http';

export interface SilenceParts {
  readonly request: ClientRequest;
  readonly res: ServerResponse;
  /** Whether the head of the answer was written. */
  readonly answered: () => boolean;
  /** The upstream has been silent for too long. */
  readonly late: () => void;
}

/** Bytes go both ways, so that only the socket knows when none did. */
export class Silence {
  #ms = 0;

  constructor(private readonly parts: SilenceParts) {
    parts.request.on('timeout', () => this.#idle());
  }

  /** From now on; 0: no limit. */
  limit(ms: number): void {
    this.parts.request.setTimeout((this.#ms = ms));
  }

  #idle(): void {
    const { request, res, answered, late } = this.parts;
    // Whoever keeps the bytes waiting is late. A slow client is the listener's to judge, not the upstream's fault.
    const clientIsLate = answered()
      ? res.writableNeedDrain
      : !request.writableFinished && !request.writableNeedDrain && request.socket?.connecting !== true;
    if (clientIsLate) request.setTimeout(this.#ms);
    else late();
  }
}
