/** Reads the PROXY header of each connection of a balancer, before TLS and before the first request. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { PlannedListener } from '../config/plan-types.js';
import { unknownClient } from '../http/client-address.js';
import { peerMatcher, plainAddress, type AddressMatcher } from '../lib/address.js';
import { announcedPeerOf, announcePeer, peerOf, transportOf } from '../lib/connection.js';
import { LogThrottle } from '../lib/log-throttle.js';
import { readProxyHeader, type ProxyHeaderFault, type ProxySource } from '../lib/proxy-header.js';
import type { Log } from '../lib/types.js';
import type { ConnectionFaults } from './connection-faults.js';

/** `incomplete`: the connection ended within the header. */
type Fault = ProxyHeaderFault | 'timeout' | 'incomplete';

/** A balancer sends the header at once. The limit of a slow client is the deadline of its request. */
const LONGEST_WAIT_MS = 10_000;

interface Deps {
  readonly log: Log;
  readonly faults?: ConnectionFaults | undefined;
}

/**
 * Node's own listeners receive a connection after its header. The server stays the server of the port: a second server
 * in front would leave the first one without its deadlines and its count of connections.
 */
export function readProxyHeaders(server: Server, planned: PlannedListener, deps: Deps): void {
  const { proxyProtocol } = planned;
  if (!proxyProtocol) return;
  const passOn = server.listeners('connection');
  server.removeAllListeners('connection');
  const senders = new Senders(planned, peerMatcher(proxyProtocol.from), deps);
  server.on('connection', (socket: Socket) =>
    senders.receive(socket, () => {
      for (const listener of passOn) Reflect.apply(listener, server, [socket]);
    }),
  );
  server.prependListener('secureConnection', (socket: TLSSocket) => senders.shaken(socket));
}

class Senders {
  readonly #throttle = new LogThrottle(Date.now);

  constructor(
    private readonly planned: PlannedListener,
    private readonly isSender: AddressMatcher,
    private readonly deps: Deps,
  ) {}

  /** A connection of another peer is not looked at. A PROXY header of that peer is no request and no handshake. */
  receive(socket: Socket, passOn: () => void): void {
    const sender = peerOf(socket);
    // The peer has reset the connection before it was accepted, as health checks do. Its bytes may still be there.
    if (sender === '') {
      socket.destroy();
      return;
    }
    if (!this.isSender(sender)) return passOn();
    // An https server takes a connection over with its first bytes, so that it also sees the end.
    const { protocol, readTimeoutMs } = this.planned;
    const waitMs = Math.min(readTimeoutMs, LONGEST_WAIT_MS);
    readHeader(socket, { waitMs, beyond: protocol === 'https' ? 1 : 0 }, (result) => {
      if (result === 'left') socket.destroy();
      else if ('fault' in result) {
        this.#tell(sender, result.fault);
        socket.destroy();
      } else {
        const { source } = result;
        const unknown = unknownClient(plainAddress(sender) ?? sender);
        announcePeer(socket, source ? { peer: source.address, port: source.port } : { peer: unknown });
        passOn();
      }
    });
  }

  /** The balancer itself must never be the peer. */
  shaken(socket: TLSSocket): void {
    const announced = announcedPeerOf(transportOf(socket));
    if (announced) announcePeer(socket, announced);
    else if (this.isSender(peerOf(socket))) socket.destroy();
  }

  #tell(sender: string, cause: Fault): void {
    const { name: listener } = this.planned;
    this.deps.faults?.count('loom_proxy_protocol_faults_total', { listener, cause });
    this.#throttle.log(cause, (omitted) => {
      const facts = { listener, sender, cause, ...(omitted > 0 && { omitted }) };
      this.deps.log.warn(facts, 'a connection of a balancer was closed: it has no valid PROXY header');
    });
  }
}

interface Wanted {
  readonly waitMs: number;
  /** The bytes after the header to wait for. */
  readonly beyond: 0 | 1;
}

/** `left`: the connection ended before its first byte, or the client sent nothing after the header. */
type Result = { readonly source: ProxySource | undefined } | { readonly fault: Fault } | 'left';

/** Calls back once. The bytes after the header are then still to be read from the socket. */
function readHeader(socket: Socket, { waitMs, beyond }: Wanted, done: (result: Result) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (result: Result): void => {
    clearTimeout(deadline);
    socket.off('readable', read);
    for (const event of ENDS) socket.off(event, ended);
    done(result);
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) return;
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === 'invalid') return finish({ fault: header.fault });
    if (header.kind === 'partial' || bytes.length < header.length + beyond) return;
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    finish({ source: header.source });
  };
  const isWhole = (): boolean => readProxyHeader(bytes).kind === 'whole';
  const ended = (): void => finish(bytes.length === 0 || isWhole() ? 'left' : { fault: 'incomplete' });
  const deadline = setTimeout(() => finish(isWhole() ? 'left' : { fault: 'timeout' }), waitMs);
  socket.on('readable', read);
  for (const event of ENDS) socket.on(event, ended);
}

const ENDS = ['end', 'error', 'close'] as const;
