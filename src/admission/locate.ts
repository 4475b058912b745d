/** The stages that find the route and the guard of a request, and deny a request whose route is ambiguous. */
import { createRequire } from 'node:module';
import type { IncomingMessage } from 'node:http';
import { isOpen } from '../auth/requirement.js';
import type { PlannedRoute } from '../config/plan-types.js';
import type { Guard, RequestContext } from '../context/request-context.js';
import { setField } from '../http/fields.js';
import { NEVER_SERVED } from '../http/http-methods.js';
import { wholeTarget } from '../http/original-url.js';
import { readTarget, type Target } from '../http/target.js';
import { listed } from '../lib/sentence.js';
import { mountsBeforeDots } from '../routing/connect-mounts.js';
import type { RouteAnswer, RouteQuestion } from '../routing/route-table.js';
import type * as BadTargets from './bad-target.js';
import type { Denial } from './denial.js';
import type * as NearRoutes from './near-routes.js';
import type { AdmissionPolicy } from './policy.js';

const require = createRequire(import.meta.url);

/** Most requests have a plain target. */
const badTargets = (): typeof BadTargets => require('./bad-target.js') as typeof BadTargets;

const NO_ROUTE: Denial = { status: 404, code: 'no_route' };

export function readRequestTarget(policy: AdmissionPolicy, context: RequestContext): Denial | undefined {
  const { request } = context;
  copyAuthority(request);
  const url = wholeTarget(request);
  if (!url) return rewritten(policy, 'a URL was rewritten before Loom: mount Loom before whatever rewrites URLs');
  const { maxPathSegments: maxSegments } = policy.plan;
  const target = readTarget(url.whole, { host: request.headers.host ?? '', maxSegments });
  if (target.kind === 'bad') return badTargets().badTarget(url.whole, target.reason);
  context.target = target;
  return undefined;
}

/** Most HTTP/2 clients send the host only in `:authority` (RFC 9113 §8.3.1). Routes read `Host`. */
function copyAuthority(req: IncomingMessage): void {
  const authority = req.headers[':authority'];
  if (req.headers.host === undefined && typeof authority === 'string') setField(req, 'host', authority);
}

function rewritten(policy: AdmissionPolicy, message: string): Denial {
  policy.throttledLog.error({}, message);
  return { status: 500, code: 'internal' };
}

/** A route with its guard. Without a route, the guard is the host's guard or the guard of unmatched requests. */
interface RouteMatch {
  readonly route?: PlannedRoute;
  readonly guard: Guard;
}

type Located = RouteMatch | { readonly denial: Denial };

export function findGuard(policy: AdmissionPolicy, context: RequestContext): Denial | undefined {
  const { request, target, hostGuard } = context;
  const found = hostGuard ? withoutRoute(hostGuard, request, target) : find(policy, request, target);
  if ('denial' in found) return found.denial;
  const cut = wholeTarget(request)?.cut;
  if (cut !== undefined && isGuardedOtherwise(policy, request, { path: cut, judged: found })) {
    return rewritten(policy, 'Connect makes a mount look like a rewritten URL: mount Loom at the root');
  }
  if (!hostGuard && isMountOfAnother(policy, request, { path: target.path, judged: found })) return NO_ROUTE;
  return accept(context, found);
}

/** A preflight does not have the HTTP method and the headers of the later request. Any route of the pattern matches. */
export function findPreflightGuard(policy: AdmissionPolicy, context: RequestContext): Denial | undefined {
  const { request, target, hostGuard: guard = policy.unmatched } = context;
  const { host = '', 'access-control-request-method': method = '' } = request.headers;
  const answer = policy.routes.find({ host, target, method, headers: request.headers });
  switch (answer.kind) {
    case 'route':
      return accept(context, { route: answer.route, guard });
    case 'encoded_slash':
      return badTargets().encodedSlash(target.raw);
    case 'ambiguous_cut':
      return badTargets().ambiguousCut(target.raw, answer);
    case 'ambiguous_fold':
      return NO_ROUTE;
    case 'method_not_allowed':
    case 'excluded':
      return accept(context, { guard });
    case 'none':
      return policy.standalone ? NO_ROUTE : accept(context, { guard });
  }
}

