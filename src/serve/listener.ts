/** One listener: its server, its connections and its current TLS files. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions as TlsOptions,
} from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from '../lib/node-util.js';
import { COMMON_METHODS } from '../http/http-methods.js';
import { unixAddress } from '../config/address.js';
import type { PlannedListener } from '../config/plan-types.js';
import type { OwnRequest } from '../http/fields.js';
import { comesTooLate } from '../http/connection-end.js';
import { hasBody } from '../http/request-body.js';
import { onEachRequest, READING_OPTIONS } from '../http/request-server.js';
import type { Log } from '../lib/types.js';
import { Acceptance } from './acceptance.js';
import { Connections } from './connections.js';
import { PortError, type Listening } from './gatekeeper.js';
import { readProxyHeaders } from './proxy-protocol.js';
import { Refusals, type RefusalDeps } from './refusals.js';
import type { TicketKeys } from './ticket-keys.js';
import { tlsOptions } from './tls.js';
import { keepOthers, listenOnPath } from './unix-socket.js';

export interface Handlers {
  request(req: IncomingMessage, res: ServerResponse): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface ListenerDeps extends RefusalDeps {
  /** Shared with the other processes of this gateway. Default: the listener's own keys. */
  readonly tickets?: TicketKeys | undefined;
  /**
   * Shared by all listeners of the process, because they share its event loop. Default: the listener's own instance.
   */
  readonly acceptance?: Acceptance;
}

export class Listener {
  readonly #server: Server;
  readonly #connections: Connections;
  #tls: TlsOptions | undefined;
  /** Of the Unix socket. */
  #socketMark: string | undefined;

