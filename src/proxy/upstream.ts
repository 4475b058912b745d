/** Forwards an admitted request to one of an upstream's endpoints; the only file that knows http-proxy-middleware. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Stream } from 'node:stream';
import { createProxyMiddleware, type Options, type Plugin, type RequestHandler } from 'http-proxy-middleware';
import type { PlannedRetry, PlannedUpstream } from '../config/plan-types.js';
import { findContext, type RequestContext } from '../context/request-context.js';
import { writePendingContinue } from '../http/expect-continue.js';
import type { Metrics } from '../lib/metrics.js';
import { OwnLimit } from '../lib/own-limit.js';
import { hasBody } from '../http/request-body.js';
import { seldomLog } from '../lib/seldom.js';
import type { Log, Now } from '../lib/types.js';
import { clientNetwork } from '../lib/address.js';
import { dropHopByHop } from './end-to-end-fields.js';
import type { Endpoint } from './endpoints.js';
import { Exchange } from './exchange.js';
import { introduce, isIntroduction } from './introduction.js';
import { codeOf, failureOf, failureWords, retryAfter, type Failure, type UpstreamShortage } from './failure.js';
import { breakOff } from './response.js';
import { limitsOf } from './upstream/deadlines.js';
import type { EndpointStatus, EndpointLease } from './upstream/member.js';
import { Members } from './upstream/members.js';
import { Attempts, isRepeatable, RetryBudget } from './upstream/retries.js';

export interface ForwardOptions {
  /** Path and query as the upstream receives them; begins with one `/`. */
  readonly url: string;
  /** To the response head, then between bytes; never a total of the whole answer. */
  readonly timeoutMs: number;
  /** The route's, in place of the upstream's. */
  readonly retry?: PlannedRetry;
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
  /** From 0 to below 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Told of every piece of a body, in either direction. */
  readonly moved?: (bytes: number) => void;
  /** Writes the answer: no body of ours names the URL or the address. */
  readonly onFailure: (context: RequestContext, res: ServerResponse, failure: Failure) => void;
}

/**
 * The state of an upstream.
 *
 * @example
 * import { loom, type UpstreamStatus } from 'loom-auth';
 *
 * const isDown = ({ endpoints }: UpstreamStatus): boolean => endpoints.every(({ up }) => !up);
 * console.log(loom('loom.yaml').upstreams().filter(isDown));
 */
export interface UpstreamStatus {
  /** The name of the file. */
  readonly name: string;
  /** How an endpoint is chosen. */
  readonly balancer: PlannedUpstream['balancer'];
  /** The endpoints, in the order of the file. */
  readonly endpoints: readonly EndpointStatus[];
}

/**
 * Holds what was learned of the endpoints (health, breakers, open connections): a reload that says the same of it keeps
 * it.
 */
export interface Upstream {
  readonly name: string;
  forward(context: RequestContext, res: ServerResponse, options: ForwardOptions): void;
  /** A place at an endpoint for an upgrade; whoever takes it tells its outcome and gives it back. */
  lease(context: RequestContext): EndpointLease | UpstreamShortage;
  status(): UpstreamStatus;
  /** Health checks stop and idle connections end now, busy ones with their answer. */
  close(): void;
}

