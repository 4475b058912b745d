/** What became of a request, for whoever writes logs and metrics; holds nothing secret. */
import type { Identity } from './identity.js';
import type { ReasonCode } from './verdict.js';

export interface Decision {
  readonly requestId?: string | undefined;
  /** The id of the route; absent where none was found. */
  readonly route?: string | undefined;
  /** Empty where nobody had to say who they are, and for a refused request. */
  readonly identities: readonly Identity[];
  /** Why it was refused. */
  readonly reason?: ReasonCode | undefined;
}
