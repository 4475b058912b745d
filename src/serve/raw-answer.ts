/** Answers on a bare socket, for bytes that never became a request, and closes it. */
import type { Duplex } from 'node:stream';

const TITLES = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};
const CODES = { 400: 'request_malformed', 405: 'method_not_allowed', 408: 'request_timeout', 431: 'headers_too_large' };
/** For the client to read the answer while it may still be sending. */
const LINGER_MS = 2_000;

export type RawStatus = keyof typeof TITLES;

export function rawAnswer(socket: Duplex, status: RawStatus): void {
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, code: CODES[status] });
  const head = [
    `HTTP/1.1 ${status} ${TITLES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...(status === 405 ? ['Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] : []),
    'Connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
