/** An upstream that reads requests strictly and answers each one as its script says, down to the byte. */
import type { Socket } from 'node:net';
import { Malformed, readMessages, type Message } from './messages.js';
import { recordingUpstream } from './recording-upstream.js';

/** What happens on the connection after the bytes of the answer. */
export type After = 'open' | 'FIN' | 'RST';

export interface Script {
  /** Each piece is written on its own, a few milliseconds after the one before. */
  readonly pieces: readonly string[];
  readonly after: After;
  /** Answers as soon as the head of the request is here. */
  readonly early?: boolean;
  /** Reads nothing for this time, so that the connection is full. */
  readonly deafMs?: number;
}

const PAUSE_MS = 4;
/** The gateway has the time to read the bytes before the connection ends. */
const END_MS = 15;

export class ScriptedUpstream {
  script: Script = { pieces: ['HTTP/1.1 204 No Content\r\n\r\n'], after: 'open' };
  /** Whole requests since the last `take`. */
  readonly #whole: Message[] = [];
  /** Heads without their whole body, and bytes that are no request. */
  readonly #broken: string[] = [];
  readonly #read = new Map<Socket, number>();
  readonly #answered = new Map<Socket, number>();
  readonly sockets = new Set<Socket>();
  #heads = 0;
  url = '';
  close: () => Promise<void> = () => Promise.resolve();

  static async start(): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream();
    const recording = await recordingUpstream((received, socket) => upstream.#received(received, socket));
    upstream.url = recording.url;
    upstream.close = () => recording.close();
    return upstream;
  }

  get heads(): number {
    return this.#heads;
  }

  take(): { readonly whole: readonly Message[]; readonly broken: readonly string[] } {
    this.#heads = 0;
    return { whole: this.#whole.splice(0), broken: this.#broken.splice(0) };
  }

  #received(received: string, socket: Socket): undefined {
    if (!this.sockets.has(socket)) {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    }
    const from = this.#read.get(socket) ?? 0;
    const rest = received.slice(from);
    const answered = this.#answered.get(socket) === from;
    const hasHead = rest.includes('\r\n\r\n');
    if (hasHead && !answered) this.#heads++;
    try {
      const { messages } = readMessages(rest);
      this.#whole.push(...messages);
      const length = messages.reduce((sum, { raw }) => sum + raw.length, 0);
      this.#read.set(socket, from + length);
      if (messages.length > 0 && !answered) this.#answer(socket);
      else if (hasHead && this.script.early === true && !answered) {
        this.#answered.set(socket, from);
        this.#answer(socket);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#broken.push(error.message);
      socket.destroy();
    }
    return undefined;
  }

  #answer(socket: Socket): void {
    const { pieces, after, deafMs } = this.script;
    if (deafMs !== undefined) {
      socket.pause();
      setTimeout(() => socket.resume(), deafMs);
    }
    const write = (at: number): void => {
      const piece = pieces[at];
      if (socket.destroyed) return;
      if (piece === undefined) {
        if (after !== 'open') setTimeout(() => (after === 'FIN' ? socket.end() : socket.resetAndDestroy()), END_MS);
        return;
      }
      socket.write(Buffer.from(piece, 'latin1'));
      if (at + 1 < pieces.length) setTimeout(() => write(at + 1), PAUSE_MS);
      else write(at + 1);
    };
    write(0);
  }
}
