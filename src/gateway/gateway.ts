/** Takes each request and upgrade through admission to its upstream, to the host's next handler, or to a denial. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Decision } from '../auth/decision.js';
import { expiryOf } from '../auth/identity.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { setAnswered } from '../http/answered.js';
import { admit, type Admission, type Admitted, type AdmitOptions } from '../admission/admit.js';
import { answerDenial, decoration, denialOn, responseHeadersOf, type AnswerTerms } from './answers.js';
import { answerPreflight, shareAnswer } from '../admission/cors.js';
import { decisionOf } from '../admission/decision.js';
import { writePendingContinue } from '../http/expect-continue.js';
import { isBodyConsumed } from '../http/request-body.js';
import { comesTooLate } from '../http/connection-end.js';
import type { Gate, Guard } from '../admission/policy.js';
import { prepareLocal, prepareOutbound } from '../admission/outbound.js';
import { isOver, type Answerable, type Exchange, type Judging } from './pending.js';
import type { Denial } from '../admission/denial.js';
import { checkUpgrade, forwardUpgrade, type LiveSockets } from '../proxy/upgrade.js';
import type { Upstream } from '../proxy/upstream.js';

export type Next = (error?: unknown) => void;

/** What a host's own `upgrade` listeners get, once the socket is admitted. */
export type Handover = (req: IncomingMessage, socket: Duplex, head: Buffer, admitted: Admitted) => void;

/** What comes with an upgrade besides its request and its socket. */
export interface UpgradeRest {
  readonly head: Buffer;
  readonly handOver?: Handover;
}

export interface GatewayDeps {
  readonly gate: Gate;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly liveSockets: LiveSockets;
  /** Told of every request and upgrade, once, before it is answered or goes on. */
  readonly decided?: (req: IncomingMessage, decision: Decision) => void;
}

type ToUpstream = Admitted & { readonly route: PlannedRoute & { readonly upstream: string } };

export class Gateway {
  /** Requests and upgrades whose verdict is not there yet. */
  #judging = 0;
  #idle: (() => void)[] = [];
  readonly #terms: AnswerTerms;

  constructor(private readonly deps: GatewayDeps) {
    this.#terms = { log: deps.gate.deps.log, cors: deps.gate.cors };
  }

  /** Resolves when nobody is judged by this gateway; at once where that is now. */
  drained(): Promise<void> {
    return this.#judging === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #judged(): void {
    this.#judging -= 1;
    if (this.#judging > 0) return;
    for (const idle of this.#idle.splice(0)) idle();
  }

  /** Never throws and never rejects: what goes wrong is answered 500. `next` is called at most once, without an error. */
  request(req: IncomingMessage, res: ServerResponse, next: Next): void {
    this.#run({ req, res }, {}, (admitted) => {
      if (hasUpstream(admitted)) this.#forward(req, res, admitted);
      else this.#pass(req, res, admitted, next);
    });
  }

  /** A guard of the host's own code, whatever the file says of the path. */
  guard(
    req: IncomingMessage,
    res: ServerResponse,
    { guard, next }: { readonly guard: Guard; readonly next: Next },
  ): void {
    this.#run({ req, res }, { guard }, (admitted) => this.#pass(req, res, admitted, next));
  }

