/** Tracks the sockets and open exchanges of one server: slow clients, idle sockets, and the stop. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { PlannedListener } from '../config/plan-types.js';
import { endConnection, keepInTime } from '../http/connection-end.js';
import { denialOfBytes } from '../admission/denial.js';
import { transportOf } from '../lib/connection.js';
import { LogThrottle } from '../lib/log-throttle.js';
import type { Log } from '../lib/types.js';
import { clientOf, isTlsError, type Refusals } from './refusals.js';

interface Open {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/**
 * The most requests on one connection that wait for their responses. Node accepts any number at 30 bytes each. Each one
 * would use 15 KiB here and a connection to the upstream.
 */
const MAX_PIPELINED = 64;

export class Connections {
  readonly #sockets = new Set<Socket>();
  /** Connections without a request yet. Node counts these connections as busy until their first head. */
  readonly #silent = new Set<Duplex>();
  readonly #upgraded = new Set<Duplex>();
  /** In order of arrival: a client may send a request before it has the previous response. */
  readonly #open = new Map<Duplex, Set<Open>>();
  /**
   * Connections after their TLS handshake, with the version of the authorities. A handshake may overlap a change of the
   * authorities.
   */
  readonly #shaken = new Map<TLSSocket, number>();
  readonly #begun = new WeakMap<Socket, number>();
  readonly #throttle = new LogThrottle(Date.now);
  #authorities = 0;
  /** Each response is the last one on its connection. */
  #draining = false;
  #stopping = false;

  constructor(
    private readonly server: Server,
    private readonly planned: PlannedListener,
    private readonly deps: { readonly log: Log; readonly refusals: Refusals },
  ) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      rememberAddress(socket);
      this.#begun.set(socket, this.#authorities);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#arrived(socket);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#silent.delete(transportOf(socket));
      deps.refusals.shaken(socket);
      this.#shakenHands(socket);
      this.#arrived(socket);
    });
  }

  #arrived(socket: Socket): void {
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    this.#silent.add(socket);
    socket.once('close', () => this.#silent.delete(socket));
  }

  /** Tracks a request to its end. Returns false if the connection has too many requests; the connection then ends. */
  opened(req: IncomingMessage, res: ServerResponse): boolean {
    const { socket } = req;
    if (socket.destroyed) return false;
    this.#silent.delete(socket);
    const open = { req, res };
    const exchanges = this.#exchangesOf(socket).add(open);
    if (exchanges.size > MAX_PIPELINED) {
      this.#logPipelined(socket);
      socket.destroy();
      return false;
    }
    if (this.#draining) endConnection(res);
    this.#watch(req, res);
    res.on('close', () => {
      exchanges.delete(open);
      if (this.#stopping) setImmediate(() => this.server.closeIdleConnections());
    });
    return true;
  }

  #logPipelined(socket: Socket): void {
    this.#throttle.log('pipelined', (omitted) => {
      const facts = { listener: this.planned.name, client: clientOf(socket), ...(omitted > 0 && { omitted }) };
      this.deps.log.warn(facts, 'too many requests without an answer');
    });
  }

  /**
   * Clients with a certificate must present it to the new authorities. Idle connections end now, busy connections after
   * their response.
   */
  retireCertified(): void {
    this.#authorities += 1;
    for (const socket of [...this.#shaken.keys()]) this.#retire(socket);
  }

  #shakenHands(socket: TLSSocket): void {
    const since = this.#begun.get(transportOf(socket)) ?? -1;
    this.#shaken.set(socket, since);
    socket.once('close', () => this.#shaken.delete(socket));
    if (since !== this.#authorities) this.#retire(socket);
  }

  #retire(socket: TLSSocket): void {
    // Node returns null for a socket that was just destroyed.
    const certificate = socket.getPeerCertificate() as object | null;
    if (!certificate || Object.keys(certificate).length === 0) return;
    const last = [...(this.#open.get(socket) ?? [])].at(-1)?.res;
    if (!last) socket.destroy();
    else if (last.headersSent) last.once('close', () => socket.destroy());
    else endConnection(last);
  }

  /** All requests of a connection share one set. */
  #exchangesOf(socket: Duplex): Set<Open> {
    let exchanges = this.#open.get(socket);
    if (!exchanges) {
      this.#open.set(socket, (exchanges = new Set()));
      socket.once('close', () => this.#open.delete(socket));
    }
    return exchanges;
  }

  /**
   * Whether an earlier request on the socket waits for its response. The client would take another response for the
   * earlier one.
   */
  isAnswering(socket: Duplex): boolean {
    return (this.#open.get(socket)?.size ?? 0) > 0;
  }

  upgraded(socket: Duplex): void {
    this.#silent.delete(socket);
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    if (this.#stopping) socket.destroy();
  }

  /** Handles bytes that are not HTTP, or a head that took too long. */
  refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    const [open, ...others] = this.#open.get(socket) ?? [];
    // The client would take a second response on the connection for the response to the open request.
    const misread = others.length > 0 || (open !== undefined && (open.res.headersSent || open.req.complete));
    this.deps.refusals.handshake(error, socket as TLSSocket);
    if (!socket.writable || misread || error.code === 'ECONNRESET' || isTlsError(error)) {
      socket.destroy();
      return;
    }
    this.deps.refusals.deny(socket, denialOfBytes(error.code));
  }

  /** Connections are still accepted. Each one ends after its next response, so that clients connect elsewhere. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const exchanges of this.#open.values()) {
      for (const { req } of exchanges) keepInTime(req);
      const last = [...exchanges].at(-1)?.res;
      if (last && !last.headersSent) endConnection(last);
    }
  }

  /** Requests in flight may finish until `graceMs` have passed. Everything else is closed at once. */
  async stop(graceMs: number): Promise<void> {
    this.drain();
    this.#stopping = true;
    for (const socket of this.#upgraded) socket.destroy();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    for (const socket of this.#silent) socket.destroy();
    const force = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), graceMs);
    await closed;
    clearTimeout(force);
  }

  /**
   * Limits only the time between bytes, and only for the side that must send next. A slow upstream and an event stream
   * without events are not a fault of the client.
   */
  #watch(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    const { readTimeoutMs, writeTimeoutMs } = this.planned;
    const { 'transfer-encoding': coding, 'content-length': length = '0' } = req.headers;
    const hasBody = coding !== undefined || Number(length) > 0;
    const arm = (): void => void socket.setTimeout(hasBody && !req.complete ? readTimeoutMs : writeTimeoutMs);
    const judge = (): void => {
      if (res.writableFinished || res.destroyed) return;
      const bodyIsLate = !req.complete && req.readableFlowing === true;
      const readerIsLate = socket.writableLength > 0;
      if (bodyIsLate || readerIsLate) socket.destroy();
      else arm();
    };
    // A listener on the response keeps Node from destroying the socket itself.
    res.on('timeout', judge);
    if (hasBody) req.once('end', arm);
    arm();
  }
}

/** Node reads the address from the system on first access. A closed socket has no address. */
function rememberAddress(socket: Socket): void {
  void socket.remoteAddress;
}
