/** Sends one request through an upstream: its deadlines and attempts, and exactly one response or failure. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { ownLimitOf } from '../lib/own-limit.js';
import type { Field } from './end-to-end-fields.js';
import { failureOf, UpstreamInvalid, UpstreamTimeout } from './failure.js';
import { endUnread } from '../http/connection-end.js';
import { awaitsBody, isEventStream, onManyInterim, pump, readHead, writeHead } from './response.js';
import { Deadlines, type ExchangeLimits, type Late } from './upstream/deadlines.js';
import { dropAnswer, takeFromProxy } from './upstream/dropped-answer.js';
import type { EndpointLease } from './upstream/member.js';
import { Silence } from './upstream/silence.js';
import { isStale, type Attempts } from './upstream/retries.js';

/** The number of listeners that the proxy adds with each attempt. */
const LISTENERS = 4;

export interface ExchangeParts {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Whether bytes may follow the head of the request. */
  readonly carriesBody: boolean;
  /** The deadline of the response head, over all attempts. */
  readonly timeoutMs: number;
  readonly limits: ExchangeLimits;
  readonly attempts: Attempts;
  /** Sends the request to an endpoint's proxy. `failed` receives an error that occurs before a connection exists. */
  readonly send: (lease: EndpointLease, failed: (error: unknown) => void) => void;
  /** Called when no endpoint responds. `lease` belongs to the last attempt. */
  readonly failed: (error: unknown, lease: EndpointLease | undefined) => void;
  readonly decorate: ((res: ServerResponse) => void) | undefined;
  /** Receives the size of every body chunk, in either direction. */
  readonly moved: ((bytes: number) => void) | undefined;
}

export class Exchange {
  #lease: EndpointLease | undefined;
  #request: ClientRequest | undefined;
  #message: IncomingMessage | undefined;
  #answered = false;
  #settled = false;
  /** Counts the requests passed to the proxy, so that a failure of an earlier attempt is ignored. */
  #sent = 0;
  /** Whether the endpoint of this attempt can have seen the request. */
  #connected = false;
  readonly #deadlines: Deadlines;
  /** Set for a request with a body. */
  #silence: Silence | undefined;

