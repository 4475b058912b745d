/**
 * Writes the responses of a gateway: denials, and its fields on the responses of others. A response may come long after a
 * reload, so nothing here leads to a policy.
 */
import type { ServerResponse } from 'node:http';
import { corsQuestionOf, withoutCors, type Cors } from '../admission/cors.js';
import { logDenial } from '../admission/denial-log.js';
import type { Denial } from '../admission/denial.js';
import { deny, denySocket } from '../admission/deny.js';
import type { RequestContext } from '../context/request-context.js';
import { isHttp2 } from '../http/http-version.js';
import type { Log } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import { retryAfter } from '../proxy/failure.js';
import type { UpgradeOptions } from '../proxy/upgrade.js';
import type { Duplex } from 'node:stream';

/** What responses need of a policy. Requests and sockets that last keep this and no policy: a reload must free it. */
export interface AnswerTerms {
  readonly log: Log;
  readonly cors: Cors | undefined;
}

/** Writes a denial in place of `deny`. `instance` is the id of its line in the log. */
export type Refuse = (denial: Denial, instance: string) => void;

/** Where the response goes: to a response object, or for an upgrade to the socket. */
export type Recipient =
  | { readonly context: RequestContext; readonly res: ServerResponse; readonly refuse?: Refuse }
  | { readonly context: RequestContext; readonly socket: Duplex };

/** Whether the client left, or a host has answered. */
export function isOver(recipient: Recipient): boolean {
  if ('socket' in recipient) return recipient.socket.destroyed;
  const { context, res } = recipient;
  const { request } = context;
  // A response of HTTP/2 does not show that its stream is gone.
  return res.headersSent || res.destroyed || (isHttp2(request) && request.stream.destroyed);
}

export function answerDenial(recipient: Recipient, given: Denial, { log, cors }: AnswerTerms): void {
  const { context } = recipient;
  const denial = cors ? withoutCors(given) : given;
  const instance = logDenial(log, context, denial);
  if ('res' in recipient) {
    if (recipient.refuse) recipient.refuse(denial, instance);
    else deny(recipient.res, denial, instance);
  } else {
    context.answeredStatus = denial.status;
    denySocket(recipient.socket, denial, instance);
  }
}

/** No method of the gateway: a closure keeps all that the closures beside it use. */
export function denialOn(recipient: Recipient, terms: AnswerTerms): UpgradeOptions['deny'] {
  return (status, code) => answerDenial(recipient, { status, code, ...retryAfter(status) }, terms);
}

/** For a response that may come long after a reload. The `cors` block of the file replaces the upstream's CORS fields. */
export function responseHeadersOf(context: RequestContext, { cors }: AnswerTerms): (res: ServerResponse) => void {
  const question = corsQuestionOf(context.request);
  const write = decoration(context);
  return (res) => {
    write(res);
    cors?.(question, res);
  };
}

/** Tells the client its rate limit, and keeps shared caches from serving one caller's response to another. */
export function decoration({ guard, limit }: RequestContext): (res: ServerResponse) => void {
  const { requirement, vary } = guard;
  const fields = limit ? Object.entries(rateLimitHeaders(limit)) : [];
  // An optional route is open, but answers each caller differently.
  const makePrivate = requirement.kind === 'open' ? undefined : privateResponse(vary);
  return (res) => {
    for (const [name, value] of fields) res.setHeader(name, value);
    makePrivate?.(res);
  };
}

/** A `responseHeaders` hook for routes that are not open: no shared cache may serve one caller's answer to another. */
export function privateResponse(varyBy: readonly string[]): (res: ServerResponse) => void {
  return (res) => {
    if (!res.hasHeader('cache-control')) res.setHeader('Cache-Control', 'private');
    const given = res.getHeader('vary');
    if (given === undefined) {
      if (varyBy.length > 0) res.setHeader('Vary', varyBy.join(', '));
      return;
    }
    const present = String(given)
      .toLowerCase()
      .split(',')
      .map((name) => name.trim());
    const missing = varyBy.filter((name) => !present.includes(name.toLowerCase()));
    if (missing.length > 0 && !present.includes('*')) res.appendHeader('Vary', missing.join(', '));
  };
}
