/** The decision on a request for logs and metrics, without secrets. */
import type { Identity } from './identity.js';
import type { ReasonCode } from './verdict.js';

/**
 * The outcome of a request. Admitted: `granted` by an auth method, `open` to every client, a CORS `preflight`. Refused:
 * `absent` credential, `rejected` credential, `forbidden` to this identity, `limited`, `answered` by a plugin. Not
 * decided: `unavailable` verdict, `malformed` request, `unrouted` path, `failed` gateway.
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

/** A route that nearly matches, and the part of the request that differs. */
export interface NearRoute {
  readonly route: string;
  /** `conditions`: the headers or the query parameters that the route needs. */
  readonly differs: 'http_method' | 'host' | 'path' | 'conditions';
  /** What the route has. Of conditions only the names: a value may be a secret. */
  readonly has: string;
}

export interface Decision {
  readonly requestId?: string | undefined;
  /** The id of the route; absent if no route matched. */
  readonly route?: string | undefined;
  /** The upstream of an admitted request; absent if the handlers of the host receive it. */
  readonly upstream?: string | undefined;
  readonly outcome: Outcome;
  /** The status of the response to a refused request. */
  readonly status?: number | undefined;
  /** The auth method that refused; absent if no method refused. */
  readonly method?: string | undefined;
  /** Empty if no identity was required, and for a refused request. */
  readonly identities: readonly Identity[];
  /** The reason of the refusal. */
  readonly reason?: ReasonCode | undefined;
  /** The code of the denial. */
  readonly code?: string | undefined;
  /** For a request without a route: the routes that nearly match. */
  readonly near?: (() => readonly NearRoute[]) | undefined;
}
