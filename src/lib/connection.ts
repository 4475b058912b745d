/** What Node itself knows of the connection of a request, and never what an adapter or a mock claims. */
import { X509Certificate } from 'node:crypto';
import { Socket, type Server } from 'node:net';
import { UNIX_PEER } from './address.js';
import { HiddenProperty } from './hidden-property.js';

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

/** The peer that a balancer announced for a connection. */
export interface AnnouncedPeer {
  /** An address, or the name of an unknown client. */
  readonly peer: string;
  /** Undefined for an unknown client. */
  readonly port?: number | undefined;
}

const announcedPeers = new HiddenProperty<AnnouncedPeer>('peer');

/** Replaces the peer of a connection. The announced peer counts for every decision, and the balancer for none. */
export function announcePeer(socket: Socket, announced: AnnouncedPeer): void {
  announcedPeers.set(socket, announced);
}

export function announcedPeerOf(socket: Socket): AnnouncedPeer | undefined {
  return announcedPeers.of(socket);
}

/** Returns the peer of a request, as `peerOf` does, or `''` without a connection. No list of peers contains `''`. */
export function peerAddressOf({ socket }: { readonly socket: unknown }): string {
  return isConnection(socket) ? peerOf(socket) : '';
}

/** Returns an address, `unix`, the name of an unknown client, or `''` for a connection that has closed. */
export function peerOf(socket: Socket): string {
  return announcedPeers.of(socket)?.peer ?? socket.remoteAddress ?? (isUnix(socket) ? UNIX_PEER : '');
}

/** The port of the peer. Undefined if the peer has none. */
export function peerPortOf(socket: Socket): number | undefined {
  const announced = announcedPeers.of(socket);
  return announced ? announced.port : socket.remotePort;
}

/** Node says of the server alone that its sockets are Unix sockets. */
function isUnix(socket: Socket): boolean {
  const { server } = socket as { readonly server?: Partial<Server> };
  return typeof server?.address?.() === 'string';
}

/** Returns the TCP or Unix socket below a TLS socket, for which Node has no public name, or the socket itself. */
export function transportOf(socket: Socket): Socket {
  return (socket as { readonly _parent?: Socket | null })._parent ?? socket;
}

/** Whether the connection of a request is TLS. */
export function isTls({ socket }: { readonly socket: unknown }): boolean {
  return isConnection(socket) && (socket as { readonly encrypted?: unknown }).encrypted === true;
}
