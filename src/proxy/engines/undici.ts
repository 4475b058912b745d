/** The engine on undici: its parser and writer, one client per connection, and no streams. */
import type { PlannedUpstream } from '../../config/plan-types.js';
import { hostOf } from '../../lib/address.js';
import type { Endpoint } from '../endpoints.js';
import type { Call, CallEvents, Engine, Outgoing } from '../engine.js';
import { ClientGone, UpstreamInvalid } from '../failure.js';
import { UndiciAnswer } from './undici-answer.js';
import { RequestBody } from './undici-body.js';
import { Connections, type Connection, type Controller, type DispatchOptions } from './undici-connections.js';
import type { Handler, Holder } from './undici-connections.js';
import { translated } from './undici-errors.js';
import { fieldsOf } from './undici-fields.js';

export function createUndiciEngine(endpoint: Endpoint, planned: PlannedUpstream): Engine {
  const connections = new Connections(endpoint, planned);
  // undici would take the name from `Host`, and would open a new connection for each other name.
  const servername = hostOf(endpoint.url);
  return {
    call: (outgoing, events) => new UndiciCall({ connections, servername, outgoing, events }),
    close: () => connections.close(),
  };
}

/** Methods after which undici keeps a connection if the request had a body. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

interface UndiciCallParts {
  readonly connections: Connections;
  readonly servername: string;
  readonly outgoing: Outgoing;
  readonly events: CallEvents;
}

class UndiciCall implements Call, Holder, Handler {
  reused = false;
  open = false;
  #attached = false;
  /** Whether undici may have written a byte of the request. */
  #started = false;
  #sent = false;
  #ended = false;
  /** Whether the call has asked for a new connection. */
  #fresh = false;
  #connection: Connection | undefined;
  #answer: UndiciAnswer | undefined;
  readonly #body: RequestBody | undefined;

  constructor(private readonly parts: UndiciCallParts) {
    const { outgoing, events } = parts;
    if (!outgoing.carriesBody) return;
    // The response of a client that left is about to close, which ends the call without a failure.
    const broken = (): void => void setImmediate(() => this.#fail(new ClientGone()));
    this.#body = new RequestBody({ req: outgoing.req, uploaded: events.uploaded, broken });
  }

  get awaitsClient(): boolean {
    return this.#started && !this.#sent && this.#body?.paused === false;
  }

  send(): void {
    this.#dispatch(this.parts.connections.take());
  }

  #dispatch(connection: Connection): void {
    this.#connection = connection;
    connection.holder = this;
    connection.client.dispatch(this.#options(), this);
  }

  #options(): DispatchOptions & { readonly servername: string } {
    const { servername, outgoing } = this.parts;
    const { method = 'GET', url = '/' } = outgoing.req;
    return {
      servername,
      method,
      path: url,
      headers: fieldsOf(outgoing),
      body: this.#body as DispatchOptions['body'],
      // undici closes the connection after such a request. `Connection: close` announces this to the upstream.
      ...(outgoing.carriesBody && !WITH_BODY.has(method) && { reset: true }),
    };
  }

  opening(): void {
    if (this.#attached || this.#ended) return;
    this.#attached = true;
    this.parts.events.attached();
  }

  opened(): void {
    if (!this.#ended) this.parts.events.connected();
  }

  silent(): void {
    if (!this.#ended) this.parts.events.silent();
  }

  onRequestStart(controller: Controller): void {
    if (this.#ended) {
      controller.abort(new ClientGone());
      return;
    }
    this.#started = true;
    if (this.#attached) return;
    this.#attached = this.open = this.reused = true;
    this.parts.events.attached();
  }

  onRequestSent(): void {
    const socket = this.#connection?.socket;
    const sent = (): void => {
      this.#sent = true;
      if (!this.#ended) this.parts.events.written();
    };
    if (socket?.writableNeedDrain === true) socket.once('drain', sent);
    else sent();
  }

  onResponseStart(controller: Controller, status: number, _headers: unknown, reason?: string): void {
    if (this.#ended) return;
    if (status < 100) this.#fail(new UpstreamInvalid('status'));
    else if (status < 200) this.parts.events.interim();
    else this.#answered(controller, { status, reason });
  }

  #answered(controller: Controller, { status, reason }: { status: number; reason: string | undefined }): void {
    this.#answer = new UndiciAnswer({ controller, status, reason, call: this });
    this.parts.events.answered(this.#answer);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#answer?.data(chunk);
  }

  onResponseEnd(): void {
    const { connections } = this.parts;
    const connection = this.#connection;
    // undici takes a reset for the end of a body that has neither a length nor chunks.
    const reset = connection?.socket?.errored;
    if (reset) {
      this.#fail(reset);
      this.close();
      return;
    }
    this.#ended = true;
    this.#connection = undefined;
    if (connection) {
      if (this.#body) connection.socket?.setTimeout(0);
      // The upstream has answered before the end of the request. undici still reads the end of the response.
      if (!this.#sent) setImmediate(() => connections.discard(connection));
      else connections.giveBack(connection);
    }
    this.#answer?.end();
    // The rest of the body is discarded, so that the client can use its connection again.
    if (!this.#sent) this.#drain();
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.#ended) {
      this.close();
      return;
    }
    if (!this.#attached && !this.#fresh && this.#connection) {
      // The idle connection has closed before a byte of the request was written.
      const { connections } = this.parts;
      connections.discard(this.#connection);
      this.#fresh = true;
      this.#dispatch(connections.create());
      return;
    }
    // undici reports a reset after `Connection: close` as a short body.
    this.#fail(translated(this.#connection?.socket?.errored ?? error, this.#answer));
  }

  #drain(): void {
    this.#body?.stop();
    this.parts.outgoing.req.resume();
  }

  #fail(error: unknown): void {
    if (this.#ended || this.#answer?.complete === true) return;
    this.abort();
    this.parts.events.failed(error);
  }

  limitSilence(ms: number): void {
    this.#connection?.socket?.setTimeout(ms);
  }

  abort(): void {
    this.#ended = true;
    this.close();
  }

  detach(): void {
    this.#ended = true;
  }

  /** Closes the connection of an incomplete call. */
  close(): void {
    this.#body?.stop();
    if (this.#connection) this.parts.connections.discard(this.#connection);
    this.#connection = undefined;
  }
}
