/** Forwards an upstream's response to the client: the checked head with the gateway's own fields, then the body. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Answer, AnswerHead } from './engine.js';
import { endToEndFields, reasonPhrase, type Field } from './end-to-end-fields.js';
import { UpstreamInvalid } from './failure.js';
import { isHttp2 } from '../http/http-version.js';

/** Returns the fields to forward, or the error that prevents forwarding. */
export function readHead(message: AnswerHead): readonly Field[] | UpstreamInvalid {
  try {
    if ((message.statusCode ?? 0) < 200) return new UpstreamInvalid('status');
    return endToEndFields(message);
  } catch (error) {
    return error instanceof UpstreamInvalid ? error : new UpstreamInvalid('response head', { cause: error });
  }
}

export interface ResponseHead {
  readonly head: AnswerHead;
  readonly fields: readonly Field[];
  /** Called when the upstream's fields are set, and before the head is written. */
  readonly decorate?: ((res: ServerResponse) => void) | undefined;
}

/** Throws if Node rejects the head. */
export function writeHead(res: ServerResponse, { head, fields, decorate }: ResponseHead): void {
  for (const [name, values] of fields) setField(res, name, values);
  decorate?.(res);
  // HTTP/2 has no reason phrase (RFC 9113 §8.3.2), and Node warns about one.
  const reason = isHttp2(res.req) ? undefined : reasonPhrase(head);
  const status = head.statusCode ?? 0;
  if (reason === undefined) res.writeHead(status);
  else res.writeHead(status, reason);
}

/** Joins fields that both the gateway and the upstream may set. For all other fields the upstream's value wins. */
function setField(res: ServerResponse, name: string, values: readonly string[]): void {
  const key = name.toLowerCase();
  if (res.hasHeader(name) && (key === 'set-cookie' || key === 'vary')) res.appendHeader(name, values);
  else res.setHeader(name, values.length === 1 ? (values[0] as string) : values);
}

/** A stream sends its head long before its first event. */
export function isEventStream({ headers }: AnswerHead): boolean {
  return /^text\/event-stream\b/i.test(headers['content-type'] ?? '');
}

/**
 * Whether the head announces a body. Before the first byte, a broken or silent upstream can still become 502 or 504.
 */
export function awaitsBody(message: AnswerHead, method: string | undefined): boolean {
  const { headers, statusCode } = message;
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) return false;
  if (headers['transfer-encoding'] !== undefined || isEventStream(message)) return false;
  return Number(headers['content-length'] ?? 0) > 0;
}

export interface Pumped {
  readonly answer: Answer;
  readonly res: ServerResponse;
  /**
   * Writes the head before the first byte or the end. Returns false if the response is not forwarded. Absent: the head
   * is already written.
   */
  readonly begin: (() => boolean) | undefined;
  /** Receives the size of every chunk. */
  readonly moved: (bytes: number) => void;
  /** Called when the response is complete. */
  readonly ended: () => void;
}

/** Does the same as `pipe` with a third of the listeners. If the client leaves, the caller ends the call. */
export function pump({ answer, res, begin, moved, ended }: Pumped): void {
  let begun = begin === undefined;
  const start = (): boolean => (begun ||= begin?.() === true);
  answer.read({
    data: (chunk) => {
      if (!start()) return true;
      moved(chunk.length);
      if (res.destroyed || res.write(chunk)) return true;
      res.once('drain', () => answer.resume());
      return false;
    },
    end: () => {
      if (!start()) return;
      res.end();
      ended();
    },
  });
}

/** Ends an incomplete response so that the client detects the truncation. */
export function breakOff(res: ServerResponse): void {
  // Without an error Node resets the HTTP/2 stream with NO_ERROR, which clients read as the end of the response.
  if (isHttp2(res.req)) res.destroy(new UpstreamInvalid('broken off'));
  // An HTTP/1.0 client reads the end of the connection as the end of the body (RFC 9112 §6.3).
  else if (!res.chunkedEncoding && !res.hasHeader('content-length') && res.socket) reset(res.socket);
  else res.destroy();
}

/** TLS has no reset. A missing close_notify signals the truncation instead. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
