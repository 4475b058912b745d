/** The admin endpoint: a separate read-only server that no client of the gateway reaches. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PlannedAdmin } from '../config/plan-types.js';
import type { Log } from '../lib/types.js';
import { json, pageAt, type AdminSources, type Page } from './pages.js';
import { basicToken, decideAccess, pathOf, type AdminAccess } from './access.js';
import { AdminUsers, type PasswordCheck } from './users.js';

export interface AdminListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface AdminDeps extends AdminSources {
  readonly log: Log;
}

const MAX_CONNECTIONS = 64;

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
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(30_000);
  const users = new AdminUsers(Date.now);
  const asking = new WeakMap<object, ServerResponse>();
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    const first = asking.get(req.socket);
    if (first) return endWith(first);
    asking.set(req.socket, res);
    res.once('close', () => req.socket.writable && asking.delete(req.socket));
    // The current configuration decides who has access. The bound address does not change.
    const { auth, realm } = deps.plan().admin ?? planned;
    respond(req, { ...planned, auth, realm, users }, deps).then(
      (page) => write(req, res, page),
      (err: unknown) => {
        deps.log.error({ err }, "a page of the administrator's address failed");
        write(req, res, json(500, { error: 'the page failed' }));
      },
    );
  };
  server.on('request', answer);
  // The admin endpoint needs no request bodies.
  server.on('checkContinue', answer);
  server.on('checkExpectation', answer);
  server.on('connect', (_req, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  await bind(server, planned);
  // A connection could not be accepted. Without a listener the error would end the process.
  server.on('error', () => undefined);
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port, close: () => close(server).then(() => users.close()) };
}

/**
 * Handles one request at a time. One packet can hold thousands of pipelined requests, so none is read and the
 * connection ends.
 */
function endWith(first: ServerResponse): void {
  if (first.headersSent) first.socket?.destroy();
  else first.setHeader('Connection', 'close');
}

const REFUSALS: Readonly<Record<Exclude<AdminAccess | PasswordCheck, 'granted' | 'password'>, Page>> = {
  wrong_host: json(421, { error: 'without a credential the Host header must be admin.address or localhost' }),
  unauthorized: json(401, { error: 'a valid credential is required' }),
  too_many_failures: json(429, { error: 'too many wrong credentials; try again in a minute' }),
  busy: json(503, { error: 'too many passwords are being compared' }),
  open_address: json(403, { error: 'off loopback this needs admin.auth' }),
};

interface Rules extends PlannedAdmin {
  readonly users: AdminUsers;
}

async function accessOf(req: IncomingMessage, rules: Rules): Promise<Exclude<AdminAccess, 'password'> | PasswordCheck> {
  const access = decideAccess(req, rules);
  if (access !== 'password') return access;
  if (rules.auth.kind !== 'users') return 'unauthorized';
  return rules.users.check(rules.auth, basicToken(req), req.socket.remoteAddress ?? '');
}

async function respond(req: IncomingMessage, rules: Rules, deps: AdminDeps): Promise<Page> {
  const { headers, method } = req;
  const access = await accessOf(req, rules);
  if (access !== 'granted') {
    const facts = { event: 'denied', listener: 'admin', reason: access, client: req.socket.remoteAddress };
    const { status } = REFUSALS[access];
    deps.log.info({ ...facts, status, method }, 'denied');
    const scheme = rules.auth.kind === 'bearer' ? 'Bearer' : 'Basic';
    const realm = rules.realm.replace(/["\\]/g, '\\$&');
    return { ...REFUSALS[access], ...(status === 401 && { challenge: `${scheme} realm="${realm}"` }) };
  }
  if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'GET and HEAD alone' });
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
    return json(400, { error: 'no body is read here' });
  return pageAt(pathOf(req), deps);
}

function write(req: IncomingMessage, res: ServerResponse, { status, type, body, challenge }: Page): void {
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  if (status === 405) res.setHeader('Allow', 'GET, HEAD');
  if (challenge !== undefined) res.setHeader('WWW-Authenticate', challenge);
  // The rest of a body or of a doubtful request is not read as a new request.
  if (status >= 400 && status !== 404) res.setHeader('Connection', 'close');
  res.writeHead(status).end(req.method === 'HEAD' ? undefined : body);
}

function bind(server: Server, { host, port }: PlannedAdmin): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
