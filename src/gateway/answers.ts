/** Writes denials, and the gateway's headers on the responses of upstreams and hosts. */
import type { ServerResponse } from 'node:http';
import { corsQuestionOf, withoutCors, type Cors } from '../admission/cors.js';
import { logDenial } from '../admission/denial-log.js';
import type { Denial } from '../admission/denial.js';
import { deny, denySocket } from '../admission/deny.js';
import type { DenyLate, RequestContext } from '../context/request-context.js';
import { isHttp2 } from '../http/http-version.js';
import { neverStored } from '../http/never-stored.js';
import type { Log } from '../lib/types.js';
import { rateLimitHeaders } from '../limit/headers.js';
import { retryAfter } from '../proxy/failure.js';
import type { UpgradeOptions } from '../proxy/upgrade.js';
import type { Duplex } from 'node:stream';
import type { HostDenials, Refuse } from './host-denials.js';

/**
 * The parts of a policy that responses need. Long requests and sockets keep only these parts, so that a reload can free
 * the policy.
 */
export interface AnswerTerms {
  readonly log: Log;
  readonly cors: Cors | undefined;
}

/** A request with a response object. `refuse` is set if the host writes its own error responses. */
export interface Answerable {
  readonly context: RequestContext;
  readonly res: ServerResponse;
  readonly refuse?: Refuse | undefined;
}

/** The destination of a response: a response object, or the socket of an upgrade. */
export type Recipient = Answerable | { readonly context: RequestContext; readonly socket: Duplex };

/** Whether the client disconnected or a host has sent a response. */
export function isOver(recipient: Recipient): boolean {
  if ('socket' in recipient) return recipient.socket.destroyed;
  const { context, res } = recipient;
  const { request } = context;
  // An HTTP/2 response does not show that its stream is destroyed.
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

/** Returns the answer to requests that a guard of the host refuses after admission. It holds no policy. */
export function lateDenials(terms: AnswerTerms, hostDenials: HostDenials | undefined): DenyLate {
  return (leaving, denial) => {
    const { context, res } = leaving;
    answerDenial({ context, res, refuse: hostDenials?.exit(leaving).refuse }, denial, terms);
  };
}

/** This function is not a method of the gateway: a closure keeps all variables that its neighbor closures use. */
export function denialOn(recipient: Recipient, terms: AnswerTerms): UpgradeOptions['deny'] {
  return (status, code) => answerDenial(recipient, { status, code, ...retryAfter(status) }, terms);
}

/**
 * Writes headers on a response that may arrive long after a reload. The `cors` block of the configuration replaces the
 * CORS headers of the upstream.
 */
export function responseHeadersOf(
  context: RequestContext,
  { cors }: AnswerTerms,
): ((res: ServerResponse) => void) | undefined {
  const { guard, limit, target } = context;
  if (!cors && !limit && guard.requirement.kind === 'open') return undefined;
  const question = cors && corsQuestionOf(context.request);
  return (res) => {
    decorate(res, { guard, limit, target });
    if (question) cors(question, res);
  };
}

/** Writes the rate limit headers, and prevents shared caches from serving the response to another caller. */
export function decorate(
  res: ServerResponse,
  { guard, limit, target }: Pick<RequestContext, 'guard' | 'limit' | 'target'>,
): void {
  if (limit) for (const [name, value] of Object.entries(rateLimitHeaders(limit))) res.setHeader(name, value);
  // An optional route is open, but its response depends on the caller.
  if (guard.requirement.kind !== 'open') makePrivate(res, guard.vary, target.hasCut);
}

/**
 * For routes that are not open: prevents shared caches from serving the response to another caller. `isCut`: caches may read another path, so no cache stores the response.
 */
export function makePrivate(res: ServerResponse, varyBy: readonly string[], isCut = false): void {
  // A cache in front of Loom may store the response to `/account;x.css` as a static file (web cache deception).
  if (isCut) neverStored(res);
  else if (!res.hasHeader('cache-control')) res.setHeader('Cache-Control', 'private');
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
}
