/** One request on its way through an upstream: its deadlines, its answer or its failure, exactly once. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { endToEndFields, reasonPhrase } from './end-to-end.js';
import { hasBody } from '../lib/request-body.js';
import { codeOf, UpstreamInvalid, UpstreamTimeout } from './failure.js';
import { isHttp2 } from './http-version.js';
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
  readonly decorate: ((res: ServerResponse) => void) | undefined;
  /** Told of every piece of a body, in either direction. */
  readonly moved: ((bytes: number) => void) | undefined;
}

export class Exchange {
  #request: ClientRequest | undefined;
  #message: IncomingMessage | undefined;
  #answered = false;
  #settled = false;
  #again = false;
  /** Whether bytes may follow the head of the request. */
  readonly carriesBody: boolean;
  readonly #deadline: NodeJS.Timeout;
  /** Whether the deadline of the response head counts at this moment. */
  #waiting = true;
  #connect: NodeJS.Timeout | undefined;

  constructor(readonly parts: ExchangeParts) {
    this.carriesBody = hasBody(parts.req) || isHttp2(parts.req);
    // Before a socket is free and after the request is written; in between only idleness counts, uploads have no total.
    this.#deadline = setTimeout(() => this.#late(), parts.timeoutMs);
    parts.res.on('close', () => this.#finish());
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
    if (this.carriesBody) this.#follow(request);
    if (!request.reusedSocket) this.#armConnect(request);
    // Without a body all is written at once where the socket is open.
    if (!this.carriesBody && request.reusedSocket) this.#deadline.refresh();
    else {
      this.#waiting = false;
      request.on('finish', () => {
        if (!this.#answered && !this.#settled && request === this.#request) this.#armHead();
      });
    }
    let information = 0;
    request.on('information', () => {
      if (++information > MAX_INFORMATION) this.fail(new UpstreamInvalid('too many interim responses'));
    });
    // A `101` that nobody asked for ends the request with neither a response nor an error.
    request.on('close', () => {
      if (request === this.#request && !this.#answered) this.fail(new UpstreamInvalid('closed without an answer'));
    });
  }

  /** Bytes go both ways, so that only the socket knows when none did. */
  #follow(request: ClientRequest): void {
    // The proxy has joined the two by now, so that listening starts no flow.
    const { req, moved, timeoutMs } = this.parts;
    if (moved) req.on('data', (chunk: Buffer) => moved(chunk.length));
    request.setTimeout(timeoutMs);
    request.on('timeout', () => this.#idle(request));
  }

  answer(message: IncomingMessage): void {
    const { res, decorate } = this.parts;
    if (this.#settled || res.headersSent) {
      message.destroy();
      return;
    }
    this.#answered = true;
    this.#message = message;
    clearTimeout(this.#connect);
    if (this.carriesBody) clearTimeout(this.#deadline);
    else this.#deadline.refresh();
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
    if (streams) this.#endless();
    // A stream's head must not wait for its first event.
    if (streams || message.headers['content-length'] === undefined) res.flushHeaders();
    this.#pump(message, !streams && !this.carriesBody);
  }

  /** No event for a day is no fault of a stream. */
  #endless(): void {
    if (this.carriesBody) this.#request?.setTimeout(0);
    else clearTimeout(this.#deadline);
  }

  /** What `pipe` does, with a third of its listeners; a client that left ends the message by way of the proxy. */
  #pump(message: IncomingMessage, timed: boolean): void {
    const { res, moved } = this.parts;
    message.on('data', (chunk: Buffer) => {
      moved?.(chunk.length);
      if (res.destroyed) return;
      if (timed) this.#deadline.refresh();
      if (res.write(chunk)) return;
      message.pause();
      res.once('drain', () => message.resume());
    });
    message.on('end', () => res.end());
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

  /** The deadline of the head, then, where no body went out, that between two pieces of the answer. */
  #late(): void {
    if (this.#settled) return;
    if (!this.#answered) {
      if (this.#waiting) this.fail(new UpstreamTimeout('response head'));
    } else if (this.parts.res.writableNeedDrain) this.#deadline.refresh();
    else this.fail(new UpstreamTimeout('idle'));
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
    this.#deadline.refresh();
  }

  #armConnect(request: ClientRequest): void {
    const socket = request.socket as TLSSocket | null;
    if (!socket) return;
    const limit = Math.min(this.parts.connectTimeoutMs, this.parts.timeoutMs);
    this.#connect = setTimeout(() => this.fail(new UpstreamTimeout('connect')), limit);
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => clearTimeout(this.#connect));
  }

  #finish(): void {
    this.#settled = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#connect);
  }
}

/** Fields that several hands may set are joined; of all others the upstream's stands. */
function setField(res: ServerResponse, name: string, values: readonly string[]): void {
  const key = name.toLowerCase();
  if (res.hasHeader(name) && (key === 'set-cookie' || key === 'vary')) res.appendHeader(name, values);
  else res.setHeader(name, values.length === 1 ? (values[0] as string) : values);
}
