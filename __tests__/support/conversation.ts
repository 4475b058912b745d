/** A connection as bytes: writes them at chosen times, and returns the responses one by one. */
import { connect, type Socket } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The whole responses at the start of the bytes, and the rest. Interim ones (1xx, except 101) are left out. */
export function readReplies(bytes: string, { closed = false } = {}): { replies: Reply[]; rest: string } {
  const replies: Reply[] = [];
  let rest = bytes;
  for (;;) {
    const found = readReply(rest, closed);
    if (!found) return { replies, rest };
    rest = rest.slice(found.length);
    if (found.reply.status >= 200 || found.reply.status === 101) replies.push(found.reply);
  }
}

function readReply(bytes: string, closed: boolean): { reply: Reply; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = bytes.slice(0, end);
  const line = /^HTTP\/1\.1 (\d{3})(?: [\t\x20-\x7e]*)?(?:\r\n|$)/.exec(head);
  if (!line) throw new Error(`not the start of a response: ${JSON.stringify(bytes.slice(0, 80))}`);
  const status = Number(line[1]);
  const body = bytes.slice(end + 4);
  const whole = (text: string, length: number) => ({ reply: { status, head, body: text }, length: end + 4 + length });
  if (status < 200 || status === 204 || status === 304) return whole('', 0);
  if (/^transfer-encoding: chunked$/im.test(head)) {
    const chunks = readChunked(body);
    return chunks && whole(chunks.text, chunks.length);
  }
  const [, said] = /^content-length: (\d+)$/im.exec(head) ?? [];
  const length = Number(said ?? body.length);
  return (said === undefined && !closed) || body.length < length ? undefined : whole(body.slice(0, length), length);
}

function readChunked(body: string): { text: string; length: number } | undefined {
  let [text, at] = ['', 0];
  for (;;) {
    const end = body.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = Number.parseInt(body.slice(at, end), 16);
    if (body.length < end + 4 + size) return undefined;
    text += body.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
    if (size === 0) return { text, length: at };
  }
}

/** The longest silence of a server before a conversation fails. */
const SILENCE_MS = 50_000;

export class Conversation {
  readonly socket: Socket;
  readonly #replies: Reply[] = [];
  #taken = 0;
  #bytes = '';
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(port: number, { allowHalfOpen = true } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.#bytes += chunk.toString('latin1');
      this.#read();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('end', () => this.socket.end());
    this.socket.on('close', () => {
      this.#closed = true;
      this.#read();
    });
  }

  /** Writes bytes as latin1. A closed socket drops them. */
  send(bytes: string): this {
    if (this.socket.writable) this.socket.write(bytes, 'latin1');
    return this;
  }

  /** The next response. `undefined` if the server has closed the connection instead. */
  async reply(): Promise<Reply | undefined> {
    await this.#until(() => this.#replies.length > this.#taken);
    return this.#replies[this.#taken++];
  }

  /** All responses until the end of the connection, except those taken already. */
  async rest(): Promise<readonly Reply[]> {
    await this.#until(() => false);
    const left = this.#replies.slice(this.#taken);
    this.#taken = this.#replies.length;
    return left;
  }

  /** Bytes after the last whole response. */
  get partial(): string {
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends with a reset, like a client that died. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  #read(): void {
    const { replies, rest } = readReplies(this.#bytes, { closed: this.#closed });
    this.#replies.push(...replies);
    this.#bytes = rest;
    this.#wake();
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done() && !this.#closed) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`silence behind ${JSON.stringify(this.#bytes)}`)), SILENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Runs the work for each item, a few at once. */
export async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const run = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, run));
}
