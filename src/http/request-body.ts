/** Reads the body of a request for a look, and puts it back as it was for whoever reads or forwards it next. */
import type { IncomingMessage } from 'node:http';
import { writePendingContinue } from './expect-continue.js';
import { isHttp2 } from './http-version.js';
import { findRequestState, requestStateOf } from './request-state.js';

export type BodyRead =
  | { readonly kind: 'whole'; readonly body: Buffer }
  /** More than the limit; the rest is unread. */
  | { readonly kind: 'too_large' }
  /** No byte for too long. */
  | { readonly kind: 'late' }
  /** The bodies that are held already leave no room for it. */
  | { readonly kind: 'crowded' }
  /** The client is gone. */
  | { readonly kind: 'aborted' }
  /** Somebody has read it already. */
  | { readonly kind: 'consumed' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** Between two pieces. */
  readonly idleMs: number;
  /** Taken from piece by piece; whoever gets the whole body gives its length back when it is done with it. */
  readonly room?: BodyRoom;
}

/** How much of all bodies together may be held at once: many slow uploads of an honest size are a flood too. */
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

/** Whether the request says that it has a body: by a field, or over HTTP/2 by a head that does not end the stream. */
export function hasBody(req: IncomingMessage): boolean {
  const { 'transfer-encoding': coding, 'content-length': length } = req.headers;
  if (coding !== undefined) return true;
  return length === undefined ? isHttp2(req) && !req.stream.endAfterHeaders : Number(length) > 0;
}

/** Whether somebody has read of the body, so that it cannot be forwarded whole. */
export function isBodyConsumed(req: IncomingMessage): boolean {
  const length = findRequestState(req)?.restoredBodyBytes;
  // An empty one has ended by being looked at, and is as whole as before.
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
      // Exactly what is there: to ask for more at the end would end the stream, and nothing can be put back then.
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

/** All has arrived. An HTTP/2 request is `complete` once it has been read to its end, which is too late here. */
function isWhole(req: IncomingMessage): boolean {
  return req.complete || (isHttp2(req) && req.stream.readableEnded);
}
