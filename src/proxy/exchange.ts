/** Sends one request through an upstream: its deadlines and attempts, and exactly one response or failure. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ownLimitOf } from '../lib/own-limit.js';
import { dropAnswer } from './dropped-answer.js';
import type { Field } from './end-to-end-fields.js';
import type { Answer, Call, CallEvents } from './engine.js';
import { failureOf, UpstreamInvalid, UpstreamTimeout } from './failure.js';
import { endUnread } from '../http/connection-end.js';
import { awaitsBody, isEventStream, Pump, readHead, writeHead, type PumpOwner } from './response.js';
import { Deadlines, type DeadlinesOwner, type ExchangeLimits, type Late } from './upstream/deadlines.js';
import type { EndpointLease } from './upstream/member.js';
import { Silence } from './upstream/silence.js';
import { isStale, type Attempts } from './upstream/retries.js';

/** An upstream that sends only `1xx` responses gives no final response. */
const MOST_INTERIM = 32;

export interface ExchangeParts {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Whether bytes may follow the head of the request. */
  readonly carriesBody: boolean;
  /** The deadline of the response head, over all attempts. */
  readonly timeoutMs: number;
  readonly limits: ExchangeLimits;
  readonly attempts: Attempts;
  /** Prepares one attempt at the endpoint of the lease. */
  call(lease: EndpointLease, events: CallEvents): Call;
  /** Called when no endpoint responds. `lease` belongs to the last attempt. */
  failed(error: unknown, lease: EndpointLease | undefined): void;
  readonly decorate?: ((res: ServerResponse) => void) | undefined;
  /** Receives the size of every body chunk, in either direction. */
  readonly moved?: ((bytes: number) => void) | undefined;
}

export class Exchange implements CallEvents, PumpOwner, DeadlinesOwner {
  readonly uploaded: CallEvents['uploaded'];
  #lease: EndpointLease | undefined;
  /** The call of this attempt. */
  #call: Call | undefined;
  /** Whether the call has a connection, or waits for one that is being opened. */
  #attached = false;
  /** Whether the endpoint of this attempt can have seen the request. */
  #connected = false;
  #interim = 0;
  #answer: Answer | undefined;
  #answered = false;
  #settled = false;
  readonly #deadlines: Deadlines;
  /** Set for a request with a body. */
  #silence: Silence | undefined;

  constructor(private readonly parts: ExchangeParts) {
    this.uploaded = parts.moved;
    const { timeoutMs: totalMs, limits, attempts } = parts;
    this.#deadlines = new Deadlines({ totalMs, readMs: limits.readMs, several: attempts.repeatable, owner: this });
    parts.res.on('close', () => this.#leave());
  }

  /** Sends the request to an endpoint. */
  start(): void {
    const lease = this.parts.attempts.next();
    this.#lease = lease instanceof Error ? undefined : lease;
    if (lease instanceof Error) this.failed(lease);
    else lease.whenFree(() => this.#hand(lease));
  }

  #hand(lease: EndpointLease): void {
    if (lease.member.isLeaving) {
      // The name lost this address while the request waited for a connection.
      lease.release();
      return this.start();
    }
    this.#attached = this.#connected = false;
    this.#interim = 0;
    this.#call = this.parts.call(lease, this);
    this.#call.send();
  }

  attached(): void {
    const call = this.#call as Call;
    this.#attached = true;
    if (this.parts.carriesBody) this.#follow(call);
    this.#connected = call.open;
    if (!call.open) this.#deadlines.connecting(this.#lease?.endpoint.connectTimeoutMs ?? Infinity);
    this.#deadlines.attached();
  }

  connected(): void {
    this.#connected = true;
    this.#deadlines.connected();
  }

  #follow(call: Call): void {
    const { res, limits } = this.parts;
    const late = (): void => this.failed(new UpstreamTimeout('idle'));
    this.#silence = new Silence({ call, res, answered: () => this.#answered, late });
    this.#silence.limit(limits.writeMs);
  }

  silent(): void {
    this.#silence?.expired();
  }

