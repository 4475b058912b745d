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
import type { Call, CallEvents } from './engine.js';
import { Exchange, type ExchangeParts } from './exchange.js';
import { codeOf, failureOf, failureWords, retryAfter, type Failure, type UpstreamShortage } from './failure.js';
import { breakOff } from './response.js';
import { limitsOf, type ExchangeLimits } from './upstream/deadlines.js';
import type { EndpointStatus } from './upstream/endpoint-status.js';
import type { EndpointLease } from './upstream/member.js';
import { Members } from './upstream/members.js';
import { Attempts, isRepeatable, RetryBudget, type AttemptsShared } from './upstream/retries.js';

export interface ForwardOptions {
  /** Path and query as the upstream receives them. It begins with exactly one `/`. */
  readonly url: string;
  /** The limit to the response head, then between bytes. It is never a limit of the whole response. */
  readonly timeoutMs: number;
  /** The route's retry rule, which replaces the upstream's rule. */
  readonly retry?: PlannedRetry | undefined;
  /** False: `Host` names the endpoint. */
  readonly preserveHost: boolean;
  /** Called when the upstream's fields are set on `res` and its head is not yet written. */
  readonly responseHeaders?: ((res: ServerResponse) => void) | undefined;
  /** Replaces the `onFailure` of the upstream, for a host that writes its own error responses. */
  readonly onFailure?: UpstreamDeps['onFailure'] | undefined;
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

/** What the requests of one upstream have in common. */
interface Forwarder extends AttemptsShared {
  readonly planned: PlannedUpstream;
  readonly deps: UpstreamDeps;
  readonly throttledLog: Log;
  readonly limits: (timeoutMs: number) => ExchangeLimits;
}

export function createUpstream(planned: PlannedUpstream, deps: UpstreamDeps): Upstream {
  const { name, balancer } = planned;
  const { log, now, metrics, random = Math.random } = deps;
  const members = new Members(planned, { log, now, random, ...(metrics && { metrics }) });
  const throttledLog = throttleLog(log, now);
  const budget = new RetryBudget(() => members.inFlight);
  const known = new Map<number, ExchangeLimits>();
  // The routes of a file have few different timeouts.
  const limits = (timeoutMs: number): ExchangeLimits => {
    let found = known.get(timeoutMs);
    if (!found) known.set(timeoutMs, (found = limitsOf(planned, timeoutMs)));
    return found;
  };
  const forwarder: Forwarder = { planned, deps, throttledLog, limits, members, budget, now, random };
  return {
    name,
    forward: (context, res, options) => new Forwarded(forwarder, { context, res, options }).start(),
    lease: (context) => members.lease({ use: 'upgrade', client: () => clientOf(context) }),
    status: () => ({ name, balancer, endpoints: members.status() }),
    close: () => members.close(),
  };
}

interface ForwardedParts {
  readonly context: RequestContext;
  readonly res: ServerResponse;
  readonly options: ForwardOptions;
}

/** One forwarded request, as its exchange sees it. */
class Forwarded implements ExchangeParts {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly carriesBody: boolean;
  readonly timeoutMs: number;
  readonly limits: ExchangeLimits;
  readonly attempts: Attempts;
  readonly decorate: ForwardOptions['responseHeaders'];
  readonly moved: UpstreamDeps['moved'];
  #sent = 0;

  constructor(
    private readonly forwarder: Forwarder,
    private readonly parts: ForwardedParts,
  ) {
    const { planned, deps } = forwarder;
    const { context, res, options } = parts;
    const { timeoutMs, retry = planned.retry } = options;
    const req = (this.req = context.request);
    const carriesBody = (this.carriesBody = hasBody(req));
    this.res = res;
    this.timeoutMs = timeoutMs;
    this.limits = forwarder.limits(timeoutMs);
    const rule = retry && retry.maxRetries > 0 && isRepeatable(req, carriesBody) ? retry : undefined;
    const resends = retry === undefined || retry.maxRetries > 0;
    this.attempts = new Attempts(forwarder, { client: () => clientOf(context), rule, resends, timeoutMs });
    this.decorate = options.responseHeaders;
    this.moved = deps.moved;
  }

  start(): void {
    const exchange = new Exchange(this);
    writePendingContinue(this.req);
    // Only the end of the request remains to be read.
    if (!this.carriesBody) this.req.resume();
    exchange.start();
  }

  call(lease: EndpointLease, events: CallEvents): Call {
    const { planned, deps } = this.forwarder;
    if (this.#sent++ > 0) deps.metrics?.count('loom_upstream_retries_total', { upstream: planned.name });
    prepare(this.req, this.parts.options, lease.endpoint);
    return lease.member.engine.call(this, events);
  }

  failed(error: unknown, lease: EndpointLease | undefined): void {
    const { context, res, options } = this.parts;
    const { planned, deps, throttledLog } = this.forwarder;
    const { status, code } = failureOf(error);
    const endpoint = lease?.endpoint.name;
    const facts = { upstream: planned.name, ...endpointFacts(lease?.endpoint), status, code, cause: codeOf(error) };
    throttledLog.warn(facts, failureWords(error, 'upstream failed'));
    context.endpointFailure = { endpoint: endpoint ?? `none of ${planned.name}`, cause: facts.cause };
    if (!lease || error instanceof OwnLimit)
      deps.metrics?.count('loom_upstream_failures_total', { upstream: planned.name, endpoint: 'none', code });
    if (res.headersSent) {
      breakOff(res);
      return;
    }
    for (const [header, value] of Object.entries(retryAfter(status).headers ?? {})) res.setHeader(header, value);
    (options.onFailure ?? deps.onFailure)(context, res, { status, code });
  }
}

/** The address is a fact of its own, so that lines about one endpoint have one name. */
function endpointFacts(endpoint: Endpoint | undefined): object {
  return { endpoint: endpoint?.name, ...(endpoint?.address !== undefined && { address: endpoint.address }) };
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
