/** One exchange over one connection of a client, byte by byte, and the response as a client reads it. */
import { connect, type Socket } from 'node:net';

/** How the client behaves. */
export interface ClientMoves {
  /** The bytes of the request (latin1), each piece some milliseconds after the one before. */
  readonly pieces: readonly string[];
  /** Closes the connection after the pieces: `reset` at once, `half` its writing side only. */
  readonly after: 'open' | 'half' | 'reset';
  /** Called before the connection closes. */
  readonly beforeReset?: () => Promise<void>;
  /** Reads nothing for this time. */
  readonly deafMs?: number;
  /** Leaves after the first bytes of the response. */
  readonly leavesInside?: boolean;
}

/** A response, decoded. `complete` is false for a response that broke off. */
export interface ReadResponse {
  readonly status: number;
  /** Every line of the head but `Date`. */
  readonly head: readonly string[];
  readonly body: string;
  readonly complete: boolean;
}

const PAUSE_MS = 4;
const PATIENCE_MS = 20_000;

export async function exchange(port: number, method: string, moves: ClientMoves): Promise<ReadResponse> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let ended = false;
  const over = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end of the exchange: ${JSON.stringify(text)}`)), PATIENCE_MS);
    const end = (): void => {
      ended = true;
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (moves.leavesInside === true || readResponse(text, method).complete) end();
    });
    socket.on('error', end).on('end', end).on('close', end);
  });
  over.catch(() => undefined);
  if (moves.deafMs !== undefined) {
    socket.pause();
    setTimeout(() => socket.resume(), moves.deafMs);
  }
  await write(socket, moves.pieces, () => ended);
  if (moves.after === 'half') socket.end();
  if (moves.after === 'reset') {
    await moves.beforeReset?.();
    socket.resetAndDestroy();
  }
  await over;
  socket.destroy();
  return readResponse(text, method, true);
}

async function write(socket: Socket, pieces: readonly string[], ended: () => boolean): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    if (ended() || socket.destroyed) return;
    socket.write(Buffer.from(piece, 'latin1'));
    if (at + 1 < pieces.length) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Skips interim responses. `closed`: nothing more comes. */
export function readResponse(text: string, method: string, closed = false): ReadResponse {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return { status: 0, head: [], body: text, complete: false };
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  const status = Number(line.slice(9, 12));
  const rest = text.slice(end + 4);
  if (status < 200) return readResponse(rest, method, closed);
  const head = [line, ...fields.filter((each) => !/^date:/i.test(each))];
  const valueOf = (name: string): string | undefined =>
    fields
      .find((each) => each.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const length = valueOf('content-length');
  if (method === 'HEAD' || status === 204 || status === 304) return { status, head, body: rest, complete: true };
  if (valueOf('transfer-encoding') !== undefined) return { status, head, ...readChunks(rest) };
  if (length !== undefined) return { status, head, body: rest, complete: rest.length >= Number(length) };
  return { status, head, body: rest, complete: closed };
}

function readChunks(text: string): { readonly body: string; readonly complete: boolean } {
  let body = '';
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end === -1) return { body, complete: false };
    const size = Number.parseInt(text.slice(at, end), 16);
    if (size === 0) return { body, complete: text.startsWith('\r\n', end + 2) };
    body += text.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
    if (at > text.length) return { body, complete: false };
  }
}
