/** The admin endpoint: a separate server that no client of the gateway reaches, and that changes nothing. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Plan, PlannedAdmin } from '../config/plan-types.js';
import type { Log } from '../lib/types.js';
import { AdminConnections } from './connections.js';
import { AdminCredentials, hasSameCredentials } from './credentials.js';
import { json, type AdminPage, type Page } from './page.js';
import { respond } from './respond.js';
import { writePage, type Asking } from './write-page.js';

export interface AdminListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface AdminDeps {
  readonly log: Log;
  /** Returns the current plan. */
  readonly plan: () => Plan;
  readonly pages: readonly AdminPage[];
}

/** Rejects with the cause if the port cannot be opened. */
export async function openAdmin(planned: PlannedAdmin, deps: AdminDeps): Promise<AdminListener> {
  const server = createServer({
    maxHeaderSize: 8_192,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    requireHostHeader: false,
    noDelay: true,
  });
  server.setTimeout(30_000);
  const connections = new AdminConnections();
  server.on('connection', (socket) => connections.opened(socket));
  const credentials = new AdminCredentials(Date.now);
  const { log, pages } = deps;
  const write = (asked: Asking, page: Page): void => {
    writePage(asked, page);
    if (asked.res.writableEnded) connections.idle(asked.req.socket);
  };
  const asking = new WeakMap<object, ServerResponse>();
  const answer = (req: IncomingMessage, res: ServerResponse, proceed: () => void = () => undefined): void => {
    const first = asking.get(req.socket);
    if (first) return endWith(first);
    asking.set(req.socket, res);
    connections.busy(req.socket);
    res.once('close', () => {
      if (req.socket.writable) asking.delete(req.socket);
      connections.idle(req.socket);
    });
    // The current configuration decides who has access. The bound address does not change.
    const { auth, operator, realm } = deps.plan().admin ?? planned;
    const { host, port } = planned;
    const rules = { ...(host !== undefined && { host }), port, auth, realm, ...(operator && { operator }) };
    const asked = { req, res, isAdmitted: () => hasSameCredentials(deps.plan().admin ?? planned, rules) };
    respond(req, { log, pages, credentials, rules, proceed }).then(
      (page) => write(asked, page),
      (err: unknown) => {
        log.error({ err }, 'a page of the admin address failed');
        write(asked, json(500, { error: 'the page failed' }));
      },
    );
  };
  server.on('request', (req, res) => answer(req, res));
  // Only a page that reads a body lets the client send it.
  server.on('checkContinue', (req, res) => answer(req, res, () => res.writeContinue()));
  server.on('checkExpectation', (req, res) => answer(req, res));
  server.on('connect', (_req, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  await bind(server, planned);
  // A connection could not be accepted. Without a listener the error would end the process.
  server.on('error', () => undefined);
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, close: () => close(server).then(() => credentials.close()) };
}

/**
 * Handles one request at a time. One packet can hold thousands of pipelined requests, so none is read and the
 * connection ends.
 */
function endWith(first: ServerResponse): void {
  if (first.headersSent) first.socket?.destroy();
  else first.setHeader('Connection', 'close');
}

async function bind(server: Server, { host, port }: PlannedAdmin): Promise<void> {
  const listening = once(server, 'listening');
  server.listen({ port, ...(host !== undefined && { host }) });
  await listening;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
