/** The stage that runs the auth methods of the guard on a request. */
import { attemptOf } from '../auth/combine.js';
import type { Verdict } from '../auth/verdict.js';
import type { RequestContext } from '../context/request-context.js';
import type { MaybePromise } from '../lib/types.js';
import { denialOf, type Denial } from './denial.js';
import type { AdmissionPolicy } from './policy.js';

export function authenticate(policy: AdmissionPolicy, context: RequestContext): MaybePromise<Denial | undefined> {
  const verdict = policy.authenticatorOf(context.guard)(attemptOf(context.request));
  return verdict instanceof Promise ? verdict.then((each) => accept(context, each)) : accept(context, verdict);
}

function accept(context: RequestContext, verdict: Verdict): Denial | undefined {
  if (verdict.kind !== 'granted') return denialOf(verdict);
  context.identities = verdict.identities;
  return undefined;
}