  /** As `guard`, for a host that answers by itself: it is told of a refusal, which is in the log already. */
  judge({ req, res }: Answerable, { guard, admitted, refuse }: Judging): void {
    this.#run({ req, res, refuse }, { guard }, (each) => {
      decoration(each)(res);
      writePendingContinue(req);
      admitted(each);
    });
  }

  upgrade(req: IncomingMessage, socket: Duplex, { head, handOver }: UpgradeRest): void {
    // Node hands the socket over without a listener: a reset while we judge would end the process.
    endOnError(socket);
    const refusal = checkUpgrade(req);
    if (refusal) {
      this.deps.gate.clients.find(req);
      const { status, code } = refusal;
      const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
      this.#refuse({ req, socket }, { status, code, ...(status === 426 && { headers }) });
      return;
    }
    this.#run({ req, socket }, { upgrade: true }, (admitted) => {
      if (hasUpstream(admitted)) this.#forwardUpgrade(req, socket, { head, admitted });
      else if (handOver) {
        prepareLocal(req, admitted);
        // What the host's listener makes of it, nobody here sees.
        setAnswered(req, 101);
        this.#handOver(() => handOver(req, socket, head, admitted), socket);
      } else this.#deny({ req, socket }, { status: 404, code: 'no_route' });
    });
  }

  /** From here on the socket speaks the host's protocol: an answer of ours would be bytes in the middle of it. */
  #handOver(act: () => void, socket: Duplex): void {
    try {
      act();
    } catch (error) {
      this.deps.gate.deps.log.error({ err: error }, 'an upgrade listener of the host failed');
      socket.destroy();
    }
  }

  #run(exchange: Exchange, options: AdmitOptions, admitted: (admitted: Admitted) => void): void {
    const { req } = exchange;
    if (comesTooLate(req)) return;
    this.deps.gate.identify(req, 'res' in exchange ? exchange.res : undefined);
    const preflight = 'res' in exchange && shareAnswer(this.deps.gate.cors, req, exchange.res);
    const settle = (admission: Admission): void => {
      if (isOver(exchange)) return;
      this.deps.decided?.(req, decisionOf(req, admission));
      if (admission.kind === 'refused') this.#deny(exchange, admission.denial, admission.route?.id);
      else if (admission.kind === 'admitted') admitted(admission);
      else if ('res' in exchange) answerPreflight(exchange.res, admission.rateLimit);
    };
    const crash = (error: unknown): void => {
      this.deps.gate.deps.log.error({ err: error }, 'the gateway failed on a request');
      if (!isOver(exchange)) this.#refuse(exchange, { status: 500, code: 'internal' });
      // A host's handler that threw in the middle of its answer: an end that is seen, rather than a wait without one.
      else if ('res' in exchange && !exchange.res.writableEnded) exchange.res.destroy();
    };
    try {
      const admission = admit(this.deps.gate, req, { ...options, preflight });
      if (admission instanceof Promise) {
        this.#judging += 1;
        void admission
          .then(settle)
          .catch(crash)
          .finally(() => this.#judged());
      } else settle(admission);
    } catch (error) {
      crash(error);
    }
  }

  #forward(req: IncomingMessage, res: ServerResponse, admitted: ToUpstream): void {
    if (isBodyConsumed(req)) {
      const advice = 'the body was read before Loom: mount Loom before any body parser, such as express.json()';
      this.deps.gate.seldom.error({ route: admitted.route.id }, advice);
      this.#deny({ req, res }, { status: 500, code: 'body_consumed' }, admitted.route.id);
      return;
    }
    const { route } = admitted;
    const responseHeaders = responseHeadersOf(req, admitted, this.#terms);
    const url = prepareOutbound(this.deps.gate, req, admitted);
    this.#upstreamOf(route).forward(req, res, {
      url,
      timeoutMs: route.timeoutMs,
      preserveHost: route.preserveHost,
      ...(route.retry && { retry: route.retry }),
      responseHeaders,
    });
  }

  #pass(req: IncomingMessage, res: ServerResponse, admitted: Admitted, next: Next): void {
    prepareLocal(req, admitted);
    decoration(admitted)(res);
    writePendingContinue(req);
    next();
  }

  #forwardUpgrade(
    req: IncomingMessage,
    socket: Duplex,
    { head, admitted }: { head: Buffer; admitted: ToUpstream },
  ): void {
    const { gate, liveSockets } = this.deps;
    const { route, identities, target } = admitted;
    const { 'sec-websocket-protocol': offered, host = '' } = req.headers;
    const url = prepareOutbound(gate, req, admitted);
    const expiresAtMs = expiryOf(identities);
    forwardUpgrade({
      req,
      socket,
      head,
      upstream: this.#upstreamOf(route),
      url,
      timeoutMs: route.timeoutMs,
      preserveHost: route.preserveHost,
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      maxSessionMs: route.maxSessionMs,
      // The token's two entries are gone; a browser that offered them wants one selected.
      ...(offered === req.headers['sec-websocket-protocol'] ? {} : { answerSubprotocol: 'bearer' as const }),
      liveSockets,
      session: { route: route.id, host, path: target.path, identities },
      deny: denialOn({ req, socket }, this.#terms, route.id),
      log: gate.seldom,
      now: gate.deps.now,
    });
  }

  #upstreamOf(route: PlannedRoute & { readonly upstream: string }): Upstream {
    const upstream = this.deps.upstreams.get(route.upstream);
    if (!upstream) throw new TypeError(`no upstream is named ${JSON.stringify(route.upstream)}`);
    return upstream;
  }

  #refuse(exchange: Exchange, denial: Denial): void {
    this.deps.decided?.(exchange.req, decisionOf(exchange.req, { kind: 'refused', denial }));
    this.#deny(exchange, denial);
  }

  /** What was let in and fails all the same is no second decision. */
  #deny(exchange: Exchange, denial: Denial, route?: string): void {
    answerDenial(exchange, { denial, route }, this.#terms);
  }
}

function hasUpstream(admitted: Admitted): admitted is ToUpstream {
  return admitted.route?.upstream !== undefined;
}

function endOnError(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}