export function createUpstream(planned: PlannedUpstream, deps: UpstreamDeps): Upstream {
  const { name, balancer } = planned;
  const { log, now, metrics, random = Math.random } = deps;
  const members = new Members(planned, { log, now, random, ...(metrics && { metrics }) });
  const seldom = seldomLog(log, now);
  const budget = new RetryBudget(() => members.inFlight);
  const shared = { members, budget, now, random };
  const proxies = members.all.map(proxiesTo);

  function forward(context: RequestContext, res: ServerResponse, options: ForwardOptions): void {
    const { request: req } = context;
    const { timeoutMs, retry = planned.retry } = options;
    const carriesBody = hasBody(req);
    const rule = retry && retry.maxRetries > 0 && isRepeatable(req, carriesBody) ? retry : undefined;
    const resends = retry === undefined || retry.maxRetries > 0;
    const client = (): string => clientOf(context);
    let sent = 0;
    const exchange: Exchange = new Exchange({
      req,
      res,
      carriesBody,
      timeoutMs,
      limits: limitsOf(planned, timeoutMs),
      attempts: new Attempts({ ...shared, client, rule, resends, timeoutMs }),
      send: (lease, failed) => {
        if (sent++ > 0) metrics?.count('loom_upstream_retries_total', { upstream: name });
        prepare(req, options, lease.endpoint);
        const { piping, bodiless } = proxies[lease.member.at] as Proxies;
        send(carriesBody ? piping : bodiless, { req, res, failed });
      },
      failed: (error, lease) => {
        const { status, code } = failureOf(error);
        const endpoint = lease?.endpoint.url.host;
        const facts = { upstream: name, endpoint, status, code, cause: codeOf(error) };
        seldom.warn(facts, failureWords(error, 'upstream failed'));
        if (!lease || error instanceof OwnLimit)
          metrics?.count('loom_upstream_failures_total', { upstream: name, endpoint: 'none', code });
        if (res.headersSent) {
          breakOff(res);
          return;
        }
        for (const [header, value] of Object.entries(retryAfter(status).headers ?? {})) res.setHeader(header, value);
        deps.onFailure(context, res, { status, code });
      },
      decorate: options.responseHeaders,
      moved: deps.moved,
    });
    context.exchange = exchange;
    writePendingContinue(req);
    // Its end is all there is to read.
    if (!carriesBody) req.resume();
    exchange.start();
  }

  return {
    name,
    forward,
    lease: (context) => members.lease({ use: 'upgrade', client: () => clientOf(context) }),
    status: () => ({ name, balancer, endpoints: members.status() }),
    close: () => members.close(),
  };
}

/** A client as limits count it: a subscriber's IPv6 addresses change, and their /64 does not. */
function clientOf({ address }: RequestContext): string {
  return clientNetwork(address) ?? address;
}

interface Proxies {
  /** Sends the body on. */
  readonly piping: RequestHandler;
  /** For requests that end with their head. */
  readonly bodiless: RequestHandler;
}

/** Piping a request without a body would cost more than sending its head does. */
class NoBody extends Stream {
  override pipe<T extends NodeJS.WritableStream>(request: T): T {
    request.end();
    return request;
  }
}

const NO_BODY = new NoBody();

function proxiesTo({ endpoint, agent }: Members['all'][number]): Proxies {
  const options: Options = {
    target: endpoint.url,
    agent,
    secure: endpoint.tls?.rejectUnauthorized !== false,
    ws: false,
    selfHandleResponse: true,
    pathFilter: (_path, req) => !isIntroduction(req),
    ejectPlugins: true,
    plugins: [follow],
  };
  return {
    piping: createProxyMiddleware(options),
    bodiless: createProxyMiddleware({ ...options, buffer: NO_BODY }),
  };
}

/** Everything is changed before the proxy sees the request: its `proxyReq` event is not certain to fire. */
function prepare(req: IncomingMessage, options: ForwardOptions, endpoint: Endpoint): void {
  dropHopByHop(req);
  frame(req);
  if (!options.preserveHost) nameEndpoint(req, endpoint);
  req.url = options.url;
}

/** Over HTTP/2 the proxy takes the client's `:authority` for a host that goes before the `Host` of ours. */
function nameEndpoint({ headers }: IncomingMessage, { url }: Endpoint): void {
  headers.host = url.host;
  delete headers[':authority'];
}

/** HTTP/2 frames a body without a field; of a GET without one Node writes the body raw, as a second request. */
function frame(req: IncomingMessage): void {
  if (req.headers['content-length'] === undefined && hasBody(req)) req.headers['transfer-encoding'] = 'chunked';
}

interface Sent {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly failed: (error: unknown) => void;
}

function send(proxy: RequestHandler, { req, res, failed }: Sent): void {
  introduce(proxy, req);
  // It calls back when it failed or when it declined, and then nobody else would answer.
  proxy(req, res, (error?: unknown) => failed(error ?? new Error('not proxied'))).catch(failed);
}

/** Not to its `error`: that names the request, and not which attempt of it failed. Unheard, the proxy rejects instead. */
const follow: Plugin = (server) => {
  server.on('proxyReq', (request, req) => findContext(req)?.exchange?.attach(request));
  server.on('proxyRes', (message, req) => findContext(req)?.exchange?.answer(message));
  server.on('econnreset', (error, req) => findContext(req)?.exchange?.fail(error));
};
