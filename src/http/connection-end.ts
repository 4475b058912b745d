/** Connections that close after a response of Loom: later data on them is not a request (RFC 9112 §9.6). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HiddenProperty } from '../lib/hidden-property.js';
import { isHttp2 } from './http-version.js';
import { findRequestState, requestStateOf } from './request-state.js';

const ending = new HiddenProperty<true>('ending');

/** Makes this response the last one on its connection. */
export function endConnection(response: ServerResponse): void {
  const { req } = response;
  // In HTTP/2 one socket has many requests, and no request closes it.
  if (isHttp2(req)) return;
  response.setHeader('Connection', 'close');
  // Only a stream can carry another request. Several mocks may share one object as their socket.
  if (typeof req.socket.write === 'function') ending.set(req.socket, true);
  keepInTime(req);
}

/** The request is still answered, whatever ends its connection from now on. */
export function keepInTime(req: IncomingMessage): void {
  requestStateOf(req).inTime = true;
}

/** Prepares a response to a request whose body is not forwarded. The rest of the body is discarded. */
export function endUnread(req: IncomingMessage, response: ServerResponse): void {
  if (req.complete) return;
  endConnection(response);
  req.unpipe();
  req.resume();
}

/**
 * Whether an earlier response was the last one on the connection. The client would not receive a response to this
 * request. If the earlier request had invalid framing, this request may be part of a body. Node has still parsed it.
 */
export function comesTooLate(req: IncomingMessage): boolean {
  return ending.of(req.socket) === true && findRequestState(req)?.inTime !== true;
}
