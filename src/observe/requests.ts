/** Follows each request and upgrade from its first moment to its end, for the access log and the metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Decision } from '../auth/decision.js';
import type { RequestContext, Trail } from '../context/request-context.js';
import { STATUS_CODES } from '../http/node-http.js';
import { NO_ROUTE, type Metrics } from '../lib/metrics.js';
import type { AccessLog } from './access-log.js';
import type { Tracing } from './tracing.js';

export interface RequestsDeps {
  readonly access?: AccessLog | undefined;
  readonly metrics?: Metrics | undefined;
  readonly tracing?: Tracing | undefined;
  /** Sets or removes a field of the request before it goes on. */
  readonly setField: (req: IncomingMessage, name: string, value: string | undefined) => void;
}

/** nginx's word for a client that left before the answer. */
const CLIENT_LEFT = 499;

export class Requests {
  constructor(private readonly deps: RequestsDeps) {}

  request(context: RequestContext, res: ServerResponse): void {
    const trail = this.#follow(context);
    res.once('close', () => this.#ended(context, trail, res.headersSent ? res.statusCode : CLIENT_LEFT));
  }

  /** Its line comes when the socket closes, its time counts to there. */
  upgrade(context: RequestContext, socket: Duplex): void {
    const trail = this.#follow(context);
    socket.once('close', () => this.#ended(context, trail, context.answeredStatus ?? CLIENT_LEFT));
  }

  /** Runs a request within its span, so that what a host's handlers start is a part of it. */
  within({ trail }: RequestContext, act: () => void): void {
    const span = trail?.span;
    if (span) span.within(act);
    else act();
  }

  /** Told by the gateway before it answers or lets go on. A guard of the host's own code makes a second decision. */
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
      path: this.deps.access ? pathOf(req) : '',
      startMs: performance.now(),
      sent: req.socket.bytesWritten,
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

/** An upstream may answer any number, and a client may choose it: each that has no name counts with its hundred. */
function codeOf(status: number): string {
  return status === CLIENT_LEFT || STATUS_CODES[status] !== undefined
    ? String(status)
    : `${Math.floor(status / 100)}xx`;
}

const LONGEST = 512;

/** As the client sent it, without the query: that is where keys stand. */
function pathOf({ url = '' }: IncomingMessage): string {
  return (url.split('?', 1)[0] ?? '').slice(0, LONGEST);
}
