/** One request on its way through an upstream: its deadlines, its answer or its failure, exactly once. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { endToEndFields, reasonPhrase } from './end-to-end.js';
import { codeOf, UpstreamInvalid, UpstreamTimeout } from './failure.js';
import { hasBody } from '../lib/request-body.js';
import { endConnection } from './last-answer.js';

/** An upstream that answers nothing but `1xx` is not answering. */
const MAX_INFORMATION = 32;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface ExchangeParts {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Hands the request to the proxy; once more after a pooled socket turned out to be closed. */
  readonly send: () => void;
  readonly failed: (error: unknown) => void;
  readonly decorate?: (res: ServerResponse) => void;
  /** Told of every piece of a body, in either direction. */
  readonly moved?: (bytes: number) => void;
}

export class Exchange {
  #request: ClientRequest | undefined;
  #message: IncomingMessage | undefined;
  #answered = false;
  #settled = false;
  #again = false;
  readonly #head: NodeJS.Timeout;
  /** Whether the deadline of the response head counts at this moment. */
  #waiting = true;
  #connect: NodeJS.Timeout | undefined;

  constructor(private readonly parts: ExchangeParts) {
    // Before a socket is free and after the request is written; in between only idleness counts, uploads have no total.
    this.#head = setTimeout(() => this.#waiting && this.fail(new UpstreamTimeout('response head')), parts.timeoutMs);
    parts.res.once('close', () => this.#leave());
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** A socket is there and nothing has been written to it yet. */
  attach(request: ClientRequest): void {
    if (this.#settled) {
      request.destroy();
      return;
    }
    this.#request = request;
    // The proxy has joined the two by now, so that listening starts no flow.
    if (hasBody(this.parts.req)) this.#count(this.parts.req);
    this.#waiting = false;
    if (!request.reusedSocket) this.#armConnect(request);
    request.setTimeout(this.parts.timeoutMs);
    request.on('timeout', () => this.#idle(request));
    request.once('finish', () => {
      if (!this.#answered && !this.#settled && request === this.#request) this.#armHead();
    });
    let information = 0;
    request.on('information', () => {
      if (++information > MAX_INFORMATION) this.fail(new UpstreamInvalid('too many interim responses'));
    });
    // A `101` that nobody asked for ends the request with neither a response nor an error.
    request.once('close', () => {
      if (request === this.#request && !this.#answered) this.fail(new UpstreamInvalid('closed without an answer'));
    });
  }

  answer(message: IncomingMessage): void {
    const { res, decorate } = this.parts;
    if (this.#settled || res.headersSent) {
      message.destroy();
      return;
    }
    this.#answered = true;
    this.#message = message;
    clearTimeout(this.#head);
    clearTimeout(this.#connect);
    try {
      const fields = endToEndFields(message);
      const status = message.statusCode ?? 0;
      if (status < 200) throw new UpstreamInvalid('status');
      for (const [name, values] of fields) setField(res, name, values);
      decorate?.(res);
      const reason = reasonPhrase(message);
      if (reason === undefined) res.writeHead(status);
      else res.writeHead(status, reason);
    } catch (error) {
      message.destroy();
      this.fail(error instanceof UpstreamInvalid ? error : new UpstreamInvalid('response head', { cause: error }));
      return;
    }
    const streams = /^text\/event-stream\b/i.test(message.headers['content-type'] ?? '');
    if (streams) this.#request?.setTimeout(0);
    // A stream's head must not wait for its first event.
    if (streams || message.headers['content-length'] === undefined) res.flushHeaders();
    message.pipe(res);
    this.#count(message);
  }

  #count(body: IncomingMessage): void {
    const { moved } = this.parts;
    if (moved) body.on('data', (chunk: Buffer) => moved(chunk.length));
  }

  fail(error: unknown): void {
    // What comes after a whole answer, surplus bytes as a rule, is no fault of the answer.
    if (this.#settled || this.#message?.complete === true) return;
    if (this.#stale(error)) {
      this.#again = true;
      this.#request = undefined;
      this.parts.send();
      return;
    }
    const { req, res, failed } = this.parts;
    this.#finish();
    this.#request?.destroy();
    if (res.destroyed || req.socket.destroyed) return;
    if (!res.headersSent && !req.complete) {
      // What is left of the body belongs to nobody: it is read off, and the connection is not used again.
      endConnection(res);
      req.unpipe();
      req.resume();
    }
    failed(error);
  }

  /** A pooled socket that the upstream had closed already: a bodiless safe request has not been seen by anyone. */
  #stale(error: unknown): boolean {
    const { req } = this.parts;
    return (
      !this.#again &&
      !this.#answered &&
      !hasBody(req) &&
      SAFE.has(req.method ?? '') &&
      this.#request?.reusedSocket === true &&
      ['ECONNRESET', 'EPIPE'].includes(codeOf(error)) &&
      !req.socket.destroyed
    );
  }

  #idle(request: ClientRequest): void {
    if (this.#settled || request !== this.#request) return;
    const { res, timeoutMs } = this.parts;
    // Whoever keeps the bytes waiting is late. A slow client is the listener's to judge, not the upstream's fault.
    const clientIsLate = this.#answered
      ? res.writableNeedDrain
      : !request.writableFinished && !request.writableNeedDrain && request.socket?.connecting !== true;
    if (clientIsLate) request.setTimeout(timeoutMs);
    else this.fail(new UpstreamTimeout('idle'));
  }

  #armHead(): void {
    this.#waiting = true;
    this.#head.refresh();
  }

  #armConnect(request: ClientRequest): void {
    const socket = request.socket as TLSSocket | null;
    if (!socket) return;
    const limit = Math.min(this.parts.connectTimeoutMs, this.parts.timeoutMs);
    this.#connect = setTimeout(() => this.fail(new UpstreamTimeout('connect')), limit);
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => clearTimeout(this.#connect));
  }

  /** The client has its answer, or is gone. The proxy cannot tell over HTTP/2, where a cancelled answer counts as finished. */
  #leave(): void {
    this.#finish();
    if (this.#message?.complete !== true) this.#request?.destroy();
  }

  #finish(): void {
    this.#settled = true;
    clearTimeout(this.#head);
    clearTimeout(this.#connect);
  }
}

/** Fields that several hands may set are joined; of all others the upstream's stands. */
function setField(res: ServerResponse, name: string, values: readonly string[]): void {
  const key = name.toLowerCase();
  if (res.hasHeader(name) && (key === 'set-cookie' || key === 'vary')) res.appendHeader(name, values);
  else res.setHeader(name, values.length === 1 ? (values[0] as string) : values);
}
