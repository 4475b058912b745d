/** An upstream's answer on its way to the client: its head, checked and beside what we have to say, then its bytes. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { endToEndFields, reasonPhrase, type Field } from './end-to-end-fields.js';
import { UpstreamInvalid } from './failure.js';
import { isHttp2 } from '../http/http-version.js';

/** An upstream that answers nothing but `1xx` is not answering. */
const MAX_INFORMATION = 32;

export function onManyInterim(request: ClientRequest, tooMany: () => void): void {
  let information = 0;
  request.on('information', () => {
    if (++information > MAX_INFORMATION) tooMany();
  });
}

/** The fields that go on, or why none of it may. */
export function readHead(message: IncomingMessage): readonly Field[] | UpstreamInvalid {
  try {
    if ((message.statusCode ?? 0) < 200) return new UpstreamInvalid('status');
    return endToEndFields(message);
  } catch (error) {
    return error instanceof UpstreamInvalid ? error : new UpstreamInvalid('response head', { cause: error });
  }
}

export interface ResponseHead {
  readonly message: IncomingMessage;
  readonly fields: readonly Field[];
  /** Called when the upstream's fields are set, and before the head is written. */
  readonly decorate?: ((res: ServerResponse) => void) | undefined;
}

/** Throws where Node will not send it. */
export function writeHead(res: ServerResponse, { message, fields, decorate }: ResponseHead): void {
  for (const [name, values] of fields) setField(res, name, values);
  decorate?.(res);
  // HTTP/2 has none (RFC 9113 §8.3.2), and Node warns of it.
  const reason = isHttp2(res.req) ? undefined : reasonPhrase(message);
  const status = message.statusCode ?? 0;
  if (reason === undefined) res.writeHead(status);
  else res.writeHead(status, reason);
}

/** Fields that several hands may set are joined; of all others the upstream's stands. */
function setField(res: ServerResponse, name: string, values: readonly string[]): void {
  const key = name.toLowerCase();
  if (res.hasHeader(name) && (key === 'set-cookie' || key === 'vary')) res.appendHeader(name, values);
  else res.setHeader(name, values.length === 1 ? (values[0] as string) : values);
}

/** A stream sends its head long before its first event. */
export function isEventStream({ headers }: IncomingMessage): boolean {
  return /^text\/event-stream\b/i.test(headers['content-type'] ?? '');
}

/**
 * Whether the head says that bytes follow. Until the first of them comes, an upstream that breaks off or is silent can
 * still be answered for by 502 or 504.
 */
export function awaitsBody(message: IncomingMessage, method: string | undefined): boolean {
  const { headers, statusCode } = message;
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) return false;
  if (headers['transfer-encoding'] !== undefined || isEventStream(message)) return false;
  return Number(headers['content-length'] ?? 0) > 0;
}

export interface Pumped {
  readonly message: IncomingMessage;
  readonly res: ServerResponse;
  /** Writes the head, before the first byte or the end; false: the answer is not passed on. Absent: it is written. */
  readonly begin: (() => boolean) | undefined;
  /** Told of every piece. */
  readonly moved: (bytes: number) => void;
  /** Called when all of it came. */
  readonly ended: () => void;
}

/** What `pipe` does, with a third of its listeners; a client that left ends the message by way of the proxy. */
export function pump({ message, res, begin, moved, ended }: Pumped): void {
  let begun = begin === undefined;
  const start = (): boolean => (begun ||= begin?.() === true);
  message.on('data', (chunk: Buffer) => {
    if (!start()) return;
    moved(chunk.length);
    if (res.destroyed || res.write(chunk)) return;
    message.pause();
    res.once('drain', () => message.resume());
  });
  message.on('end', () => {
    if (!start()) return;
    res.end();
    ended();
  });
}

/** Ends an answer that is not whole so that the client does not take it for one. */
export function breakOff(res: ServerResponse): void {
  // Without an error Node resets the HTTP/2 stream with NO_ERROR, which clients take for the end of the answer.
  if (isHttp2(res.req)) res.destroy(new UpstreamInvalid('broken off'));
  // An HTTP/1.0 client takes the end of the connection for the end of the body (RFC 9112 §6.3).
  else if (!res.chunkedEncoding && !res.hasHeader('content-length') && res.socket) reset(res.socket);
  else res.destroy();
}

/** TLS has no reset; there the missing close_notify says the same. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
