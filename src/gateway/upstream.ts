/** Forwards an admitted request to one of an upstream's endpoints; the only file that knows http-proxy-middleware. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { createProxyMiddleware, type Plugin, type RequestHandler } from 'http-proxy-middleware';
import type { PlannedUpstream } from '../config/plan-types.js';
import { Note } from '../lib/note.js';
import { hasBody } from '../lib/request-body.js';
import type { Metrics } from '../lib/metrics.js';
import type { Log, Now } from '../lib/types.js';
import { createAgent, retire } from './agents.js';
import { dropHopByHop } from './end-to-end.js';
import { createEndpoint, inTurn, type Endpoint } from './endpoints.js';
import { Exchange } from './exchange.js';
import { writePendingContinue } from '../lib/expect.js';
import { codeOf, failureOf, type FailureCode } from './failure.js';

export interface ForwardOptions {
  /** Path and query as the upstream receives them; begins with one `/`. */
  readonly url: string;
  /** To the response head, then between bytes; never a total. */
  readonly timeoutMs: number;
  /** False: the endpoint's own `Host`. */
  readonly preserveHost: boolean;
  /** Called when the upstream's fields are set on `res` and its head is not yet written. */
  readonly responseHeaders?: (res: ServerResponse) => void;
}

export interface UpstreamDeps {
  readonly log: Log;
  readonly now: Now;
  /** Default: nobody collects. */
  readonly metrics?: Metrics;
  /** Told of every piece of a body, in either direction. */
  readonly moved?: (bytes: number) => void;
  /** Writes the answer: no body of ours names the URL or the address. */
  readonly onFailure: (req: IncomingMessage, res: ServerResponse, status: 502 | 504, code: FailureCode) => void;
}

export interface Upstream {
  readonly name: string;
  forward(req: IncomingMessage, res: ServerResponse, options: ForwardOptions): void;
  /** The endpoint whose turn it is, for an upgrade. */
  next(): Endpoint;
  /** Idle connections end now, busy ones with their answer. */
  close(): void;
}

interface Line {
  readonly endpoint: Endpoint;
  readonly proxy: RequestHandler;
}

const exchanges = new Note<Exchange>('exchange');

export function createUpstream(planned: PlannedUpstream, deps: UpstreamDeps): Upstream {
  const agents: ReturnType<typeof createAgent>[] = [];
  const lines = planned.endpoints.map((each) => {
    const endpoint = createEndpoint(each, planned);
    const agent = createAgent(endpoint, planned);
    agents.push(agent);
    const proxy = createProxyMiddleware({
      target: endpoint.url,
      agent,
      secure: endpoint.tls?.rejectUnauthorized !== false,
      ws: false,
      selfHandleResponse: true,
      pathFilter: () => true,
      ejectPlugins: true,
      plugins: [follow],
    });
    return { item: { endpoint, proxy }, weight: each.weight };
  });
  const next = inTurn<Line>(lines);

  function forward(req: IncomingMessage, res: ServerResponse, options: ForwardOptions): void {
    const { endpoint, proxy } = next();
    prepare(req, options, endpoint);
    const exchange: Exchange = new Exchange({
      req,
      res,
      timeoutMs: options.timeoutMs,
      connectTimeoutMs: endpoint.connectTimeoutMs,
      send: () => void send(proxy, req, res, exchange),
      failed: (error) => {
        const { status, code } = failureOf(error);
        deps.log.warn(
          { upstream: planned.name, endpoint: endpoint.url.host, status, code, cause: codeOf(error) },
          'upstream failed',
        );
        if (res.headersSent) res.destroy();
        else deps.onFailure(req, res, status, code);
      },
      ...(options.responseHeaders && { decorate: options.responseHeaders }),
      ...(deps.moved && { moved: deps.moved }),
    });
    exchanges.set(req, exchange);
    writePendingContinue(req);
    void send(proxy, req, res, exchange);
  }

  return { name: planned.name, forward, next: () => next().endpoint, close: () => agents.forEach(retire) };
}

/** Everything is changed before the proxy sees the request: its `proxyReq` event is not certain to fire. */
function prepare(req: IncomingMessage, options: ForwardOptions, endpoint: Endpoint): void {
  dropHopByHop(req);
  frame(req);
  if (!options.preserveHost) req.headers.host = endpoint.url.host;
  req.url = options.url;
  makeRoom(req);
}

/** HTTP/2 frames a body without a field; of a GET without one Node writes the body raw, as a second request. */
function frame(req: IncomingMessage): void {
  if (req.headers['content-length'] === undefined && hasBody(req)) req.headers['transfer-encoding'] = 'chunked';
}

async function send(
  proxy: RequestHandler,
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
): Promise<void> {
  try {
    // It calls back when it failed or when it declined, and then nobody else would answer.
    await proxy(req, res, (error?: unknown) => exchange.fail(error ?? new Error('not proxied')));
  } catch (error) {
    exchange.fail(error);
  }
}

const follow: Plugin = (server) => {
  server.on('proxyReq', (request, req) => exchanges.of(req)?.attach(request));
  server.on('proxyRes', (message, req) => exchanges.of(req)?.answer(message));
  server.on('error', (error, req) => {
    if (req) exchanges.of(req)?.fail(error);
  });
  server.on('econnreset', (error, req) => exchanges.of(req)?.fail(error));
};

const seen = new WeakSet<Server>();

/** Each proxy instance adds a `close` listener to the server it first serves; many endpoints are not a leak. */
function makeRoom(req: IncomingMessage): void {
  const server = (req.socket as { server?: Server }).server;
  if (!server || seen.has(server)) return;
  seen.add(server);
  if (server.getMaxListeners() !== 0) server.setMaxListeners(0);
}

/** A `responseHeaders` hook for routes that are not open: no shared cache may serve one caller's answer to another. */
export function privateResponse(varyBy: readonly string[]): (res: ServerResponse) => void {
  return (res) => {
    if (!res.hasHeader('cache-control')) res.setHeader('Cache-Control', 'private');
    const given = res.getHeader('vary');
    if (given === undefined) {
      if (varyBy.length > 0) res.setHeader('Vary', varyBy.join(', '));
      return;
    }
    const present = String(given)
      .toLowerCase()
      .split(',')
      .map((name) => name.trim());
    const missing = varyBy.filter((name) => !present.includes(name.toLowerCase()));
    if (missing.length > 0 && !present.includes('*')) res.appendHeader('Vary', missing.join(', '));
  };
}
