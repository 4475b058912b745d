/** Opens the listeners of a plan, plain and TLS, and closes them without cutting an answer short. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { COMMON_METHODS } from '../lib/http-methods.js';
import type { PlannedListener } from '../config/plan-types.js';
import { OwnRequest } from '../gateway/header-views.js';
import { comesTooLate } from '../gateway/last-answer.js';
import { awaitContinue } from '../lib/expect.js';
import type { Log } from '../lib/types.js';
import { Connections } from './connections.js';
import { tlsOptions } from './tls.js';

export { TlsFileError } from './tls.js';

export interface Handlers {
  request(req: IncomingMessage, res: ServerResponse): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface Listening {
  readonly name: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

export interface Running {
  readonly listening: readonly Listening[];
  /** Stops accepting, lets requests in flight finish for at most `graceMs`, closes upgraded and idle sockets at once. */
  stop(graceMs: number): Promise<void>;
}

/** The port is taken, or may not be used. */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly code = 'LOOM_PORT';
  constructor(
    readonly listener: string,
    readonly port: number,
    options: { cause: NodeJS.ErrnoException },
  ) {
    super(`listener ${listener}: port ${port} ${portTrouble(options.cause.code)}`, options);
  }
}

function portTrouble(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'is already in use';
  if (code === 'EACCES') return 'needs more privileges';
  return `cannot be listened on (${code ?? 'unknown'})`;
}

interface Opening {
  readonly planned: PlannedListener;
  readonly server: Server;
  readonly connections: Connections;
}

/** Every certificate is read before the first port opens; if one port fails, the others are closed again. */
export async function listen(
  listeners: readonly PlannedListener[],
  handlers: Handlers,
  { log }: { readonly log: Log },
): Promise<Running> {
  const openings = listeners.map((planned): Opening => {
    const server = createListener(planned);
    const connections = new Connections(server, planned, log);
    serve({ planned, server, connections }, handlers, log);
    return { planned, server, connections };
  });
  const stop = async (graceMs: number): Promise<void> => {
    await Promise.all(openings.map(({ connections }) => connections.stop(graceMs)));
  };
  try {
    const listening = await Promise.all(openings.map(bind));
    return { listening, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

function createListener(planned: PlannedListener): Server {
  const options: ServerOptions<typeof OwnRequest> = {
    IncomingMessage: OwnRequest,
    maxHeaderSize: planned.maxHeaderBytes,
    headersTimeout: planned.readTimeoutMs,
    // A total would cut long uploads; the connections watch for silence instead.
    requestTimeout: 0,
    keepAliveTimeout: planned.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(5_000, Math.floor(planned.readTimeoutMs / 4))),
    insecureHTTPParser: false,
    // Node would answer by itself, in its own words and without a line in the log; the framing check asks for one host.
    requireHostHeader: false,
    noDelay: true,
  };
  if (planned.protocol === 'http') return createServer(options);
  if (!planned.tls) throw new TypeError(`listener ${planned.name}: https needs tls`);
  return createTlsServer({ ...options, ...tlsOptions(planned, planned.tls) });
}

function serve({ planned, server, connections }: Opening, handlers: Handlers, log: Log): void {
  const request = (req: IncomingMessage, res: ServerResponse): void => {
    if (comesTooLate(req) || !connections.opened(req, res)) return;
    try {
      handlers.request(req, res);
    } catch (error) {
      log.error({ listener: planned.name, err: error }, 'request handler threw');
      if (res.headersSent) res.destroy();
      else res.writeHead(500, { 'Content-Length': '0', 'Cache-Control': 'no-store', Connection: 'close' }).end();
    }
  };
  server.on('request', request);
  // Nothing is promised before admission: the 100 is written when the body is about to be read.
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    awaitContinue(req, res);
    request(req, res);
  });
  server.on('checkExpectation', request);
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
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
    else connections.deny(socket, { status: 405, code: 'method_not_allowed', allow: COMMON_METHODS }, 'CONNECT');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => connections.refuse(error, socket));
}

function bind({ planned, server }: Opening): Promise<Listening> {
  const { name, protocol, port, host } = planned;
  return new Promise((resolve, reject) => {
    const refused = (cause: NodeJS.ErrnoException): void => reject(new PortError(name, port, { cause }));
    server.once('error', refused);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', refused);
      // A connection that could not be accepted, for want of descriptors as a rule: unheard, it would end the process.
      server.on('error', () => undefined);
      const address = server.address() as AddressInfo;
      resolve({ name, protocol, host: address.address, port: address.port });
    });
  });
}
