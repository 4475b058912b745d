/** Creates a span for each request and for its upstream request, if the process has the OpenTelemetry API. */
import type { IncomingMessage } from 'node:http';
import type * as Otel from '@opentelemetry/api';
import type { Decision } from '../auth/decision.js';
import type { RequestSpan } from '../context/request-context.js';
import { NO_ROUTE } from '../lib/metrics.js';
import type { Log } from '../lib/types.js';

type Api = typeof Otel;

export interface TracingOptions {
  readonly sampleRate: number;
  readonly log: Log;
  /** Loads the API. Default: loads the package, which is an optional peer dependency. */
  readonly load?: () => Promise<Api>;
}

/** The trace headers for the upstream. Undefined removes the header of that name. */
export type TraceFields = Readonly<Record<'traceparent' | 'tracestate', string | undefined>>;

export class Tracing {
  #api: Api | undefined;
  /** Resolves when spans can be created, or when the API cannot be loaded. Never rejects. */
  readonly ready: Promise<void>;

  constructor(private readonly options: TracingOptions) {
    const { log, load = () => import('@opentelemetry/api') } = options;
    this.ready = load().then(
      (api) => void (this.#api = api),
      () => log.warn({}, 'tracing has no effect: npm install @opentelemetry/api, and register an SDK in the process'),
    );
  }

  /**
   * Starts the span of a request. Returns undefined if the request has no span: its `traceparent` is forwarded
   * unchanged.
   */
  start(req: IncomingMessage): TracedRequest | undefined {
    const api = this.#api;
    if (!api) return undefined;
    try {
      const active = api.trace.getSpan(api.context.active());
      const parent = active ? api.context.active() : remoteContext(api, req);
      if (!parent && Math.random() >= this.options.sampleRate) return undefined;
      // If the host's own instrumentation has a span for the request, Loom's span is its child.
      const kind = active ? api.SpanKind.INTERNAL : api.SpanKind.SERVER;
      return new TracedRequest(api, { req, kind, parent: parent ?? api.ROOT_CONTEXT });
    } catch {
      return undefined;
    }
  }
}

function remoteContext(api: Api, { headers }: IncomingMessage): Otel.Context | undefined {
  const { traceparent, tracestate } = headers;
  const parsed = typeof traceparent === 'string' ? parseTraceParent(traceparent) : undefined;
  if (!parsed) return undefined;
  const traceState = typeof tracestate === 'string' ? api.createTraceState(tracestate) : undefined;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parsed, isRemote: true, ...(traceState && { traceState }) });
}

interface Start {
  readonly req: IncomingMessage;
  readonly kind: Otel.SpanKind;
  readonly parent: Otel.Context;
}

const FIRST_FAILURE = 500;

/** An error of the tracer never affects the request. */
class TracedRequest implements RequestSpan {
  readonly #span: Otel.Span;
  readonly #context: Otel.Context;
  readonly #tracer: Otel.Tracer;
  #toUpstream: Otel.Span | undefined;

  constructor(
    private readonly api: Api,
    { req, kind, parent }: Start,
  ) {
    const method = req.method ?? '';
    this.#tracer = api.trace.getTracer('loom-auth');
    this.#span = this.#tracer.startSpan(method, { kind, attributes: { 'http.request.method': method } }, parent);
    this.#context = api.trace.setSpan(parent, this.#span);
  }

  /** Runs a host's handlers within the span. */
  within(act: () => void): void {
    this.api.context.with(this.#context, act);
  }

  /** Records the decision in the span. Returns the trace headers if the request continues. */
  decided(method: string, { route = NO_ROUTE, outcome, reason, code, upstream }: Decision): TraceFields | undefined {
    try {
      const why = reason ?? code;
      this.#span.updateName(`${method} ${route}`);
      this.#span.setAttributes({
        'loom.route': route,
        'loom.outcome': outcome,
        ...(why !== undefined && { 'loom.reason': why }),
      });
      if (outcome !== 'granted' && outcome !== 'open') return undefined;
      if (upstream !== undefined) this.#toUpstream ??= this.#startUpstream(method, upstream);
      return fieldsOf(this.#toUpstream ?? this.#span);
    } catch {
      return undefined;
    }
  }

  end(status: number): void {
    try {
      for (const span of [this.#toUpstream, this.#span]) {
        span?.setAttribute('http.response.status_code', status);
        if (status >= FIRST_FAILURE) span?.setStatus({ code: this.api.SpanStatusCode.ERROR });
        span?.end();
      }
    } catch {
      // An error of the exporter is ignored.
    }
  }

  #startUpstream(method: string, upstream: string): Otel.Span {
    const attributes = { 'loom.upstream': upstream, 'http.request.method': method };
    const kind = this.api.SpanKind.CLIENT;
    return this.#tracer.startSpan(`${method} to ${upstream}`, { kind, attributes }, this.#context);
  }
}

/** Returns undefined without an SDK: then no valid span exists that an upstream could continue. */
function fieldsOf(span: Otel.Span): TraceFields | undefined {
  const { traceState, ...context } = span.spanContext();
  const traceparent = formatTraceParent(context);
  if (!parseTraceParent(traceparent)) return undefined;
  return { traceparent, tracestate: traceState?.serialize() };
}

interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/**
 * Reads a `traceparent` (W3C Trace Context). An invalid header is treated as missing.
 *
 * @example parseTraceParent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')?.traceFlags // 1
 */
export function parseTraceParent(text: string): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = FORM.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}

function formatTraceParent({ traceId, spanId, traceFlags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
