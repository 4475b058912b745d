/** Forwards an admitted request to an endpoint of an upstream. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PlannedRetry, PlannedUpstream } from '../config/plan-types.js';
import type { RequestContext } from '../context/request-context.js';
import { writePendingContinue } from '../http/expect-continue.js';
import type { Metrics } from '../lib/metrics.js';
import { OwnLimit } from '../lib/own-limit.js';
import { hasBody } from '../http/request-body.js';
import { throttleLog } from '../lib/log-throttle.js';
import type { Log, Now } from '../lib/types.js';
import { clientNetwork } from '../lib/address.js';
import { dropHopByHop } from './end-to-end-fields.js';
import type { Endpoint } from './endpoints.js';
import { Exchange } from './exchange.js';
import { codeOf, failureOf, failureWords, retryAfter, type Failure, type UpstreamShortage } from './failure.js';
import { breakOff } from './response.js';
import { limitsOf } from './upstream/deadlines.js';
import type { EndpointStatus, EndpointLease } from './upstream/member.js';
import { Members } from './upstream/members.js';
import { Attempts, isRepeatable, RetryBudget } from './upstream/retries.js';

export interface ForwardOptions {
  /** Path and query as the upstream receives them. It begins with exactly one `/`. */
  readonly url: string;
  /** The limit to the response head, then between bytes. It is never a limit of the whole response. */
  readonly timeoutMs: number;
  /** The route's retry rule, which replaces the upstream's rule. */
  readonly retry?: PlannedRetry;
  /** False: `Host` names the endpoint. */
  readonly preserveHost: boolean;
  /** Called when the upstream's fields are set on `res` and its head is not yet written. */
  readonly responseHeaders?: (res: ServerResponse) => void;
  /** Replaces the `onFailure` of the upstream, for a host that writes its own error responses. */
  readonly onFailure?: UpstreamDeps['onFailure'];
}

export interface UpstreamDeps {
  readonly log: Log;
  readonly now: Now;
  /** Default: no metrics. */
  readonly metrics?: Metrics;
  /** A number from 0 to below 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Receives the size of every body chunk, in either direction. */
  readonly moved?: (bytes: number) => void;
  /** Writes the error response. The body must contain no URL or address. */
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
  /** The name of the upstream in the file. */
  readonly name: string;
  /** The algorithm that chooses an endpoint. */
  readonly balancer: PlannedUpstream['balancer'];
  /** The endpoints, in the order of the file. */
  readonly endpoints: readonly EndpointStatus[];
}

/**
 * Keeps the state of the endpoints: health, breakers, open connections. A reload that does not change the upstream
 * keeps this state.
 */
export interface Upstream {
  readonly name: string;
  forward(context: RequestContext, res: ServerResponse, options: ForwardOptions): void;
  /** Takes a place at an endpoint for an upgrade. The caller reports the outcome and releases the lease. */
  lease(context: RequestContext): EndpointLease | UpstreamShortage;
  status(): UpstreamStatus;
  /** Stops health checks and closes idle connections. Busy connections close after their response. */
  close(): void;
}

export function createUpstream(planned: PlannedUpstream, deps: UpstreamDeps): Upstream {
  const { name, balancer } = planned;
  const { log, now, metrics, random = Math.random } = deps;
  const members = new Members(planned, { log, now, random, ...(metrics && { metrics }) });
  const throttledLog = throttleLog(log, now);
  const budget = new RetryBudget(() => members.inFlight);
  const shared = { members, budget, now, random };

  function forward(context: RequestContext, res: ServerResponse, options: ForwardOptions): void {
    const { request: req } = context;
    const { timeoutMs, retry = planned.retry } = options;
    const carriesBody = hasBody(req);
    const rule = retry && retry.maxRetries > 0 && isRepeatable(req, carriesBody) ? retry : undefined;
    const resends = retry === undefined || retry.maxRetries > 0;
    const client = (): string => clientOf(context);
    let sent = 0;
    const exchange = new Exchange({
      req,
      res,
      carriesBody,
      timeoutMs,
      limits: limitsOf(planned, timeoutMs),
      attempts: new Attempts({ ...shared, client, rule, resends, timeoutMs }),
      call: (lease, events) => {
        if (sent++ > 0) metrics?.count('loom_upstream_retries_total', { upstream: name });
        prepare(req, options, lease.endpoint);
        return lease.member.engine.call({ req, res, carriesBody }, events);
      },
      failed: (error, lease) => {
        const { status, code } = failureOf(error);
        const endpoint = lease?.endpoint.url.host;
        const facts = { upstream: name, endpoint, status, code, cause: codeOf(error) };
        throttledLog.warn(facts, failureWords(error, 'upstream failed'));
        context.endpointFailure = { endpoint: endpoint ?? `none of ${name}`, cause: facts.cause };
        if (!lease || error instanceof OwnLimit)
          metrics?.count('loom_upstream_failures_total', { upstream: name, endpoint: 'none', code });
        if (res.headersSent) {
          breakOff(res);
          return;
        }
        for (const [header, value] of Object.entries(retryAfter(status).headers ?? {})) res.setHeader(header, value);
        (options.onFailure ?? deps.onFailure)(context, res, { status, code });
      },
      decorate: options.responseHeaders,
      moved: deps.moved,
    });
    writePendingContinue(req);
    // Only the end of the request remains to be read.
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

/** Returns the client as limits count it. The IPv6 addresses of a subscriber change, but their /64 does not. */
function clientOf({ address }: RequestContext): string {
  return clientNetwork(address) ?? address;
}

/** Changes the request before the engine sees it. What an engine reads here is what the upstream receives. */
function prepare(req: IncomingMessage, options: ForwardOptions, endpoint: Endpoint): void {
  dropHopByHop(req);
  frame(req);
  if (!options.preserveHost) nameEndpoint(req, endpoint);
  req.url = options.url;
}

/** With HTTP/2 an engine prefers the client's `:authority` to the `Host` that this gateway sets. */
function nameEndpoint({ headers }: IncomingMessage, { url }: Endpoint): void {
  headers.host = url.host;
  delete headers[':authority'];
}

/** HTTP/2 needs no field to frame a body. Without a field Node writes the body of a GET raw, as a second request. */
function frame(req: IncomingMessage): void {
  if (req.headers['content-length'] === undefined && hasBody(req)) req.headers['transfer-encoding'] = 'chunked';
}
