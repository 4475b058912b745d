/** The engine on http-proxy-middleware and Node's HTTP client. Only this file uses http-proxy-middleware. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Stream } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { createProxyMiddleware, type Options, type Plugin, type RequestHandler } from 'http-proxy-middleware';
import type { PlannedUpstream } from '../../config/plan-types.js';
import { contextOf, findContext, type UpstreamExchange } from '../../context/request-context.js';
import { isCancelled } from '../../http/request-body.js';
import type { Endpoint } from '../endpoints.js';
import type { Answer, AnswerReader, Call, CallEvents, Engine, Outgoing } from '../engine.js';
import { ClientGone, UpstreamInvalid } from '../failure.js';
import { createAgent, retire } from './agents.js';
import { isProbe, removeCloseListener } from './close-listeners.js';

/** The number of listeners that the proxy adds to the request and to the response with each attempt. */
const LISTENERS = 4;

export function createProxyEngine(endpoint: Endpoint, planned: PlannedUpstream): Engine {
  const agent = createAgent(endpoint, planned);
  const options: Options = {
    target: endpoint.url,
    agent,
    secure: endpoint.tls?.rejectUnauthorized !== false,
    ws: false,
    selfHandleResponse: true,
    pathFilter: (_path, req) => !isProbe(req),
    ejectPlugins: true,
    plugins: [follow],
  };
  const piping = createProxyMiddleware(options);
  const bodiless = createProxyMiddleware({ ...options, buffer: NO_BODY });
  return {
    call: (outgoing, events) => new ProxyCall(outgoing.carriesBody ? piping : bodiless, outgoing, events),
    close: () => retire(agent),
  };
}

/** Piping a request without a body would cost more than sending its head. */
class NoBody extends Stream {
  override pipe<T extends NodeJS.WritableStream>(request: T): T {
    request.end();
    return request;
  }
}

const NO_BODY = new NoBody();

/**
 * The proxy's `error` event is not used: it names the request but not the failed attempt. Without this listener the
 * proxy rejects.
 */
const follow: Plugin = (server) => {
  server.on('proxyReq', (request, req) => findContext(req)?.exchange?.attach(request));
  server.on('proxyRes', (message, req) => findContext(req)?.exchange?.answer(message));
  server.on('econnreset', (error, req) => findContext(req)?.exchange?.fail(error));
};

const connectedSockets = new WeakSet<Socket>();

class ProxyCall implements Call, UpstreamExchange {
  reused = false;
  open = false;
  #request: ClientRequest | undefined;
  #answer: ProxyAnswer | undefined;
  #ended = false;

  constructor(
    private readonly proxy: RequestHandler,
    private readonly outgoing: Outgoing,
    private readonly events: CallEvents,
  ) {}

  get awaitsClient(): boolean {
    const request = this.#request;
    if (!request || request.socket?.connecting === true) return false;
    return !request.writableFinished && !request.writableNeedDrain;
  }

  send(): void {
    const { req, res } = this.outgoing;
    const context = contextOf(req);
    // Each attempt adds listeners to both. Several listeners are not a leak.
    if (context.exchange) for (const end of [req, res]) end.setMaxListeners(end.getMaxListeners() + LISTENERS);
    context.exchange = this;
    removeCloseListener(this.proxy, req);
    const failed = (error?: unknown): void => this.fail(error ?? new Error('not proxied'));
    // The proxy calls back after a failure or a refusal. In both cases this code must report a failure.
    this.proxy(req, res, failed).catch(failed);
  }