  constructor(private readonly parts: ExchangeParts) {
    this.#deadlines = new Deadlines({
      totalMs: parts.timeoutMs,
      readMs: parts.limits.readMs,
      several: parts.attempts.repeatable,
      late: (what) => this.#late(what),
    });
    parts.res.on('close', () => this.#leave());
  }

  /** Sends the request to an endpoint. */
  start(): void {
    const lease = this.parts.attempts.next();
    this.#lease = lease instanceof Error ? undefined : lease;
    if (lease instanceof Error) this.fail(lease);
    else lease.whenFree(() => this.#hand(lease));
  }

  #hand(lease: EndpointLease): void {
    const number = ++this.#sent;
    this.#connected = false;
    this.parts.send(lease, (error) => number === this.#sent && this.fail(error));
  }

  /** Called when the request has a socket and no byte is written to it yet. */
  attach(request: ClientRequest): void {
    if (this.#settled || this.#request) {
      request.destroy();
      return;
    }
    this.#request = request;
    const { carriesBody } = this.parts;
    if (carriesBody) this.#follow(request);
    if (request.reusedSocket) this.#connected = true;
    else {
      const limit = this.#lease?.endpoint.connectTimeoutMs ?? Infinity;
      this.#deadlines.connecting(request, limit, () => (this.#connected ||= request === this.#request));
    }
    // A request without a body is written at once if the socket is open.
    const written = !carriesBody && request.reusedSocket;
    this.#deadlines.attached(written);
    if (!written) request.on('finish', () => this.#written(request));
    onManyInterim(request, () => this.fail(new UpstreamInvalid('too many interim responses')));
    // The proxy reports the same error one turn later.
    request.on('error', (error) => request === this.#request && this.fail(error));
    // An unexpected `101` ends the request with neither a response nor an error.
    request.on('close', () => {
      if (request === this.#request) this.fail(new UpstreamInvalid('closed without a whole answer'));
    });
  }

  #follow(request: ClientRequest): void {
    const { req, res, moved, limits } = this.parts;
    // The proxy has already piped the request, so this listener does not start the flow.
    if (moved) req.on('data', (chunk: Buffer) => moved(chunk.length));
    const late = (): void => {
      if (request === this.#request) this.fail(new UpstreamTimeout('idle'));
    };
    this.#silence = new Silence({ request, res, answered: () => this.#answered, late });
    this.#silence.limit(limits.writeMs);
  }

  #written(request: ClientRequest): void {
    if (this.#answered || this.#settled || request !== this.#request) return;
    this.#silence?.limit(this.parts.limits.readMs);
    this.#deadlines.written();
  }

  answer(message: IncomingMessage): void {
    const { req, res } = this.parts;
    if (this.#settled || res.headersSent) {
      message.destroy();
      return;
    }
    const fields = readHead(message);
    if (fields instanceof Error) {
      dropAnswer(message);
      this.fail(fields);
      return;
    }
    const awaited = awaitsBody(message, req.method);
    if (this.#repeats(message, awaited)) return;
    this.#message = message;
    const begin = awaited ? (): boolean => this.#begin(message, fields) : undefined;
    if (begin) this.#deadlines.headed();
    else if (!this.#begin(message, fields)) return;
    takeFromProxy(message, (error) => message === this.#message && this.fail(error));
    pump({ message, res, begin, moved: (bytes) => this.#moved(bytes), ended: () => this.#giveBack() });
  }

  /** Whether another attempt replaces this response. */
  #repeats(message: IncomingMessage, awaited: boolean): boolean {
    const status = message.statusCode ?? 0;
    if (awaited) this.#lease?.headed(status);
    else this.#lease?.answered(status);
    const wait = this.#mayRepeat({ status, unsent: false });
    if (wait === undefined) return false;
    this.#lease?.answered(status);
    this.#request = undefined;
    dropAnswer(message);
    this.#repeat(wait);
    return true;
  }

  #begin(message: IncomingMessage, fields: readonly Field[]): boolean {
    const { res, decorate, limits } = this.parts;
    if (this.#settled || message !== this.#message || res.headersSent) return false;
    this.#answered = true;
    this.#lease?.answered(message.statusCode ?? 0);
    try {
      writeHead(res, { message, fields, decorate });
    } catch (error) {
      this.#message = undefined;
      dropAnswer(message);
      this.fail(new UpstreamInvalid('response head', { cause: error }));
      return false;
    }
    const streams = isEventStream(message);
    const silenceMs = streams ? limits.silenceMs : limits.readMs;
    this.#deadlines.answered(this.#silence ? 0 : silenceMs);
    this.#silence?.limit(silenceMs);
    // The head of a stream must not wait for the first event.
    if (streams || message.headers['content-length'] === undefined) res.flushHeaders();
    return true;
  }

  #moved(bytes: number): void {
    this.#deadlines.moved();
    this.parts.moved?.(bytes);
  }

  fail(thrown: unknown): void {
    // An error after a complete response, usually from surplus bytes, is not a fault of the response.
    if (this.#settled || this.#message?.complete === true) return;
    const error = ownLimitOf(thrown) ?? thrown;
    const lease = this.#lease;
    const { req, res, failed, attempts } = this.parts;
    if (lease && !this.#message && isStale(req, this.#request, error) && attempts.resend()) {
      this.#request = undefined;
      this.#hand(lease);
      return;
    }
    const clientLeft = res.destroyed || req.socket.destroyed;
    // A timeout in the queue for a connection says nothing about the endpoint. A connection failure counts.
    const blameless = clientLeft || (error instanceof UpstreamTimeout && !this.#request);
    if (!blameless) lease?.failed(error);
    const wait = blameless ? undefined : this.#mayRepeat({ status: failureOf(error).status, unsent: !this.#connected });
    if (wait !== undefined) {
      const request = this.#request;
      this.#request = undefined;
      this.#message = undefined;
      request?.destroy();
      this.#repeat(wait);
      return;
    }
    this.#finish();
    this.#request?.destroy();
    if (clientLeft) return;
    if (!res.headersSent) endUnread(req, res);
    failed(error, lease);
  }

  #mayRepeat(failed: { readonly status: number; readonly unsent: boolean }): number | undefined {
    const { attempts, res } = this.parts;
    if (!this.#lease || this.#answered || !attempts.repeatable || res.headersSent) return undefined;
    return attempts.again(this.#lease.member, failed);
  }

  #repeat(waitMs: number): void {
    const { req, res } = this.parts;
    this.#lease?.release();
    this.#lease = undefined;
    this.#sent++;
    // Each attempt adds listeners to both. Several listeners are not a leak.
    for (const end of [req, res]) end.setMaxListeners(end.getMaxListeners() + LISTENERS);
    this.#deadlines.again(waitMs, () => this.start());
  }

  #late(what: Late): void {
    // A slow client causes this silence, so the upstream is not late.
    if (what === 'idle' && this.parts.res.writableNeedDrain) this.#deadlines.moved();
    else this.fail(new UpstreamTimeout(what));
  }

  /** With HTTP/2 the proxy cannot detect the end: a cancelled response counts as finished. */
  #leave(): void {
    this.#finish();
    if (this.#message?.complete !== true) this.#request?.destroy();
  }

  #finish(): void {
    this.#settled = true;
    this.#deadlines.clear();
    this.#giveBack();
  }

  /** The endpoint has finished. The client may still read, or wait for an earlier response. */
  #giveBack(): void {
    this.#lease?.release();
    this.parts.attempts.end();
  }
}