function accept(context: RequestContext, { route, guard }: RouteMatch): undefined {
  context.route = route;
  context.guard = guard;
}

function find(policy: AdmissionPolicy, req: IncomingMessage, target: Target): Located {
  const { headers, method = '' } = req;
  const question = { host: headers.host ?? '', target, method, headers };
  const routed = policy.routes.find(question);
  const answer = (routed.kind === 'route' && policy.deliveredPaths?.find(routed.index, question)) || routed;
  switch (answer.kind) {
    case 'route':
      return { route: answer.route, guard: policy.guardAt(answer.index) };
    case 'encoded_slash':
      return { denial: badTargets().encodedSlash(target.raw) };
    case 'ambiguous_cut':
      return { denial: badTargets().ambiguousCut(target.raw, answer) };
    case 'method_not_allowed':
      return { denial: { ...methodNotAllowed(answer.allow), near: nearTo(policy, question, answer) } };
    case 'excluded':
    case 'ambiguous_fold':
      return { denial: noRoute(policy, question, answer) };
    case 'none':
      if (!policy.standalone) return withoutRoute(policy.unmatched, req, target);
      return { denial: noRoute(policy, question, answer) };
  }
}

const nearRoutes = (): typeof NearRoutes => require('./near-routes.js') as typeof NearRoutes;

function noRoute(policy: AdmissionPolicy, question: RouteQuestion, answer: RouteAnswer): Denial {
  const near = nearTo(policy, question, answer);
  return { ...NO_ROUTE, near, detail: () => nearRoutes().describeNoRoute(question, answer.kind, near()) };
}

/** The sentence and the record have the same list. */
function nearTo(policy: AdmissionPolicy, question: RouteQuestion, answer: RouteAnswer): NonNullable<Denial['near']> {
  let known: ReturnType<NonNullable<Denial['near']>> | undefined;
  return () => (known ??= nearRoutes().nearRoutes(policy, question, answer));
}

function methodNotAllowed(allow: readonly string[]): Denial {
  const routes =
    allow.length === 0 ? 'this HTTP method is never served' : `the path has routes for ${listed(allow, 'and')}`;
  return { status: 405, code: 'method_not_allowed', allow, detail: () => routes };
}

/** Without a route, an encoded slash or an unusual HTTP method is denied. */
function withoutRoute(guard: Guard, { method = '' }: IncomingMessage, target: Target): Located {
  if (NEVER_SERVED.has(method)) return { denial: methodNotAllowed([]) };
  return target.hasEncodedSlash ? { denial: badTargets().encodedSlash(target.raw) } : { guard };
}

/** Another path that the handlers after Loom may use, and the match that admission uses. */
interface OtherPath {
  readonly path: string;
  readonly judged: RouteMatch;
}

/** Whether the path that the next handlers read has a route with another requirement. */
function isGuardedOtherwise(policy: AdmissionPolicy, req: IncomingMessage, { path, judged }: OtherPath): boolean {
  const target = readTarget(path);
  if (target.kind === 'bad') return false;
  const seen = find(policy, req, target);
  return !('denial' in seen) && requiresOther(seen, judged);
}

function requiresOther({ route, guard }: RouteMatch, judged: RouteMatch): boolean {
  if (!route || isOpen(guard.requirement)) return false;
  return JSON.stringify(guard.requirement) !== JSON.stringify(judged.guard.requirement);
}

/** Whether Connect would call a handler whose path has another requirement or an ambiguous route. */
function isMountOfAnother(policy: AdmissionPolicy, req: IncomingMessage, { path, judged }: OtherPath): boolean {
  if (judged.route?.upstream !== undefined) return false;
  return mountsBeforeDots(req, path).some((mount) => {
    const target = readTarget(mount);
    if (target.kind === 'bad') return false;
    const seen = find(policy, req, target);
    return 'denial' in seen || requiresOther(seen, judged);
  });
}
