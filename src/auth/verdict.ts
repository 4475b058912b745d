/** What a method says of a request: exactly one of five outcomes. */
import type { Identity } from './identity.js';

/** Why a request was not let in; closed, documented, stable. */
export type ReasonCode =
  | 'credential_missing'
  | 'credential_invalid'
  | 'credential_duplicate'
  | 'token_malformed'
  | 'token_signature'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'token_issuer'
  | 'token_audience'
  | 'token_type'
  | 'token_claims'
  | 'token_inactive'
  | 'token_unknown_key'
  | 'subject_invalid'
  | 'certificate_untrusted'
  | 'certificate_expired'
  | 'insufficient_scope'
  | 'not_allowed'
  | 'cross_site'
  | 'identity_conflict'
  | 'key_set_unavailable'
  | 'introspection_unavailable'
  | 'method_unavailable'
  | 'store_unavailable'
  | 'pool_full'
  | 'throttled'
  | 'plugin_refused'
  | 'plugin_unavailable'
  | 'header_not_ascii'
  | 'body_too_large'
  | 'body_late';

/** One `WWW-Authenticate` challenge (RFC 9110 §11.6.1). Parameter values are quoted by the writer. */
export interface Challenge {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

/** A response that a plugin wrote itself. */
export interface RawResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface Granted {
  readonly kind: 'granted';
  /** Empty only from `open` and `optional`. */
  readonly identities: readonly Identity[];
}
export interface Absent {
  readonly kind: 'absent';
  readonly challenges: readonly Challenge[];
}
export interface Rejected {
  readonly kind: 'rejected';
  /** 401 and 403 let another method of an `any` try; everything else is final. */
  readonly status: 400 | 401 | 403 | 408 | 413;
  readonly reason: ReasonCode;
  readonly challenges: readonly Challenge[];
  readonly response?: RawResponse;
  /** The credential as it was read, so that no later method of an `any` is offered it again. Never logged. */
  readonly credential?: string;
  /** Those of a failed list of methods. Never logged. */
  readonly credentials?: readonly string[];
  /** The method that says so, for the log and the metrics. */
  readonly refusedBy?: string;
}
/** A plugin's own redirect, 429, …: final. */
export interface Answered {
  readonly kind: 'answered';
  readonly response: RawResponse;
  readonly refusedBy?: string;
}
/** Not decided: it could not be, or, where the reason is `throttled`, it was not tried. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: ReasonCode;
  readonly cause: Error;
  /** Seconds, for `Retry-After`; the writer has a default. */
  readonly retryAfter?: number;
  /**
   * The credentials that the method may have been about to judge: no later method of an `any` is offered them. A client
   * that can keep this method from judging must not choose a laxer judge that way. Never logged.
   */
  readonly credentials?: readonly string[];
  readonly refusedBy?: string;
}

export type Verdict = Granted | Absent | Rejected | Answered | Unavailable;
