/** Forwards an admitted request to one of an upstream's endpoints; the only file that knows http-proxy-middleware. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { Stream } from 'node:stream';
import { createProxyMiddleware, type Options, type Plugin, type RequestHandler } from 'http-proxy-middleware';
import type { PlannedUpstream } from '../config/plan-types.js';
import { Note } from '../lib/note.js';
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
  /** Pipes the body. */
  readonly proxy: RequestHandler;
  /** For requests that end with their head. */
  readonly bodiless: RequestHandler;
}

const exchanges = new Note<Exchange>('exchange');

export function createUpstream(planned: PlannedUpstream, deps: UpstreamDeps): Upstream {
  const agents: ReturnType<typeof createAgent>[] = [];
  const lines = planned.endpoints.map((each) => {
    const endpoint = createEndpoint(each, planned);
    const agent = createAgent(endpoint, planned);
    agents.push(agent);
    const options: Options = {
      target: endpoint.url,
      agent,
      secure: endpoint.tls?.rejectUnauthorized !== false,
      ws: false,
      selfHandleResponse: true,
      pathFilter: () => true,
      ejectPlugins: true,
      plugins: [follow],
    };
    const proxy = createProxyMiddleware(options);
    const bodiless = createProxyMiddleware({ ...options, buffer: NO_BODY });
    return { item: { endpoint, proxy, bodiless }, weight: each.weight };
  });
  const next = inTurn<Line>(lines);

  function forward(req: IncomingMessage, res: ServerResponse, options: ForwardOptions): void {
    const line = next();
    const { endpoint } = line;
    prepare(req, options, endpoint);
    const exchange: Exchange = new Exchange({
      req,
      res,
      timeoutMs: options.timeoutMs,
      connectTimeoutMs: endpoint.connectTimeoutMs,
      send: () => send(line, exchange),
      failed: (error) => {
        const { status, code } = failureOf(error);
        deps.log.warn(
          { upstream: planned.name, endpoint: endpoint.url.host, status, code, cause: codeOf(error) },
          'upstream failed',
        );
        if (res.headersSent) res.destroy();
        else deps.onFailure(req, res, status, code);
      },
      decorate: options.responseHeaders,
      moved: deps.moved,
    });
    exchanges.set(req, exchange);
    writePendingContinue(req);
    // Its end is all there is to read.
    if (!exchange.carriesBody) req.resume();
    send(line, exchange);
  }

  return { name: planned.name, forward, next: () => next().endpoint, close: () => agents.forEach(retire) };
}

/** Everything is changed before the proxy sees the request: its `proxyReq` event is not certain to fire. */
function prepare(req: IncomingMessage, options: ForwardOptions, endpoint: Endpoint): void {
  dropHopByHop(req);
  if (!options.preserveHost) req.headers.host = endpoint.url.host;
  req.url = options.url;
  makeRoom(req);
}

/** Piping a request without a body would cost more than sending its head does. */
class NoBody extends Stream {
  override pipe<T extends NodeJS.WritableStream>(request: T): T {
    request.end();
    return request;
  }
}

const NO_BODY = new NoBody();

function send({ proxy, bodiless }: Line, exchange: Exchange): void {
  const { req, res } = exchange.parts;
  const forward = exchange.carriesBody ? proxy : bodiless;
  // It calls back when it failed or when it declined, and then nobody else would answer.
  forward(req, res, (error?: unknown) => exchange.fail(error ?? new Error('not proxied'))).catch((error: unknown) =>
    exchange.fail(error),
  );
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
