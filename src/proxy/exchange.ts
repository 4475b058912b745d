/** One request on its way through an upstream: its deadlines, its attempts, its answer or its failure, exactly once. */
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

/** Listeners that the proxy adds with each attempt. */
const LISTENERS = 4;

export interface ExchangeParts {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Whether bytes may follow the head of the request. */
  readonly carriesBody: boolean;
  /** To the response head, over all attempts. */
  readonly timeoutMs: number;
  readonly limits: ExchangeLimits;
  readonly attempts: Attempts;
  /** Hands the request to the proxy of an endpoint; `failed` is told what went wrong before there was a connection. */
  readonly send: (lease: EndpointLease, failed: (error: unknown) => void) => void;
  /** Nobody answers; `lease` is where it was tried last. */
  readonly failed: (error: unknown, lease: EndpointLease | undefined) => void;
  readonly decorate: ((res: ServerResponse) => void) | undefined;
  /** Told of every piece of a body, in either direction. */
  readonly moved: ((bytes: number) => void) | undefined;
}

export class Exchange {
  #lease: EndpointLease | undefined;
  #request: ClientRequest | undefined;
  #message: IncomingMessage | undefined;
  #answered = false;
  #settled = false;
  /** Counts what was handed to the proxy: a failure of an earlier one is old news. */
  #sent = 0;
  /** Whether the endpoint of this attempt can have seen the request. */
  #connected = false;
  readonly #deadlines: Deadlines;
  /** Of a request with a body. */
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

  /** Sends it to an endpoint. */
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

  /** A socket is there and nothing has been written to it yet. */
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
    // Without a body all is written at once where the socket is open.
    const written = !carriesBody && request.reusedSocket;
    this.#deadlines.attached(written);
    if (!written) request.on('finish', () => this.#written(request));
    onManyInterim(request, () => this.fail(new UpstreamInvalid('too many interim responses')));
    // Before the proxy's own word of it, which comes a turn later.
    request.on('error', (error) => request === this.#request && this.fail(error));
    // A `101` that nobody asked for ends the request with neither a response nor an error.
    request.on('close', () => {
      if (request === this.#request) this.fail(new UpstreamInvalid('closed without a whole answer'));
    });
  }

  #follow(request: ClientRequest): void {
    const { req, res, moved, limits } = this.parts;
    // The proxy has joined the two by now, so that listening starts no flow.
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

  /** Whether another attempt takes the place of this answer. */
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
    // A stream's head must not wait for its first event.
    if (streams || message.headers['content-length'] === undefined) res.flushHeaders();
    return true;
  }

  #moved(bytes: number): void {
    this.#deadlines.moved();
    this.parts.moved?.(bytes);
  }

  fail(thrown: unknown): void {
    // What comes after a whole answer, surplus bytes as a rule, is no fault of the answer.
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
    // One that waited in vain for a free connection says nothing of the endpoint; one that failed before it had any does.
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
    // Each attempt listens to both; several are not a leak.
    for (const end of [req, res]) end.setMaxListeners(end.getMaxListeners() + LISTENERS);
    this.#deadlines.again(waitMs, () => this.start());
  }

  #late(what: Late): void {
    // Whoever keeps the bytes waiting is late: here, a slow client.
    if (what === 'idle' && this.parts.res.writableNeedDrain) this.#deadlines.moved();
    else this.fail(new UpstreamTimeout(what));
  }

  /** Over HTTP/2 the proxy cannot tell: there a cancelled answer counts as finished. */
  #leave(): void {
    this.#finish();
    if (this.#message?.complete !== true) this.#request?.destroy();
  }

  #finish(): void {
    this.#settled = true;
    this.#deadlines.clear();
    this.#giveBack();
  }

  /** The endpoint has done its part. The client may still read, or wait for an earlier response. */
  #giveBack(): void {
    this.#lease?.release();
    this.parts.attempts.end();
  }
}
