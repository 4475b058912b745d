/** Which route and guard a request, or the path that its handlers will go by, stands under; refused where that is in doubt. */
import type { IncomingMessage } from 'node:http';
import { isOpen } from '../auth/requirement.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { NEVER_SERVED } from '../http/http-methods.js';
import { mountsBeforeDots } from '../routing/connect-mounts.js';
import type { Gate, Guard } from './policy.js';
import type { Denial } from './denial.js';
import { readTarget, type Target } from '../http/target.js';

export const NO_ROUTE: Denial = { status: 404, code: 'no_route' };

/** A path that handlers after Loom may go by, and what the request was judged as. */
export interface PathOfPlace {
  readonly path: string;
  readonly place: Found;
}

/** Whether the path that the next handlers see has a route of its own that asks for something else. */
export function isGuardedOtherwise(gate: Gate, req: IncomingMessage, { path, place }: PathOfPlace): boolean {
  const target = readTarget(path);
  if (target.kind === 'bad') return false;
  const seen = find(gate, req, target);
  return !('kind' in seen) && asksOtherwise(seen, place);
}

function asksOtherwise({ route, guard }: Found, place: Found): boolean {
  if (!route || isOpen(guard.requirement)) return false;
  return JSON.stringify(guard.requirement) !== JSON.stringify(place.guard.requirement);
}

/** Whether Connect would take it to a handler whose path is guarded otherwise, or in doubt. */
export function isMountOfAnother(gate: Gate, req: IncomingMessage, { path, place }: PathOfPlace): boolean {
  if (place.route?.upstream !== undefined) return false;
  return mountsBeforeDots(req, path).some((mount) => {
    const target = readTarget(mount);
    if (target.kind === 'bad') return false;
    const seen = find(gate, req, target);
    return 'kind' in seen || asksOtherwise(seen, place);
  });
}

export interface Refused {
  readonly kind: 'refused';
  readonly denial: Denial;
  readonly route?: PlannedRoute | undefined;
}

export function refused(denial: Denial, route?: PlannedRoute): Refused {
  return { kind: 'refused', denial, route };
}

export interface Found {
  readonly route?: PlannedRoute;
  readonly guard: Guard;
}

/** What a guard of the host's own code has no route to allow. */
export function local(guard: Guard, req: IncomingMessage, target: Target): Found | Refused {
  if (NEVER_SERVED.has(req.method ?? '')) return refused({ status: 405, code: 'method_not_allowed', allow: [] });
  return target.hasEncodedSlash ? refused({ status: 400, code: 'bad_target' }) : { guard };
}

export function find(gate: Gate, req: IncomingMessage, target: Target): Found | Refused {
  const { headers, method = '' } = req;
  const answer = gate.routes.find({ host: headers.host ?? '', target, method, headers });
  switch (answer.kind) {
    case 'route':
      return { route: answer.route, guard: gate.guardAt(answer.index) };
    case 'encoded_slash':
      return refused({ status: 400, code: 'bad_target' });
    case 'method_not_allowed':
      return refused({ status: 405, code: 'method_not_allowed', allow: answer.allow });
    case 'excluded':
    case 'ambiguous_fold':
      return refused(NO_ROUTE);
    case 'none':
      if (gate.deps.standalone) return refused(NO_ROUTE);
      return local(gate.unmatched, req, target);
  }
}

interface Asked {
  readonly target: Target;
  readonly guard: Guard | undefined;
}

/** For a preflight: any route of the pattern, since it has neither the method nor the headers of the request to come. */
export function findAny(gate: Gate, req: IncomingMessage, { target, guard = gate.unmatched }: Asked): Found | Refused {
  const { host = '', 'access-control-request-method': method = '' } = req.headers;
  const answer = gate.routes.find({ host, target, method, headers: req.headers });
  switch (answer.kind) {
    case 'route':
      return { route: answer.route, guard };
    case 'encoded_slash':
      return refused({ status: 400, code: 'bad_target' });
    case 'ambiguous_fold':
      return refused(NO_ROUTE);
    case 'method_not_allowed':
    case 'excluded':
      return { guard };
    case 'none':
      return gate.deps.standalone ? refused(NO_ROUTE) : { guard };
  }
}
