/** Runs admission for each request and upgrade, and then forwards it, calls the host's next handler, or denies it. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { admit } from '../admission/admit.js';
import { answerPreflight, shareAnswer } from '../admission/cors.js';
import { decisionOf, type Denial } from '../admission/denial.js';
import { refuseUnreadable } from '../admission/injected.js';
import { prepareLocal } from '../admission/outbound.js';
import type { Decision } from '../auth/decision.js';
import type { DenyLate, Guard, RequestContext } from '../context/request-context.js';
import { comesTooLate, endConnection } from '../http/connection-end.js';
import { deny } from '../admission/deny.js';
import { writePendingContinue } from '../http/expect-continue.js';
import type { Next } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import { checkUpgrade } from '../http/upgrade-check.js';
import {
  answerDenial,
  decorate,
  isOver,
  lateDenials,
  type Answerable,
  type AnswerTerms,
  type Recipient,
} from './answers.js';
import type { HostDenials, Refuse } from './host-denials.js';
import type { ShadowSlot } from './shadow-slot.js';
import { Forwarding, isProxied, type ForwardingDeps } from './forwarding.js';

/** Passes an admitted socket to the host's own `upgrade` listeners. */
export type Handover = (context: RequestContext, socket: Duplex, head: Buffer) => void;

/** The data of an upgrade in addition to its request and its socket. */
export interface UpgradeRest {
  readonly head: Buffer;
  readonly handOver?: Handover;
}

/** A guard that the host's code sets, and the handler to call after admission. */
export interface Guarded {
  readonly guard: Guard;
  readonly next: Next;
}

/** The callbacks of a host that writes its own responses. `refuse` may leave the response to `answer`. */
export interface Judging extends Guarded {
  readonly admitted: () => void;
  readonly refuse: (answer: Refuse) => Refuse;
}

export interface GatewayDeps extends Omit<ForwardingDeps, 'terms'> {
  /** Called with every decision, before the response is written or the request continues. */
  readonly onDecision?: ((context: RequestContext, decision: Decision) => void) | undefined;
  /** Undefined if Loom answers every denial. */
  readonly hostDenials?: HostDenials | undefined;
  readonly shadow?: ShadowSlot | undefined;
}

export class Gateway {
  /** Requests and upgrades without a verdict yet. */
  #pending = 0;
  #idle: (() => void)[] = [];
  readonly #terms: AnswerTerms;
  readonly #forwarding: Forwarding;
  readonly #denyLate: DenyLate;

  constructor(private readonly deps: GatewayDeps) {
    this.#terms = { log: deps.policy.log, cors: deps.policy.cors };
    this.#denyLate = lateDenials(this.#terms, deps.hostDenials);
    this.#forwarding = new Forwarding({ ...deps, terms: this.#terms });
  }

  /** Resolves when no request waits for a verdict of this gateway. */
  drained(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #settled(): void {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    for (const idle of this.#idle.splice(0)) idle();
  }

