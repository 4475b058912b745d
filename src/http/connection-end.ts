/** Connections that end with an answer of ours: what was sent behind it is no request any more (RFC 9112 §9.6). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHttp2 } from './http-version.js';

const ending = new WeakSet<object>();

/** This answer is the last on its connection. */
export function endConnection(response: ServerResponse): void {
  const { req } = response;
  // Over HTTP/2 a socket has many requests, and none of them ends it.
  if (isHttp2(req)) return;
  response.setHeader('Connection', 'close');
  ending.add(req.socket);
}

/** Before an answer to a request whose body goes to no upstream: what is left of it is read off. */
export function endUnread(req: IncomingMessage, response: ServerResponse): void {
  if (req.complete) return;
  endConnection(response);
  req.unpipe();
  req.resume();
}

/**
 * Whether an earlier answer was the last: nobody would hear of what this request does. Where its framing was refused,
 * it may even be what another reader took for a body; Node has parsed it all the same.
 */
export function comesTooLate(req: IncomingMessage): boolean {
  return ending.has(req.socket);
}
