/** Runs the admission stages of one request in a fixed order, until one stage denies the request. */
import type { RequestContext } from '../context/request-context.js';
import type { MaybePromise } from '../lib/types.js';
import { attemptOf } from '../auth/combine.js';
import { settleDenied } from '../auth/late-failures.js';
import type { Verdict } from '../auth/verdict.js';
import { dropIgnoredUpgrade } from '../http/upgrade-check.js';
import { collectIdentityHeaders } from './collect-identity-headers.js';
import { refuseCrossSite } from './cross-site.js';
import { denialOf, type Denial } from './denial.js';
import { refuseInjected } from './injected.js';
import { limitByAddress, limitByIdentity } from './limit-stages.js';
import { findGuard, findPreflightGuard, readRequestTarget } from './locate.js';
import type { AdmissionPolicy } from './policy.js';

/** Reads or checks one part of a request. Returns a denial if the request must not continue. */
export type Stage = (policy: AdmissionPolicy, context: RequestContext) => MaybePromise<Denial | undefined>;

const findClientAddress: Stage = (policy, context) => {
  policy.clients.find(context);
  policy.advice.arrived(context);
  return undefined;
};
const stripIdentityHeaders: Stage = (policy, context) => policy.stripIdentityHeaders(context);
/** After the framing: `Connection` was checked with the tokens that the client sent. */
const ignoreOtherUpgrades: Stage = (_policy, { kind, request }) => {
  if (kind === 'request') dropIgnoredUpgrade(request);
  return undefined;
};
const checkFraming: Stage = (policy, context) => policy.framing(context.request, context.injected !== undefined);

const REQUEST: readonly Stage[] = [
  // This stage is first, so that the log line of every denial contains the client address and not the proxy address.
  findClientAddress,
  stripIdentityHeaders,
  refuseInjected,
  checkFraming,
  ignoreOtherUpgrades,
  readRequestTarget,
  findGuard,
  limitByAddress,
  authenticate,
  refuseCrossSite,
  collectIdentityHeaders,
  limitByIdentity,
];

/** A preflight has no credential, so no stage checks an identity. */
const PREFLIGHT: readonly Stage[] = [
  findClientAddress,
  stripIdentityHeaders,
  refuseInjected,
  checkFraming,
  readRequestTarget,
  findPreflightGuard,
  limitByAddress,
];

/**
 * Runs admission for one request. Returns undefined if the request may continue. A throw is a bug, and the response is
 * 500.
 */
export function admit(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  return run(context.kind === 'preflight' ? PREFLIGHT : REQUEST, policy, context);
}

/** Continues in the same tick if a stage returns its outcome synchronously. A tick costs more time than most stages. */
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

/** Runs the auth methods of the guard. */
function authenticate(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const verdict = policy.authenticatorOf(context.guard)(attemptOf(context.request));
  return verdict instanceof Promise ? verdict.then((each) => accept(context, each)) : accept(context, verdict);
}

function accept(context: RequestContext, verdict: Verdict): Denial | undefined {
  if (verdict.kind !== 'granted') {
    settleDenied(context.request);
    return denialOf(verdict);
  }
  context.identities = verdict.identities;
  return undefined;
}
