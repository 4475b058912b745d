/** The verdict of an auth method on a request: exactly one of five outcomes. */
import type { Identity } from './identity.js';

/**
 * Every reason of a refusal, with its meaning. The set is closed and stable. Only the log and metrics contain a reason,
 * never a response.
 */
export const REASONS = {
  credential_missing: 'No credential is in the places that the auth methods of the route read.',
  credential_invalid: 'The key, password or introspected token is unknown, or the key has expired.',
  credential_duplicate: 'Two credentials of one kind were sent.',
  token_malformed: 'The token is no valid JWS.',
  token_too_large: 'The token is longer than `max_token_size`.',
  token_signature: 'No accepted key and algorithm of the issuer verifies the signature.',
  token_expired: 'The time in `exp` is past, or the token is older than `max_age`.',
  token_not_yet_valid: 'The time in `nbf` or `iat` is in the future.',
  token_issuer: 'The `iss` claim is not the configured issuer.',
  token_audience: 'The `aud` claim has none of the configured audiences.',
  token_type: 'The token is not of the kind that `token_type` accepts.',
  token_claims: 'A required claim is missing or malformed, or the token is bound to a key.',
  token_inactive: 'The introspection endpoint says that the token is not active.',
  token_unknown_key: 'The key set of the issuer has no key with the `kid` of the token.',
  subject_missing: 'No claim of `subject_claim` is in the token, or all of them are empty.',
  subject_invalid: 'The subject has a wrong type, is too long, cannot be sent in a header, or was not set by a plugin.',
  certificate_untrusted: 'The client certificate is revoked, not for clients, or not issued by a trusted authority.',
  certificate_expired: 'The client certificate has expired.',
  insufficient_scope: 'The token lacks a required scope.',
  not_allowed: 'The caller is known, and a list or claim of the route does not allow this caller.',
  cross_site: 'A browser sent a credential unasked, from a page of another site.',
  identity_conflict: 'Two required auth methods set one identity header to different values.',
  key_set_unavailable: 'The key set of the issuer cannot be fetched, and none is cached.',
  introspection_unavailable: 'The introspection endpoint failed or took too long.',
  method_unavailable: 'An auth method failed, or did not decide in time.',
  store_unavailable: 'The shared store of the limits does not answer.',
  key_store_unavailable: 'The store of API keys does not answer.',
  pool_full: 'Too many passwords, tokens or plugin calls wait.',
  throttled: 'The address made too many failed attempts.',
  plugin_refused: 'A plugin refused the request.',
  plugin_unavailable: 'A plugin failed, took too long, or used too much memory.',
  header_not_ascii: 'A header has a value that is not ASCII, and a plugin reads the request.',
  body_too_large: 'The request body is longer than the plugin reads.',
  body_late: 'The request body did not arrive in time for the plugin.',
} as const;

/**
 * Why a request was refused, for the log and metrics; see the page of reasons in the reference.
 *
 * @example
 * import type { ReasonCode } from 'loom-auth';
 *
 * const outages: ReadonlySet<ReasonCode> = new Set(['key_set_unavailable', 'introspection_unavailable']);
 */
export type ReasonCode = keyof typeof REASONS;

/** One `WWW-Authenticate` challenge (RFC 9110 §11.6.1). Parameter values are quoted by the writer. */
export interface Challenge {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

/** A response that a plugin created. */
export interface RawResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/**
 * Says in one sentence what the auth method found, with the numbers that matter. Called at most once, and only if the
 * denial is logged. The text has no credential. A value of a credential without a valid signature is marked as
 * unverified.
 */
export type Detail = () => string;

export interface Granted {
  readonly kind: 'granted';
  /** Empty only from `open` and `optional`. */
  readonly identities: readonly Identity[];
}
export interface Absent {
  readonly kind: 'absent';
  readonly challenges: readonly Challenge[];
  readonly detail?: Detail;
}
export interface Rejected {
  readonly kind: 'rejected';
  /** After 401 and 403 another auth method of an `any` may try. Every other status is final. */
  readonly status: 400 | 401 | 403 | 408 | 413;
  readonly reason: ReasonCode;
  readonly challenges: readonly Challenge[];
  readonly detail?: Detail;
  readonly response?: RawResponse;
  /** The credential as it was read, so that no later auth method of an `any` receives it. Never logged. */
  readonly credential?: string;
  /** The credentials of a failed list of auth methods. Never logged. */
  readonly credentials?: readonly string[];
  /** The auth method that refused, for the log and the metrics. */
  readonly refusedBy?: string;
}
/** A response from a plugin, such as a redirect or a 429. It is final. */
export interface Answered {
  readonly kind: 'answered';
  readonly response: RawResponse;
  readonly refusedBy?: string;
}
/** No decision: the check failed, or it did not run because the reason is `throttled`. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly reason: ReasonCode;
  readonly cause: Error;
  readonly detail?: Detail;
  /** Seconds for `Retry-After`. The writer has a default. */
  readonly retryAfter?: number;
  /**
   * The credentials that the auth method may have been about to check. No later auth method of an `any` receives them.
   * Otherwise a client that can block this check could choose a less strict auth method. Never logged.
   */
  readonly credentials?: readonly string[];
  readonly refusedBy?: string;
}

export type Verdict = Granted | Absent | Rejected | Answered | Unavailable;
