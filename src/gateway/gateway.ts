/** Takes each request and upgrade through admission to its upstream, to the host's next handler, or to a denial. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { admit } from '../admission/admit.js';
import { answerPreflight, shareAnswer } from '../admission/cors.js';
import { decisionOf } from '../admission/decision.js';
import type { Denial } from '../admission/denial.js';
import { prepareLocal } from '../admission/outbound.js';
import type { Decision } from '../auth/decision.js';
import type { Guard, RequestContext } from '../context/request-context.js';
import { comesTooLate } from '../http/connection-end.js';
import { writePendingContinue } from '../http/expect-continue.js';
import type { Next } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import { checkUpgrade } from '../http/upgrade-check.js';
import { answerDenial, decoration, isOver, type AnswerTerms, type Recipient, type Refuse } from './answers.js';
import { Forwarding, isProxied, type ForwardingDeps } from './forwarding.js';

/** Passes an admitted socket to the host's own `upgrade` listeners. */
export type Handover = (context: RequestContext, socket: Duplex, head: Buffer) => void;

/** What comes with an upgrade besides its request and its socket. */
export interface UpgradeRest {
  readonly head: Buffer;
  readonly handOver?: Handover;
}

/** A guard that the host's code names, and what follows where it admits. */
export interface Guarded {
  readonly guard: Guard;
  readonly next: Next;
}

/** For a host that answers by itself. */
export interface Judging {
  readonly guard: Guard;
  readonly admitted: () => void;
  readonly refuse: Refuse;
}

export interface GatewayDeps extends Omit<ForwardingDeps, 'terms'> {
  /** Called with every decision, before the request is answered or goes on. */
  readonly onDecision?: (context: RequestContext, decision: Decision) => void;
}

export class Gateway {
  /** Requests and upgrades without a verdict yet. */
  #pending = 0;
  #idle: (() => void)[] = [];
  readonly #terms: AnswerTerms;
  readonly #forwarding: Forwarding;

  constructor(private readonly deps: GatewayDeps) {
    this.#terms = { log: deps.policy.log, cors: deps.policy.cors };
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

  /** Never throws and never rejects: a failure is answered 500. `next` is called at most once, without an error. */
  request(context: RequestContext, res: ServerResponse, next: Next): void {
    this.#run({ context, res }, undefined, () => {
      const { route } = context;
      if (isProxied(route)) this.#forwarding.request(context, res, route);
      else this.#pass(context, res, next);
    });
  }

  /** Judges by a guard of the host's own code, whatever the file says of the path. */
  guard(context: RequestContext, res: ServerResponse, { guard, next }: Guarded): void {
    this.#run({ context, res }, guard, () => this.#pass(context, res, next));
  }

  /** As `guard`, for a host that answers by itself. The log line of a denial is written before `refuse` is called. */
  judge(context: RequestContext, res: ServerResponse, { guard, admitted, refuse }: Judging): void {
    this.#run({ context, res, refuse }, guard, () => {
      decoration(context)(res);
      writePendingContinue(context.request);
      admitted();
    });
  }

  upgrade(context: RequestContext, socket: Duplex, { head, handOver }: UpgradeRest): void {
    // Node gives the socket without a listener: a reset before the verdict would end the process.
    endOnError(socket);
    const { request } = context;
    const recipient = { context, socket };
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
        // The answer of the host's listener is not seen here.
        context.answeredStatus = 101;
        this.#handOver(() => handOver(context, socket, head), socket);
      } else this.#deny(recipient, { status: 404, code: 'no_route' });
    });
  }

  /** From here on the socket speaks the host's protocol: an answer of ours would be bytes in the middle of it. */
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
    const res = 'res' in recipient ? recipient.res : undefined;
    policy.identify(context, res);
    if (res && shareAnswer(policy.cors, context.request, res)) context.kind = 'preflight';
  }

  #run(recipient: Recipient, guard: Guard | undefined, admitted: () => void): void {
    const { context } = recipient;
    if (comesTooLate(context.request)) return;
    this.#begin(recipient, guard);
    const settle = (denial: Denial | undefined): void => {
      if (isOver(recipient)) return;
      this.deps.onDecision?.(context, decisionOf(context, denial));
      if (denial) this.#deny(recipient, denial);
      else if (context.kind !== 'preflight') admitted();
      else if ('res' in recipient) {
        answerPreflight(recipient.res, context.limit ? rateLimitHeaders(context.limit) : {});
      }
    };
    const crash = (error: unknown): void => {
      this.deps.policy.log.error({ err: error }, 'the gateway failed on a request');
      if (!isOver(recipient)) this.#refuse(recipient, { status: 500, code: 'internal' });
      // A host's handler threw in the middle of its answer: the client must see an end, and not wait for one.
      else if ('res' in recipient && !recipient.res.writableEnded) recipient.res.destroy();
    };
    try {
      const denial = admit(this.deps.policy, context);
      if (denial instanceof Promise) {
        this.#pending += 1;
        void denial
          .then(settle)
          .catch(crash)
          .finally(() => this.#settled());
      } else settle(denial);
    } catch (error) {
      crash(error);
    }
  }

  #pass(context: RequestContext, res: ServerResponse, next: Next): void {
    prepareLocal(this.deps.policy, context);
    decoration(context)(res);
    writePendingContinue(context.request);
    next();
  }

  /** Denies a request that was not judged to the end: its decision names no route. */
  #refuse(recipient: Recipient, denial: Denial): void {
    const { context } = recipient;
    context.route = undefined;
    this.deps.onDecision?.(context, decisionOf(context, denial));
    this.#deny(recipient, denial);
  }

  /** No decision: a request that was admitted may still fail. */
  #deny(recipient: Recipient, denial: Denial): void {
    answerDenial(recipient, denial, this.#terms);
  }
}

function endOnError(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}
