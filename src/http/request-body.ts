/** Reads the body of a request and restores it for the next reader or the upstream. */
import type { IncomingMessage } from 'node:http';
import { writePendingContinue } from './expect-continue.js';
import { isHttp2 } from './http-version.js';
import { findRequestState, requestStateOf } from './request-state.js';

export type BodyRead =
  | { readonly kind: 'whole'; readonly body: Buffer }
  /** The body is larger than the limit. The rest is unread. */
  | { readonly kind: 'too_large' }
  /** No byte arrived within the idle time. */
  | { readonly kind: 'late' }
  /** The bodies in memory use too much of the shared limit. */
  | { readonly kind: 'crowded' }
  /** The client disconnected. */
  | { readonly kind: 'aborted' }
  /** Other code has already read the body. */
  | { readonly kind: 'consumed' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** The maximum time between two chunks, in milliseconds. */
  readonly idleMs: number;
  /**
   * The shared memory limit, used chunk by chunk. The receiver of a whole body must release the length of the body
   * after use.
   */
  readonly room?: BodyRoom;
}

/** Limits the memory of all bodies together. Many slow uploads of an allowed size could otherwise exhaust memory. */
export class BodyRoom {
  #held = 0;

  constructor(private readonly maxBytes: number) {}

  take(bytes: number): boolean {
    if (this.#held + bytes > this.maxBytes) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** Whether the request has a body: a header announces it, or the HTTP/2 head does not end the stream. */
export function hasBody(req: IncomingMessage): boolean {
  const { 'transfer-encoding': coding, 'content-length': length } = req.headers;
  if (coding !== undefined) return true;
  return length === undefined ? isHttp2(req) && !req.stream.endAfterHeaders : Number(length) > 0;
}

/**
 * Whether the client cancelled its HTTP/2 stream. Node ends the body of such a request as if it were whole. Call it when
 * the body has ended and the response has not.
 */
export function isCancelled(req: IncomingMessage): boolean {
  return isHttp2(req) && (req.stream.aborted || req.stream.closed || req.stream.destroyed);
}

/** Whether other code has read part of the body, so that the whole body cannot be forwarded. */
export function isBodyConsumed(req: IncomingMessage): boolean {
  const length = findRequestState(req)?.restoredBodyBytes;
  // Reading an empty body ends it, but nothing is lost.
  if (!hasBody(req) || length === 0) return false;
  return req.readableEnded || (req.readableDidRead && length === undefined);
}

export function readBody(req: IncomingMessage, { maxBytes, idleMs, room }: BodyLimits): Promise<BodyRead> {
  if (!hasBody(req)) return Promise.resolve({ kind: 'whole', body: Buffer.alloc(0) });
  if (isBodyConsumed(req)) return Promise.resolve({ kind: 'consumed' });
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve({ kind: 'too_large' });
  writePendingContinue(req);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let taken = 0;
    const settle = (read: BodyRead): void => {
      clearTimeout(timer);
      if (read.kind !== 'whole') room?.give(taken);
      req.off('readable', take).off('close', gone).off('error', gone);
      resolve(read);
    };
    const timer = setTimeout(() => settle({ kind: 'late' }), idleMs);
    const gone = (): void => settle({ kind: 'aborted' });
    const take = (): void => {
      timer.refresh();
      // Reads exactly the buffered bytes. A larger read at the end would end the stream, and then the body cannot be
      // restored.
      while (req.readableLength > 0) {
        const chunk = req.read(req.readableLength) as Buffer;
        if (room?.take(chunk.length) === false) return settle({ kind: 'crowded' });
        taken += chunk.length;
        chunks.push(chunk);
        length += chunk.length;
      }
      if (length > maxBytes) settle({ kind: 'too_large' });
      else if (isWhole(req)) {
        const body = Buffer.concat(chunks, length);
        requestStateOf(req).restoredBodyBytes = length;
        if (length > 0) req.unshift(body);
        settle({ kind: 'whole', body });
      }
    };
    req.on('readable', take).on('close', gone).on('error', gone);
    take();
  });
}

/**
 * Whether the whole body has arrived. An HTTP/2 request is `complete` only after it is read to its end, which is too
 * late here.
 */
function isWhole(req: IncomingMessage): boolean {
  return isHttp2(req) ? req.stream.readableEnded && !isCancelled(req) : req.complete;
}