  /**
   * Never throws and never rejects: after a failure the response is 500. Calls `next` at most once, and without an error
   * unless the host writes its own error responses.
   */
  request(context: RequestContext, res: ServerResponse, next: Next): void {
    const exit = this.deps.hostDenials?.exit({ context, res, next });
    const recipient: Answerable = { context, res, refuse: exit?.refuse };
    this.#run(recipient, undefined, () => {
      const { route } = context;
      if (isProxied(route)) this.#forwarding.request(recipient, route);
      else this.#pass(context, res, exit?.pass ?? next);
    });
  }

  /** Runs admission with a guard of the host's code, regardless of the route in the configuration. */
  guard(context: RequestContext, res: ServerResponse, { guard, next }: Guarded): void {
    const exit = this.deps.hostDenials?.exit({ context, res, next });
    this.#run({ context, res, refuse: exit?.refuse }, guard, () => this.#pass(context, res, exit?.pass ?? next));
  }

  /** As `guard`, for a host that writes its own responses. Writes the log line of a denial before it calls `refuse`. */
  judge(context: RequestContext, res: ServerResponse, { guard, next, admitted, refuse }: Judging): void {
    const exit = this.deps.hostDenials?.exit({ context, res, next });
    const answer = exit?.refuse ?? ((denial, instance) => deny(res, denial, instance));
    this.#run({ context, res, refuse: refuse(answer) }, guard, () => {
      context.denyLate = this.#denyLate;
      decorate(res, context);
      writePendingContinue(context.request);
      admitted();
    });
  }

  upgrade(context: RequestContext, socket: Duplex, { head, handOver }: UpgradeRest): void {
    // Node passes the socket without an error listener. A connection reset before the verdict would end the process.
    endOnError(socket);
    const { request } = context;
    const recipient = { context, socket };
    if (this.#isUnreadable(recipient)) return;
    const refusal = checkUpgrade(request);
    if (refusal) {
      this.deps.policy.clients.find(context);
      const { status, code } = refusal;
      const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
      this.#refuse(recipient, { status, code, ...(status === 426 && { headers }) });
      return;
    }
    this.#run(recipient, undefined, () => {
      const { route } = context;
      if (isProxied(route)) this.#forwarding.upgrade(context, socket, { head, route });
      else if (handOver) {
        prepareLocal(this.deps.policy, context);
        // Loom does not see the response of the host's listener.
        context.answeredStatus = 101;
        this.#handOver(() => handOver(context, socket, head), socket);
      } else this.#deny(recipient, { status: 404, code: 'no_route' });
    });
  }

  /** After this call the socket uses the host's protocol. A response of Loom would corrupt the stream. */
  #handOver(act: () => void, socket: Duplex): void {
    try {
      act();
    } catch (error) {
      this.deps.policy.log.error({ err: error }, 'an upgrade listener of the host failed');
      socket.destroy();
    }
  }

  #begin(recipient: Recipient, guard: Guard | undefined): void {
    const { policy } = this.deps;
    const { context } = recipient;
    context.begin('socket' in recipient ? 'upgrade' : 'request', guard);
    this.deps.shadow?.current?.arrived(context, policy);
    const res = 'res' in recipient ? recipient.res : undefined;
    // Node ignores the `Upgrade`, and drops the bytes of a next request that arrived in the same packet.
    if (res && context.request.headers?.upgrade !== undefined) endConnection(res);
    policy.identify(context, res);
    if (res && shareAnswer(policy.cors, context.request, res)) context.kind = 'preflight';
  }

  #run(recipient: Recipient, guard: Guard | undefined, admitted: () => void): void {
    const { context } = recipient;
    if (this.#isUnreadable(recipient) || comesTooLate(context.request)) return;
    try {
      this.#begin(recipient, guard);
      const denial = admit(this.deps.policy, context);
      if (denial instanceof Promise) {
        this.#pending += 1;
        void denial
          .then((late) => this.#settle(recipient, late, admitted))
          .catch((error: unknown) => this.#crash(recipient, error))
          .finally(() => this.#settled());
      } else this.#settle(recipient, denial, admitted);
    } catch (error) {
      this.#crash(recipient, error);
    }
  }

  #settle(recipient: Recipient, refusal: Denial | undefined, admitted: () => void): void {
    const { context } = recipient;
    if (isOver(recipient)) return;
    const denial = refusal ?? this.#forwarding.denialOf(context);
    this.#decided(context, denial);
    if (denial) {
      this.deps.policy.advice.denied(context, denial);
      return this.#deny(recipient, denial);
    }
    context.records?.admitted(context);
    if (context.kind !== 'preflight') admitted();
    else if ('res' in recipient) {
      answerPreflight(recipient.res, context.limit ? rateLimitHeaders(context.limit) : {});
    }
  }

  #crash(recipient: Recipient, error: unknown): void {
    this.deps.policy.log.error({ err: error }, 'the gateway failed on a request');
    if (!isOver(recipient)) this.#refuse(recipient, { status: 500, code: 'internal' });
    // A host's handler threw after it had started its response. Destroying the response ends the client's wait.
    else if ('res' in recipient && !recipient.res.writableEnded) recipient.res.destroy();
  }

  #decided(context: RequestContext, denial: Denial | undefined): void {
    const decision = decisionOf(context, denial);
    this.deps.onDecision?.(context, decision);
    if (context.recording !== undefined) this.deps.shadow?.current?.decided(context, decision);
  }

  /** Whether Loom has answered a request that it cannot strip. */
  #isUnreadable(recipient: Recipient): boolean {
    const denial = refuseUnreadable(this.deps.policy, recipient.context);
    if (denial) answerDenial({ ...recipient, refuse: undefined }, denial, this.#terms);
    return denial !== undefined;
  }

  #pass(context: RequestContext, res: ServerResponse, next: Next): void {
    const { policy } = this.deps;
    policy.advice.admitted(context);
    prepareLocal(policy, context);
    context.denyLate = this.#denyLate;
    decorate(res, context);
    writePendingContinue(context.request);
    next();
  }

  /** Denies a request whose admission did not finish. Its decision has no route. */
  #refuse(recipient: Recipient, denial: Denial): void {
    const { context } = recipient;
    context.route = undefined;
    this.#decided(context, denial);
    this.#deny(recipient, denial);
  }

  /** Reports no decision, because an admitted request may still fail. */
  #deny(recipient: Recipient, denial: Denial): void {
    const { policy } = this.deps;
    // The code of the host receives the request. The request must not contain identity headers of other products.
    if ('res' in recipient && recipient.refuse) policy.stripForeignIdentity(recipient.context);
    answerDenial(recipient, denial, this.#terms);
  }
}

function endOnError(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}
