/** Tracks each request and upgrade from start to end, for the access log, the metrics and the trace. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Decision } from '../auth/decision.js';
import type { RequestContext, Trail } from '../context/request-context.js';
import { loggedPath } from '../http/logged-path.js';
import { STATUS_CODES } from '../http/node-http.js';
import { NO_ROUTE, type Metrics } from '../lib/metrics.js';
import type { AccessLog } from './access-log.js';
import type { Tracing } from './tracing.js';

export interface RequestsDeps {
  readonly access?: AccessLog | undefined;
  readonly metrics?: Metrics | undefined;
  readonly tracing?: Tracing | undefined;
  /** Sets or removes a header of the request before the request continues. */
  readonly setField: (req: IncomingMessage, name: string, value: string | undefined) => void;
}

/** The status code of nginx for a client that disconnected before the response. */
const CLIENT_LEFT = 499;

export class Requests {
  constructor(private readonly deps: RequestsDeps) {}

  request(context: RequestContext, res: ServerResponse): void {
    const trail = this.#follow(context);
    res.once('close', () => this.#ended(context, trail, res.headersSent ? res.statusCode : CLIENT_LEFT));
  }

  /** Writes the log line when the socket closes. The duration ends at that time. */
  upgrade(context: RequestContext, socket: Duplex): void {
    const trail = this.#follow(context);
    socket.once('close', () => this.#ended(context, trail, context.answeredStatus ?? CLIENT_LEFT));
  }

  /** Runs a request within its span, so that spans of a host's handlers are children of this span. */
  within({ trail }: RequestContext, act: () => void): void {
    const span = trail?.span;
    if (span) span.within(act);
    else act();
  }

  /**
   * The gateway calls this function before it responds or continues. A guard of the host's code makes a second
   * decision.
   */
  readonly onDecision = ({ request: req, trail }: RequestContext, decision: Decision): void => {
    const { metrics } = this.deps;
    const route = decision.route ?? NO_ROUTE;
    if (metrics) {
      const reason = decision.reason ?? decision.code ?? 'none';
      const labels = { route, method: methodOf(decision), outcome: decision.outcome, reason };
      metrics.count('loom_decisions_total', labels);
      if (trail && !trail.decision)
        metrics.time('loom_verdict_seconds', { route }, (performance.now() - trail.startMs) / 1_000);
    }
    const fields = trail?.span?.decided(req.method ?? '', decision);
    for (const [name, value] of Object.entries(fields ?? {})) this.deps.setField(req, name, value);
    if (trail) trail.decision = decision;
  };

  #follow(context: RequestContext): Trail {
    const { request: req } = context;
    const trail: Trail = {
      path: this.deps.access ? loggedPath(req.url ?? '') : '',
      startMs: performance.now(),
      sent: req.socket.bytesWritten ?? 0,
      span: this.deps.tracing?.start(req),
    };
    context.trail = trail;
    return trail;
  }

  #ended(context: RequestContext, trail: Trail, status: number): void {
    const elapsedMs = performance.now() - trail.startMs;
    const { access, metrics } = this.deps;
    trail.span?.end(status);
    access?.write(context, trail, { status, elapsedMs });
    metrics?.time(
      'loom_request_seconds',
      { route: trail.decision?.route ?? NO_ROUTE, code: codeOf(status) },
      elapsedMs / 1_000,
    );
  }
}

function methodOf({ identities, method }: Decision): string {
  const [first] = identities;
  if (!first) return method ?? 'none';
  return identities.length === 1 ? first.method : identities.map((each) => each.method).join('+');
}

/**
 * Returns the status label. An upstream may send any status, and a client may choose it. A status without a standard
 * name is counted by its hundreds, such as `2xx`.
 */
function codeOf(status: number): string {
  return status === CLIENT_LEFT || STATUS_CODES[status] !== undefined
    ? String(status)
    : `${Math.floor(status / 100)}xx`;
}
