/** What Node itself knows of the connection of a request, and never what an adapter or a mock claims. */
import { X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';

/** The facts of a connection that a later or an imagined decision reads. */
export interface ConnectionFacts {
  /** The address of the peer. */
  readonly peer: string;
  readonly localPort?: number | undefined;
  readonly encrypted: boolean;
  /** Whether OpenSSL verified the client certificate. */
  readonly authorized?: boolean;
  readonly authorizationError?: Error | string | undefined;
  /** The client certificate, and the certificates above it, in DER. */
  readonly chain?: readonly Buffer[];
}

/**
 * Represents the socket of a request that is judged without its connection. Only Loom makes it, so its facts are as good
 * as those of Node.
 */
export class RecordedConnection {
  readonly remoteAddress: string;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly authorized: boolean;
  readonly authorizationError: Error | string | undefined;
  readonly chain: readonly Buffer[];
  #leaf: X509Certificate | undefined;

  constructor({ peer, localPort, encrypted, authorized, authorizationError, chain }: ConnectionFacts) {
    this.remoteAddress = peer;
    this.localPort = localPort;
    this.encrypted = encrypted;
    this.authorized = authorized ?? false;
    this.authorizationError = authorizationError;
    this.chain = chain ?? [];
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    const [leaf] = this.chain;
    return (this.#leaf ??= leaf && new X509Certificate(leaf));
  }

  /** As Node returns it, for code that asks only whether there is a certificate. */
  getPeerCertificate(): { readonly raw?: Buffer } {
    const [raw] = this.chain;
    return raw ? { raw } : {};
  }
}

/**
 * Whether Node made the socket. A serverless adapter, `inject()` and mocks pass an object with claims: `remoteAddress`,
 * `encrypted`, `authorized`. A host behind the PROXY protocol may replace the address of a socket that has read bytes.
 */
export function isConnection(socket: unknown): socket is Socket {
  try {
    if (socket instanceof RecordedConnection) return true;
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
