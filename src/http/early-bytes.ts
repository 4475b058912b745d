/** Buffers the bytes that a client sends before its handshake response, and detects when the client disconnects. */
import type { Duplex } from 'node:stream';

/** A correct client waits for the 101 before it sends data. Above this limit the socket is paused. */
const MOST = 65_536;

export class EarlyBytes {
  readonly #chunks: Buffer[];
  #length = 0;

  constructor(
    private readonly socket: Duplex,
    head: Buffer,
  ) {
    this.#chunks = [head];
    socket.on('data', this.#keep).once('end', this.#leave);
  }

  /** Returns the bytes so far and removes the listeners. The caller reads all later bytes. */
  take(): Buffer {
    this.socket.off('data', this.#keep).off('end', this.#leave);
    this.socket.pause();
    return Buffer.concat(this.#chunks.splice(0));
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= MOST) this.socket.pause();
  };

  /**
   * A socket without a reader does not report that its client disconnected. The upstream connection would then stay
   * open without a client.
   */
  readonly #leave = (): void => void this.socket.destroy();
}
