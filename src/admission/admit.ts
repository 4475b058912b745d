/** Admission: the stages that judge one request, in their order, before it goes on or is denied. */
import type { RequestContext } from '../context/request-context.js';
import type { MaybePromise } from '../lib/types.js';
import { authenticate } from './authenticate.js';
import { collectIdentityHeaders } from './collect-identity-headers.js';
import { refuseCrossSite } from './cross-site.js';
import type { Denial } from './denial.js';

import { limitByAddress, limitByIdentity } from './limit-stages.js';
import { findGuard, findPreflightGuard, readRequestTarget } from './locate.js';
import type { AdmissionPolicy } from './policy.js';

/** Learns what it can of a request. Returns a denial where the request must not go on. */
export type Stage = (policy: AdmissionPolicy, context: RequestContext) => MaybePromise<Denial | undefined>;

const findClientAddress: Stage = (policy, context) => policy.clients.find(context);
const stripIdentityHeaders: Stage = (policy, context) => policy.stripIdentityHeaders(context);
const checkFraming: Stage = (policy, context) => policy.framing(context.request);

const REQUEST: readonly Stage[] = [
  // First, so that the log names the client of every denial, and not the proxy before Loom.
  findClientAddress,
  stripIdentityHeaders,
  checkFraming,
  readRequestTarget,
  findGuard,
  limitByAddress,
  authenticate,
  refuseCrossSite,
  collectIdentityHeaders,
  limitByIdentity,
];

/** A preflight carries no credential, so there is no identity to judge. */
const PREFLIGHT: readonly Stage[] = [
  findClientAddress,
  stripIdentityHeaders,
  checkFraming,
  readRequestTarget,
  findPreflightGuard,
  limitByAddress,
];

/** Judges a request. Undefined: the request may go on. A throw is a bug, and is answered 500. */
export function admit(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  return run(context.kind === 'preflight' ? PREFLIGHT : REQUEST, policy, context);
}

/** Goes on in the same tick where a stage has its outcome at once: a tick costs more than most stages do. */
function run(
  stages: readonly Stage[],
  policy: AdmissionPolicy,
  context: RequestContext,
): MaybePromise<Denial | undefined> {
  for (let at = 0; at < stages.length; at += 1) {
    const outcome = (stages[at] as Stage)(policy, context);
    if (outcome instanceof Promise) {
      return outcome.then((denial) => denial ?? run(stages.slice(at + 1), policy, context));
    }
    if (outcome) return outcome;
  }
  return undefined;
}
