/** The decision record: what the gateway decided on one request and why, as a plain bounded value without a secret. */
import type { NearRoute, Outcome } from '../auth/decision.js';
import type { ReasonCode, Verdict } from '../auth/verdict.js';

/** A record is at most this long as JSON, in bytes. */
export const MAX_RECORD_BYTES = 2_048;

export type DecisionKind = 'granted' | 'denied' | 'failed';

/**
 * One decision. It refers to no request, socket or credential. A value of a credential is in a sentence only after its
 * signature was verified, or it is marked as unverified.
 */
export interface DecisionRecord {
  /** Our own id, `urn:uuid:…`. No client can choose it. */
  readonly id: string;
  /** ISO 8601. */
  readonly time: string;
  /** The number of the worker that decided. */
  readonly worker?: number;
  readonly kind: DecisionKind;
  readonly outcome: Outcome;
  /** Absent for an admitted request: the upstream or the host answers. */
  readonly status?: number;
  readonly code?: string;
  /** The error of OpenSSL that refused a TLS handshake. */
  readonly cause?: string;
  readonly reason?: ReasonCode;
  /** The `instance` that the client received: the request id, or an id of the denial. */
  readonly instance?: string;
  /** A trusted proxy may have chosen it. */
  readonly request_id?: string;
  readonly client?: string;
  readonly http_method?: string;
  readonly host?: string;
  /** Without its query. */
  readonly path?: string;
  readonly route?: string;
  /** Why the route matches, or which routes nearly match. */
  readonly routing?: string;
  /** For a request without a route: the routes that nearly match. */
  readonly near?: readonly NearRoute[];
  readonly requirement?: string;
  /** The auth method that decided. */
  readonly auth_method?: string;
  /** The sentence of the log line. */
  readonly detail?: string;
  readonly subject?: string;
  /** One entry for each auth method that judged the request, in order. */
  readonly methods?: readonly MethodFinding[];
  readonly limit?: LimitFinding;
  readonly endpoint?: EndpointFinding;
  /** Milliseconds from the arrival of the request to the decision. */
  readonly elapsed_ms?: number;
  /** Parts were left out, because the record was too long. */
  readonly shortened?: true;
}

export interface MethodFinding {
  readonly method: string;
  readonly verdict: Verdict['kind'];
  readonly reason?: ReasonCode;
  /** The places that the method reads, such as `header X-Api-Key`. */
  readonly places?: readonly string[];
  /** What is in these places. */
  readonly found?: readonly CredentialFinding[];
  readonly detail?: string;
  readonly elapsed_ms?: number;
  /** Whether the method had the answer already. Absent: it remembers nothing. */
  readonly cache?: 'hit' | 'miss';
}

/** A credential by its kind and length. */
export interface CredentialFinding {
  readonly place: string;
  readonly kind: string;
  /** Characters. */
  readonly length: number;
}

export interface LimitFinding {
  readonly key: string;
  /** Seconds until the next request passes. */
  readonly opens_in_s: number;
}

export interface EndpointFinding {
  readonly endpoint: string;
  readonly cause: string;
}

/** Which records of a process are asked for. */
export interface DecisionQuery {
  /** An `id`, `instance` or `request_id`. */
  readonly id?: string;
  readonly kind?: DecisionKind;
  readonly route?: string;
  readonly reason?: string;
  readonly client?: string;
  /** The most records, the newest first. */
  readonly limit: number;
}
