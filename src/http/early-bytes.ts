/** What a client sends before its handshake is answered: kept for the tunnel alone, and read so that its leaving is seen. */
import type { Duplex } from 'node:stream';

/** A client waits for the 101 before it speaks; one that does not waits from here on. */
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

  /** What came so far; whatever comes now is another's to read. */
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

  /** A socket that nobody reads never tells that its client is gone, and an upstream would be held for nobody. */
  readonly #leave = (): void => void this.socket.destroy();
}
