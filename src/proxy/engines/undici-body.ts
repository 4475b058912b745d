/** Gives the body of a client's request to undici, chunk by chunk, and leaves the client's request intact. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { isCancelled } from '../../http/request-body.js';

export interface RequestBodyParts {
  readonly req: IncomingMessage;
  /** Receives the size of each chunk. */
  readonly uploaded: ((bytes: number) => void) | undefined;
  /** The client's request ended before its body was complete. */
  readonly broken: () => void;
}

/**
 * The part of a readable stream that undici uses. undici destroys the stream that it was given, and would so close the
 * connection of the client.
 */
export class RequestBody extends EventEmitter {
  /** Whether undici has to wait for the upstream before it takes more. */
  paused = true;
  #flowing = false;
  #ended = false;

  constructor(private readonly parts: RequestBodyParts) {
    super();
  }

  /** undici recognizes a stream by this member and does not call it. */
  pipe(): never {
    throw new TypeError('a request body is not piped');
  }

  pause(): this {
    this.paused = true;
    if (!this.#ended) this.parts.req.pause();
    return this;
  }

  resume(): this {
    this.paused = false;
    if (this.#ended) return this;
    if (!this.#flowing) this.#flow();
    this.parts.req.resume();
    return this;
  }

  /** undici calls this after the last byte, and after a response that came before the last byte. */
  destroy(): this {
    this.stop();
    return this;
  }

  /** No chunk follows. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { req } = this.parts;
    req.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    req.pause();
  }

  #flow(): void {
    this.#flowing = true;
    const { req } = this.parts;
    req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
    // Without a listener the error of a client that leaves would be thrown.
    req.on('error', () => undefined);
    // A client that left before this turn emits nothing more.
    if (req.destroyed && !req.readableEnded) this.#onClose();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.parts.uploaded?.(chunk.length);
    this.emit('data', chunk);
  };

  readonly #onEnd = (): void => {
    this.stop();
    if (isCancelled(this.parts.req)) this.parts.broken();
    else this.emit('end');
  };

  readonly #onClose = (): void => {
    this.stop();
    this.parts.broken();
  };
}
