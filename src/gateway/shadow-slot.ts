/** Where another configuration watches the requests of a gateway (`runtime/shadow/`). It changes none of them. */
import type { Decision } from '../auth/decision.js';
import type { AdmissionPolicy } from '../admission/policy.js';
import type { RequestContext } from '../context/request-context.js';

export interface Observer {
  /** Called before a request is changed. Never throws. */
  arrived(context: RequestContext, policy: AdmissionPolicy): void;
  /** Called with the decision about a request. Never throws. */
  decided(context: RequestContext, decision: Decision): void;
}

/** `current` is set while a configuration watches. It outlives snapshots. */
export interface ShadowSlot {
  current: Observer | undefined;
}