  /** Called when the request has a socket and no byte is written to it yet. */
  attach(request: ClientRequest): void {
    if (this.#ended || this.#request) {
      request.destroy();
      return;
    }
    this.#request = request;
    const { outgoing, events } = this;
    if (outgoing.carriesBody) this.#follow(request);
    this.reused = request.reusedSocket;
    this.#connect(request);
    events.attached();
    // A request without a body is written at once if the socket is open.
    if (this.reused && !outgoing.carriesBody) events.written();
    else request.on('finish', () => this.#ended || events.written());
    request.on('information', () => this.#ended || events.interim());
    // The proxy reports the same error one turn later.
    request.on('error', (error) => this.fail(error));
    // An unexpected `101` ends the request with neither a response nor an error.
    request.on('close', () => this.#isSettled || this.fail(new UpstreamInvalid('closed without a whole answer')));
  }

  #follow(request: ClientRequest): void {
    const { uploaded } = this.events;
    const { req } = this.outgoing;
    // Comes before the end of the pipe, which would end the upstream's request as a whole one.
    req.prependOnceListener('end', () => {
      if (!isCancelled(req)) return;
      request.destroy();
      // The response of a client that left is about to close, which ends the call without a failure.
      setImmediate(() => this.fail(new ClientGone()));
    });
    // The proxy has already piped the request, so this listener does not start the flow.
    if (uploaded) req.on('data', (chunk: Buffer) => uploaded(chunk.length));
    request.on('timeout', () => this.#ended || this.events.silent());
  }

  /** The socket may be new, or another request may have just released it. */
  #connect(request: ClientRequest): void {
    const socket = request.socket as TLSSocket | null;
    // Node marks a socket as reused only if it was idle. A socket from the queue is already connected.
    this.open = this.reused || !socket || connectedSockets.has(socket);
    if (this.open || !socket) return;
    // The pooled socket outlives the call. A closed call leaves nothing but this small listener.
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => {
      connectedSockets.add(socket);
      if (!this.#ended) this.events.connected();
    });
  }

  answer(message: IncomingMessage): void {
    if (this.#ended || this.outgoing.res.headersSent) {
      message.destroy();
      return;
    }
    this.#answer = new ProxyAnswer(message, this);
    this.events.answered(this.#answer);
  }

  /** An error after a complete response, usually from surplus bytes, is not a fault of the response. */
  get #isSettled(): boolean {
    return this.#ended || this.#answer?.complete === true;
  }

  fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#ended = true;
    this.#request?.destroy();
    this.events.failed(error);
  }

  /** The whole response has arrived. A request that has not ended would keep its connection open for ever. */
  finish(): void {
    const request = this.#request;
    const { req, carriesBody } = this.outgoing;
    if (!request || !carriesBody || request.writableEnded) return;
    req.unpipe(request);
    req.resume();
    request.destroy();
  }

  limitSilence(ms: number): void {
    this.#request?.setTimeout(ms);
  }

  abort(): void {
    this.#ended = true;
    this.#request?.destroy();
  }

  /** The response continues without its call. */
  detach(): void {
    this.#ended = true;
  }
}

class ProxyAnswer implements Answer {
  constructor(
    private readonly message: IncomingMessage,
    private readonly call: ProxyCall,
  ) {}

  get statusCode(): number {
    return this.message.statusCode ?? 0;
  }

  get statusMessage(): string | undefined {
    return this.message.statusMessage;
  }

  get rawHeaders(): string[] {
    return this.message.rawHeaders;
  }

  get headers(): IncomingMessage['headers'] {
    return this.message.headers;
  }

  get complete(): boolean {
    return this.message.complete;
  }

  read(reader: AnswerReader): void {
    const { message } = this;
    takeFromProxy(message, (error) => this.call.fail(error));
    message.on('data', (chunk: Buffer) => {
      if (!reader.data(chunk)) message.pause();
    });
    message.on('end', () => {
      reader.end();
      this.call.finish();
    });
  }

  resume(): void {
    this.message.resume();
  }

  detach(): void {
    this.call.detach();
  }

  destroy(): void {
    this.message.destroy();
  }
}

/**
 * Removes the proxy's handling of a failed response. The proxy would destroy the client's response, which must still
 * carry an error or another attempt's response. The proxy adds its listeners in the turn in which the head arrives.
 */
function takeFromProxy(message: IncomingMessage, failed: (error: unknown) => void): void {
  process.nextTick(() => {
    message.removeAllListeners('close');
    message.removeAllListeners('error');
    message.on('error', failed);
  });
}