  /** Reads the TLS files. Throws a TlsFileError if a file cannot be used. */
  constructor(
    readonly planned: PlannedListener,
    handlers: Handlers,
    private readonly deps: ListenerDeps,
  ) {
    const { log } = deps;
    this.#tls = tlsOf(planned);
    this.#server = createListener(planned, this.#tls);
    readProxyHeaders(this.#server, planned, deps);
    this.#shareTickets();
    const refusals = new Refusals(planned, deps);
    this.#connections = new Connections(this.#server, planned, { log, refusals });
    const { acceptance = new Acceptance() } = deps;
    this.#server.on('connection', () => acceptance.accepted());
    serve({ planned, server: this.#server, connections: this.#connections, refusals, acceptance }, handlers, log);
  }

  /** Opens the port or the Unix socket. Throws a PortError. */
  async bind(): Promise<Listening> {
    const { name, protocol, port, host, unix } = this.planned;
    const server = this.#server;
    try {
      if (unix) this.#socketMark = await listenOnPath(server, unix);
      else await listenOnPort(server, { port, ...(host !== undefined && { host }) });
    } catch (cause) {
      throw new PortError(name, port, { cause: cause as NodeJS.ErrnoException, path: unix?.path });
    }
    // A connection could not be accepted, usually because descriptors ran out. Without a listener the error would end
    // the process.
    server.on('error', () => undefined);
    if (unix) return { name, protocol, host: unixAddress(unix.path), port };
    const address = server.address() as AddressInfo;
    return { name, protocol, host: address.address, port: address.port };
  }

  /** Whether the listener can continue as `next`, with the current TLS files. */
  canGoOnAs(next: PlannedListener): boolean {
    const { planned } = this;
    if ((planned.tls === undefined) !== (next.tls === undefined)) return false;
    // The server fixes what the handshake requests. Files and the lowest TLS version can change.
    return isDeepStrictEqual({ ...planned, tls: planned.tls?.clientAuth }, { ...next, tls: next.tls?.clientAuth });
  }

  /** Reads the files now and returns the function that applies them. Throws a TlsFileError. */
  renewed(next: PlannedListener): () => void {
    const tls = tlsOf(next);
    if (!tls || isDeepStrictEqual(tls, this.#tls)) return () => undefined;
    return () => {
      const trust = ({ ca, crl }: TlsOptions): unknown[] => [ca, crl];
      const distrusts = !isDeepStrictEqual(trust(tls), trust(this.#tls ?? {}));
      this.#tls = tls;
      (this.#server as TlsServer).setSecureContext(tls);
      this.#shareTickets();
      // Clients that the old authorities accepted must present a certificate to the new authorities.
      if (distrusts) this.#connections.retireCertified();
    };
  }

  /** A listener that requests certificates has no tickets to share. */
  #shareTickets(): void {
    const { name: listener, port, tls } = this.planned;
    if (!this.#tls || tls?.clientAuth !== 'none') return;
    this.deps.tickets?.use(this.#server as TlsServer, { listener, port, certificate: String(this.#tls.cert) });
  }

  /** Each connection ends after its next response. */
  drain(): void {
    this.#connections.drain();
  }

  /** Stops accepting. Requests in flight may finish for at most `graceMs`. Upgraded and idle sockets close at once. */
  stop(graceMs: number): Promise<void> {
    const close = (): Promise<void> => this.#connections.stop(graceMs);
    const mark = this.#socketMark;
    return mark === undefined ? close() : keepOthers({ path: this.planned.unix?.path ?? '', mark, close });
  }
}

async function listenOnPort(server: Server, options: ListenOptions): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(options);
  await listening;
}

function tlsOf(planned: PlannedListener): TlsOptions | undefined {
  if (planned.protocol === 'http') return undefined;
  if (!planned.tls) throw new TypeError(`listener ${planned.name}: https needs tls`);
  return tlsOptions(planned, planned.tls);
}

function createListener(planned: PlannedListener, tls: TlsOptions | undefined): Server {
  const options: ServerOptions<typeof OwnRequest> = {
    ...READING_OPTIONS,
    maxHeaderSize: planned.maxHeaderBytes,
    headersTimeout: planned.readTimeoutMs,
    // A total limit would cut long uploads. The connections limit the silence instead.
    requestTimeout: 0,
    keepAliveTimeout: planned.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(5_000, Math.floor(planned.readTimeoutMs / 4))),
    noDelay: true,
  };
  return tls ? createTlsServer({ ...options, ...tls }) : createServer(options);
}

interface Opening {
  readonly planned: PlannedListener;
  readonly server: Server;
  readonly connections: Connections;
  readonly refusals: Refusals;
  readonly acceptance: Acceptance;
}

function guarded(planned: PlannedListener, handlers: Handlers, log: Log): Handlers['request'] {
  return (req, res) => {
    try {
      handlers.request(req, res);
    } catch (error) {
      log.error({ listener: planned.name, err: error }, 'request handler threw');
      if (res.headersSent) res.destroy();
      else res.writeHead(500, { 'Content-Length': '0', 'Cache-Control': 'no-store', Connection: 'close' }).end();
    }
  };
}

function serve({ planned, server, connections, refusals, acceptance }: Opening, handlers: Handlers, log: Log): void {
  const handle = guarded(planned, handlers, log);
  const request = (req: IncomingMessage, res: ServerResponse): void => {
    // Requests of one connection are handled in order, and a body is read as it arrives.
    acceptance.release(req.socket);
    if (comesTooLate(req) || !connections.opened(req, res)) return;
    if (hasBody(req)) handle(req, res);
    else {
      acceptance.handle(req.socket, () => {
        // The client may have left meanwhile.
        if (!res.destroyed) handle(req, res);
      });
    }
  };
  onEachRequest(server, request);
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    acceptance.release(socket);
    connections.upgraded(socket);
    socket.on('error', () => socket.destroy());
    if (connections.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    try {
      handlers.upgrade(req, socket, head);
    } catch (error) {
      log.error({ listener: planned.name, err: error }, 'upgrade handler threw');
      socket.destroy();
    }
  });
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    if (connections.isAnswering(socket)) socket.destroy();
    else refusals.deny(socket, { status: 405, code: 'method_not_allowed', allow: COMMON_METHODS }, 'CONNECT');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    acceptance.release(socket);
    connections.refuse(error, socket);
  });
}
