/** Forwards an upstream's response to the client: the checked head with the gateway's own fields, then the body. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Answer, AnswerHead, AnswerReader } from './engine.js';
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
  for (const [name, value] of fields) setField(res, name, value);
  decorate?.(res);
  // HTTP/2 has no reason phrase (RFC 9113 §8.3.2), and Node warns about one.
  const reason = isHttp2(res.req) ? undefined : reasonPhrase(head);
  const status = head.statusCode ?? 0;
  if (reason === undefined) res.writeHead(status);
  else res.writeHead(status, reason);
}

/** Joins fields that both the gateway and the upstream may set. For all other fields the upstream's value wins. */
function setField(res: ServerResponse, name: string, value: string | readonly string[]): void {
  if (isJoined(name) && res.hasHeader(name)) res.appendHeader(name, value);
  else res.setHeader(name, value);
}

function isJoined(name: string): boolean {
  const { length } = name;
  if (length !== 4 && length !== 10) return false;
  const key = name.toLowerCase();
  return key === 'set-cookie' || key === 'vary';
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

/** Receives what happens to the response of an answer. */
export interface PumpOwner {
  /** Writes the head. Returns false if the response is not forwarded. */
  begin(answer: Answer, fields: readonly Field[]): boolean;
  /** Receives the size of every chunk. */
  moved(bytes: number): void;
  /** The response is complete. */
  ended(): void;
}

export interface PumpParts {
  readonly answer: Answer;
  readonly res: ServerResponse;
  readonly fields: readonly Field[];
  readonly owner: PumpOwner;
}

/** A larger body is not copied into a text. */
const SMALL = 8_192;

/** Does the same as `pipe` with a third of the listeners. If the client leaves, the owner ends the call. */
export class Pump implements AnswerReader {
  #written = false;

  /** `begun`: the head is already written. Otherwise it is written before the first byte or the end. */
  constructor(
    private readonly parts: PumpParts,
    private begun: boolean,
  ) {}

  data(chunk: Buffer): boolean {
    if (this.#written || !this.#start()) return true;
    const { answer, res, owner } = this.parts;
    owner.moved(chunk.length);
    if (res.destroyed) return true;
    if (this.#isWhole(chunk)) {
      this.#written = true;
      writeWhole(res, chunk);
      return true;
    }
    if (res.write(chunk)) return true;
    res.once('drain', () => answer.resume());
    return false;
  }

  end(): void {
    if (!this.#start()) return;
    if (!this.#written) this.parts.res.end();
    this.parts.owner.ended();
  }

  #start(): boolean {
    const { owner, answer, fields } = this.parts;
    return (this.begun ||= owner.begin(answer, fields));
  }

  /** Whether the chunk is the whole body. The end follows in the same turn. */
  #isWhole(chunk: Buffer): boolean {
    const { headers } = this.parts.answer;
    return chunk.length <= SMALL && Number(headers['content-length']) === chunk.length && !headers['transfer-encoding'];
  }
}

/**
 * Node writes a head and a text in one piece, and a head and a buffer in two. A host that has replaced `end` receives the
 * buffer.
 */
function writeWhole(res: ServerResponse, body: Buffer): void {
  if (Object.hasOwn(res, 'end')) res.end(body);
  else res.end(body.toString('latin1'), 'latin1');
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
