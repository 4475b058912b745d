/**
 * Writes a gateway's answers: denials, and what it adds to the answers of others. An answer may come long after a reload,
 * so that nothing here leads to a gate.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setAnswered } from '../http/answered.js';
import { clientAddressOf } from '../http/client-address.js';
import type { Log } from '../lib/types.js';
import type { Admitted } from '../admission/admit.js';
import { corsQuestionOf, withoutCors, type Cors } from '../admission/cors.js';
import { deny, denySocket } from '../admission/deny.js';
import { retryAfter } from '../proxy/failure.js';
import type { Exchange } from './pending.js';
import type { Denial } from '../admission/denial.js';
import { instanceOf, tellRefusal } from '../admission/denial-log.js';
import type { UpgradeOptions } from '../proxy/upgrade.js';
import { privateResponse } from '../proxy/upstream.js';

/** What answers need of a gate. Requests and sockets that last hold this, never the gate: a reload must set it free. */
export interface AnswerTerms {
  readonly log: Log;
  readonly cors: Cors | undefined;
}

interface Refusing {
  readonly denial: Denial;
  readonly route?: string | undefined;
}

export function answerDenial(exchange: Exchange, { denial: given, route }: Refusing, { log, cors }: AnswerTerms): void {
  const { req } = exchange;
  const denial = cors ? withoutCors(given) : given;
  const instance = instanceOf(req);
  tellRefusal(log, { instance, denial, route, method: req.method, client: clientAddressOf(req) });
  if ('res' in exchange) {
    if (exchange.refuse) exchange.refuse(denial, instance);
    else deny(exchange.res, denial, instance);
  } else {
    setAnswered(req, denial.status);
    denySocket(exchange.socket, denial, instance);
  }
}

/** Made outside of the gateway's methods: a function keeps all that the functions beside it use. */
export function denialOn(exchange: Exchange, terms: AnswerTerms, route: string): UpgradeOptions['deny'] {
  return (status, code) => {
    answerDenial(exchange, { denial: { status, code, ...retryAfter(status) }, route }, terms);
  };
}

/** For an answer that may come long after a reload. What the upstream says of other origins is the file's to say. */
export function responseHeadersOf(
  req: IncomingMessage,
  admitted: Admitted,
  { cors }: AnswerTerms,
): (res: ServerResponse) => void {
  const question = corsQuestionOf(req);
  const write = decoration(admitted);
  return (res) => {
    write(res);
    cors?.(question, res);
  };
}

/** What the caller's limit is, and that no shared cache may serve one caller's answer to another. */
export function decoration({ guard: { requirement, vary }, rateLimit }: Admitted): (res: ServerResponse) => void {
  const fields = Object.entries(rateLimit);
  // An optional route is open, and yet answers each caller differently.
  const makePrivate = requirement.kind === 'open' ? undefined : privateResponse(vary);
  return (res) => {
    for (const [name, value] of fields) res.setHeader(name, value);
    makePrivate?.(res);
  };
}