  written(): void {
    if (this.#answered || this.#settled) return;
    this.#silence?.limit(this.parts.limits.readMs);
    this.#deadlines.written();
  }

  interim(): void {
    if (++this.#interim > MOST_INTERIM) this.failed(new UpstreamInvalid('too many interim responses'));
  }

  answered(answer: Answer): void {
    const { req, res } = this.parts;
    const fields = readHead(answer);
    if (fields instanceof Error) {
      dropAnswer(answer);
      this.failed(fields);
      return;
    }
    const awaited = awaitsBody(answer, req.method);
    if (this.#repeats(answer, awaited)) return;
    this.#answer = answer;
    if (awaited) this.#deadlines.headed();
    else if (!this.begin(answer, fields)) return;
    answer.read(new Pump({ answer, res, fields, owner: this }, !awaited));
  }

  /** Whether another attempt replaces this response. */
  #repeats(answer: Answer, awaited: boolean): boolean {
    const status = answer.statusCode ?? 0;
    if (awaited) this.#lease?.headed(status);
    else this.#lease?.answered(status);
    const wait = this.#mayRepeat({ status, unsent: false });
    if (wait === undefined) return false;
    this.#lease?.answered(status);
    dropAnswer(answer);
    this.#repeat(wait);
    return true;
  }

  begin(answer: Answer, fields: readonly Field[]): boolean {
    const { res, decorate, limits } = this.parts;
    if (this.#settled || answer !== this.#answer || res.headersSent) return false;
    this.#answered = true;
    this.#lease?.answered(answer.statusCode ?? 0);
    try {
      writeHead(res, { head: answer, fields, decorate });
    } catch (error) {
      this.#answer = undefined;
      dropAnswer(answer);
      this.failed(new UpstreamInvalid('response head', { cause: error }));
      return false;
    }
    const streams = isEventStream(answer);
    const silenceMs = streams ? limits.silenceMs : limits.readMs;
    this.#deadlines.answered(this.#silence ? 0 : silenceMs);
    this.#silence?.limit(silenceMs);
    // The head of a stream must not wait for the first event.
    if (streams || answer.headers['content-length'] === undefined) res.flushHeaders();
    return true;
  }

  moved(bytes: number): void {
    this.#deadlines.moved();
    this.parts.moved?.(bytes);
  }

  failed(thrown: unknown): void {
    // An error after a complete response, usually from surplus bytes, is not a fault of the response.
    if (this.#settled || this.#answer?.complete === true) return;
    const error = ownLimitOf(thrown) ?? thrown;
    const lease = this.#lease;
    const call = this.#call;
    const { req, res, attempts } = this.parts;
    if (lease && call && !this.#answer && isStale(req, call, error) && attempts.resend()) {
      this.#hand(lease);
      return;
    }
    const clientLeft = res.destroyed || req.socket.destroyed;
    // A timeout in the queue for a connection says nothing about the endpoint. A connection failure counts.
    const blameless = clientLeft || (error instanceof UpstreamTimeout && !this.#attached);
    if (!blameless) lease?.failed(error);
    const wait = blameless ? undefined : this.#mayRepeat({ status: failureOf(error).status, unsent: !this.#connected });
    call?.abort();
    if (wait !== undefined) {
      this.#answer = undefined;
      this.#repeat(wait);
      return;
    }
    this.#finish();
    if (clientLeft) return;
    if (!res.headersSent) endUnread(req, res);
    this.parts.failed(error, lease);
  }

  #mayRepeat(failed: { readonly status: number; readonly unsent: boolean }): number | undefined {
    const { attempts, res } = this.parts;
    if (!this.#lease || this.#answered || !attempts.repeatable || res.headersSent) return undefined;
    return attempts.again(this.#lease.member, failed);
  }

  #repeat(waitMs: number): void {
    this.#lease?.release();
    this.#lease = undefined;
    this.#call = undefined;
    this.#attached = false;
    this.#deadlines.again(waitMs, () => this.start());
  }

  late(what: Late): void {
    // A slow client causes this silence, so the upstream is not late.
    if (what === 'idle' && this.parts.res.writableNeedDrain) this.#deadlines.moved();
    else this.failed(new UpstreamTimeout(what));
  }

  /** With HTTP/2 http-proxy-middleware cannot detect the end: a cancelled response counts as finished. */
  #leave(): void {
    this.#finish();
    if (this.#answer?.complete !== true) this.#call?.abort();
  }

  #finish(): void {
    this.#settled = true;
    this.#deadlines.clear();
    this.ended();
  }

  /** The endpoint has finished. The client may still read, or wait for an earlier response. */
  ended(): void {
    this.#lease?.release();
    this.parts.attempts.end();
  }
}
