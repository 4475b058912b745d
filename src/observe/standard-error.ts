/** Standard error for log lines. The lines of one turn of the event loop share one write, which is a system call. */
import { pino, type DestinationStream } from 'pino';

/**
 * The most bytes of one write, unless a line is longer. Workers write to the same pipe, and Linux writes so much in one
 * piece (`PIPE_BUF`), so lines stay whole.
 */
const WRITE_BYTES = 4_096;

/** The maximum size of unwritten log data. Later lines are lost, so that the process does not run out of memory. */
const HELD_BACK_BYTES = 1_048_576;

const WARN = 40;

class StandardError implements DestinationStream {
  /** pino sets `lastLevel` before each write. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  #lines = '';
  #bytes = 0;
  #isScheduled = false;
  #isEnding = false;
  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  /**
   * Without the error listener, a write error such as a full disk would end the process. An empty write tries again to
   * write what is held back: above the limit pino only drops lines, also when there is space again.
   */
  readonly #target = pino
    .destination({ fd: 2, sync: true, maxLength: HELD_BACK_BYTES })
    .on('error', () => undefined)
    .on('drop', () => this.#target.write(''));

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > WRITE_BYTES) this.flush();
    this.#lines += line;
    this.#bytes += bytes;
    // The process may end after a warning or an error.
    if (this.lastLevel >= WARN || this.#isEnding) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
  }

  /** Other listeners of `exit` may still log, and no later turn follows. */
  end(): void {
    this.#isEnding = true;
    this.flush();
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const lines = this.#lines;
    this.#lines = '';
    this.#bytes = 0;
    this.#target.write(lines);
  }
}

let shared: StandardError | undefined;

/** All logs of the process share it, so their lines stay in order. The lines of the last turn are written on `exit`. */
export function standardError(): DestinationStream {
  if (!shared) {
    const created = (shared = new StandardError());
    process.on('exit', () => created.end());
  }
  return shared;
}
