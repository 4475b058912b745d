/** Limits the time without a byte between gateway and upstream during a request with a body. */
import type { ClientRequest, ServerResponse } from 'node:http';

export interface SilenceParts {
  readonly request: ClientRequest;
  readonly res: ServerResponse;
  /** Whether the response head was written. */
  readonly answered: () => boolean;
  /** Called when the upstream has been silent for too long. */
  readonly late: () => void;
}

/** Bytes go both ways, so only the socket can detect that neither side sends. */
export class Silence {
  #ms = 0;

  constructor(private readonly parts: SilenceParts) {
    parts.request.on('timeout', () => this.#idle());
  }

  /** Sets the limit from now on. 0: no limit. */
  limit(ms: number): void {
    this.parts.request.setTimeout((this.#ms = ms));
  }

  #idle(): void {
    const { request, res, answered, late } = this.parts;
    // A slow client can cause the silence. The listener limits slow clients, and the upstream is not at fault.
    const clientIsLate = answered()
      ? res.writableNeedDrain
      : !request.writableFinished && !request.writableNeedDrain && request.socket?.connecting !== true;
    if (clientIsLate) request.setTimeout(this.#ms);
    else late();
  }
}
