/** Keeps the connections of one endpoint for the undici engine. Only this file uses undici. */

// undici's own `Pool` is not used: it has no limit for idle connections, and does not say whether a connection is new.
// Each `Client` here is one connection. The queue of the endpoint limits how many requests run at once.
import type { EventEmitter } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Client, type buildConnector, type Dispatcher } from 'undici';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { atAge } from './agents.js';
import { tcpAddressOf, type Endpoint } from '../endpoints.js';

export type Controller = Dispatcher.DispatchController;
export type Handler = Dispatcher.DispatchHandler;
export type DispatchOptions = Dispatcher.DispatchOptions;

/** The interval of TCP keep-alive probes, as in Node's agent. */
const PROBE_MS = 1_000;
/** A kept connection closes this much earlier than the upstream's `Keep-Alive: timeout` says, as in Node's agent. */
const MARGIN_MS = 1_000;

/** Receives what happens on the connection of a call. */
export interface Holder {
  opening(): void;
  opened(): void;
  silent(): void;
}

/** One connection, idle or of one call. */
export interface Connection {
  readonly client: Client;
  /** The open socket, or the socket that is being opened. */
  socket: Socket | undefined;
  /** The call that uses the connection. */
  holder: Holder | undefined;
  /** The connection takes no further request. */
  aged: boolean;
}

export class Connections {
  /** The last used connection is at the end, so that the others age and close. */
  readonly #idle: Connection[] = [];
  /** The TLS session of the last connection. A connection that fails removes it. */
  #session: Buffer | undefined;
  #closed = false;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly planned: PlannedUpstream,
  ) {}

  /** Returns an idle connection, or a connection that opens with its first request. */
  take(): Connection {
    return this.#idle.pop() ?? this.create();
  }

  create(): Connection {
    const { idleTimeoutMs } = this.planned;
    const connection: Connection = {
      socket: undefined,
      holder: undefined,
      aged: false,
      client: new Client(this.endpoint.url, {
        allowH2: false,
        pipelining: 1,
        strictContentLength: true,
        // The deadlines of this gateway apply instead.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: idleTimeoutMs,
        keepAliveMaxTimeout: idleTimeoutMs,
        keepAliveTimeoutThreshold: MARGIN_MS,
        connect: (_options, callback) => this.#open(connection, callback),
      }),
    };
    // An idle connection has closed. Without this listener the client would keep its place among the idle ones.
    connection.client.on('disconnect', () => this.#discardIdle(connection));
    // The types of undici leave this event out. A throw of a handler must not end the process.
    const emitter: EventEmitter = connection.client;
    emitter.on('error', () => this.discard(connection));
    return connection;
  }

  /** For a connection whose request and response are complete. */
  giveBack(connection: Connection): void {
    connection.holder = undefined;
    if (this.#closed || connection.aged) {
      // undici still reads the end of the response.
      setImmediate(() => this.discard(connection));
      return;
    }
    this.#idle.push(connection);
    if (this.#idle.length > this.planned.maxIdle) setImmediate(() => this.#trim());
  }

  /** Closes a connection in any state. */
  discard(connection: Connection): void {
    connection.holder = undefined;
    connection.socket?.destroy();
    connection.client.destroy(null, () => undefined);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) this.discard(connection);
  }

  /** A request that waited may have taken a connection in the meantime. */
  #trim(): void {
    while (this.#idle.length > this.planned.maxIdle) this.discard(this.#idle.shift() as Connection);
  }

  #discardIdle(connection: Connection): void {
    const at = this.#idle.indexOf(connection);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.discard(connection);
  }

  /** An idle connection closes at its age, and a busy one after its response. */
  #limitAge(connection: Connection, socket: Socket): void {
    const { maxLifetimeMs } = this.planned;
    if (maxLifetimeMs === undefined) return;
    atAge(socket, maxLifetimeMs, () => {
      connection.aged = true;
      this.#discardIdle(connection);
    });
  }

  #open(connection: Connection, callback: buildConnector.Callback): void {
    const { tls, socketPath } = this.endpoint;
    const socket = socketPath === undefined ? this.#connect() : connectPlain(socketPath);
    socket.setKeepAlive(true, PROBE_MS);
    const failed = (error: Error): void => {
      this.#session = undefined;
      callback(error, null);
    };
    socket.once('error', failed);
    // undici adds its own listener to an open connection, and removes it before the socket has closed.
    socket.on('error', () => undefined);
    socket.on('timeout', () => connection.holder?.silent());
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      socket.off('error', failed);
      const { alpnProtocol } = socket as TLSSocket;
      if (alpnProtocol === 'h2') {
        socket.destroy();
        failed(Object.assign(new Error('the endpoint selected HTTP/2'), { code: 'HPE_INVALID_VERSION' }));
        return;
      }
      connection.holder?.opened();
      callback(null, socket);
    });
    this.#limitAge(connection, socket);
    connection.socket = socket;
    connection.holder?.opening();
  }

  #connect(): Socket {
    const address = { ...tcpAddressOf(this.endpoint), noDelay: true };
    return this.endpoint.tls ? this.#secure(address) : connectPlain(address);
  }

  /** The server name is that of the endpoint, whatever `Host` says. */
  #secure(address: { readonly host: string; readonly port: number }): TLSSocket {
    const session = this.#session && { session: this.#session };
    const socket = connectTls({ ...address, ...this.endpoint.tls, ...session, ALPNProtocols: ['http/1.1'] });
    socket.on('session', (received) => (this.#session = received));
    return socket;
  }
}
