/** What Node itself knows of the connection of a request, and never what an adapter or a mock claims. */
import { Socket } from 'node:net';

/**
 * Whether Node made the socket. A serverless adapter, `inject()` and mocks pass an object with claims: `remoteAddress`,
 * `encrypted`, `authorized`. A host behind the PROXY protocol may replace the address of a socket that has read bytes.
 */
export function isConnection(socket: unknown): socket is Socket {
  try {
    return socket instanceof Socket && (!Object.hasOwn(socket, 'remoteAddress') || socket.bytesRead > 0);
  } catch {
    // The socket of an HTTP/2 request, after its session has ended.
    return true;
  }
}

/** Returns the address of the peer, or `''` without a connection. No list of addresses contains `''`. */
export function peerAddressOf({ socket }: { readonly socket: unknown }): string {
  return isConnection(socket) ? (socket.remoteAddress ?? '') : '';
}

/** Whether the connection of a request is TLS. */
export function isTls({ socket }: { readonly socket: unknown }): boolean {
  return isConnection(socket) && (socket as { readonly encrypted?: unknown }).encrypted === true;
}
