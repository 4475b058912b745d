/** What became of a request, for whoever writes logs and metrics; holds nothing secret. */
import type { Identity } from './identity.js';
import type { ReasonCode } from './verdict.js';

/**
 * In one word: let in (`granted` by a method, `open` to everybody, a CORS `preflight`), turned away (`absent` credential, `rejected` one,
 * `forbidden` to this identity, `limited`, `answered` by a plugin), `unavailable` verdict, or never judged (`malformed`
 * request, `unrouted` path, `failed` gateway).
 */
export type Outcome =
  | 'granted'
  | 'open'
  | 'preflight'
  | 'absent'
  | 'rejected'
  | 'forbidden'
  | 'limited'
  | 'answered'
  | 'unavailable'
  | 'malformed'
  | 'unrouted'
  | 'failed';

export interface Decision {
  readonly requestId?: string | undefined;
  /** The id of the route; absent where none was found. */
  readonly route?: string | undefined;
  /** Where it goes on to, once admitted; absent: to the host's own handlers. */
  readonly upstream?: string | undefined;
  readonly outcome: Outcome;
  /** The method that refused; absent where none did. */
  readonly method?: string | undefined;
  /** Empty where nobody had to say who they are, and for a refused request. */
  readonly identities: readonly Identity[];
  /** Why it was refused. */
  readonly reason?: ReasonCode | undefined;
  /** The code of its denial. */
  readonly code?: string | undefined;
}
