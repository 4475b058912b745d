/** Checks an active introspection response: it must describe a token that is valid here and now. */
import type { IntrospectionResponse } from './introspection-request.js';
import { findSubject, type Subject, type SubjectFault, type SubjectRules } from './subject.js';

export interface IntrospectionRules {
  /** Unix seconds. */
  readonly now: number;
  readonly issuer?: string | undefined;
  /** Rejects a response without `iss`. */
  readonly requireIss: boolean;
  readonly audience?: readonly string[] | undefined;
  /** Accepts a token that is bound to a key without a check of the proof. */
  readonly ignoreCnf: boolean;
  readonly subject: SubjectRules;
  /** Whether the answer writes the number of a claim as a plain integer. */
  readonly isPlainNumber?: ((claim: string) => boolean) | undefined;
}

export type IntrospectionFault =
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'token_type'
  | 'token_issuer'
  | 'token_audience'
  | 'token_claims'
  | SubjectFault;

/**
 * RFC 7662 leaves `token_type` to the server. Keycloak uses `typ`, Cognito uses `token_use`, and others use the names
 * of RFC 8693.
 */
const NO_ACCESS_TOKEN = /^(?:urn:ietf:params:oauth:token-type:)?(?:refresh|offline|id)(?:[_ -]?token)?$/i;
/** RFC 9449 §7.1, RFC 9635: such a token is valid only with a proof beside it. */
const BOUND = /^(?:dpop|pop|mac|n_a)$/i;

/**
 * Why the token of an active response is not accepted, or `undefined`. Scopes are checked elsewhere: they mean 403, not
 * 401.
 */
export function introspectionFault(
  response: IntrospectionResponse,
  rules: IntrospectionRules,
): IntrospectionFault | undefined {
  return (
    timeFault(response, rules.now) ??
    (hasNameShapes(response) ? undefined : 'token_claims') ??
    typeFault(response, rules) ??
    partyFault(response, rules) ??
    subjectFault(findSubject(response, rules.subject, rules.isPlainNumber))
  );
}

/** Whether `exp` exists and has passed. No later cache hit can change this. */
export function isExpired(response: IntrospectionResponse, now: number): boolean {
  const { exp } = response;
  return typeof exp === 'number' && exp <= now;
}

function timeFault(response: IntrospectionResponse, now: number): IntrospectionFault | undefined {
  const { exp, nbf } = response;
  if (!isTime(exp) || !isTime(nbf)) return 'token_claims';
  if (isExpired(response, now)) return 'token_expired';
  return typeof nbf === 'number' && nbf > now ? 'token_not_yet_valid' : undefined;
}

/** `"exp": "1700000000"` or 1e999 is not a time, so its limit cannot be enforced. */
function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function typeFault(response: IntrospectionResponse, { ignoreCnf }: IntrospectionRules): IntrospectionFault | undefined {
  const types = [response['token_type'], response['token_use'], response['typ']];
  // A type that is not a string cannot be compared with the refused types.
  if (types.some((type) => type !== undefined && type !== null && !isAccessType(type))) return 'token_type';
  if (ignoreCnf) return undefined;
  const { token_type, cnf } = response;
  if (typeof token_type === 'string' && BOUND.test(token_type)) return 'token_type';
  return cnf === undefined || cnf === null ? undefined : 'token_claims';
}

/**
 * `aud` is a string or a list of strings; `jti` and `iss` are strings (RFC 7519 §4.1). For other types two readers
 * could differ, and one would accept the token.
 */
export function hasNameShapes({ aud, jti, iss }: IntrospectionResponse): boolean {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const isText = (value: unknown): boolean => typeof value === 'string';
  const isTextOrAbsent = (value: unknown): boolean => value === undefined || isText(value);
  return [jti, iss].every(isTextOrAbsent) && (aud === undefined || audiences.every(isText));
}

function isAccessType(type: unknown): boolean {
  return typeof type === 'string' && !NO_ACCESS_TOKEN.test(type.trim());
}

function partyFault(response: IntrospectionResponse, rules: IntrospectionRules): IntrospectionFault | undefined {
  const { issuer, requireIss } = rules;
  const differs = requireIss || response['iss'] !== undefined ? response['iss'] !== issuer : false;
  if (issuer !== undefined && differs) return 'token_issuer';
  if (rules.audience !== undefined && !hasAudience(response, rules.audience)) return 'token_audience';
  return undefined;
}

/** Whether the response is meant for one of these audiences. A response without `aud` is meant for none. */
export function hasAudience(response: IntrospectionResponse, accepted: readonly string[]): boolean {
  const { aud } = response;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.some((each) => typeof each === 'string' && accepted.includes(each));
}

export function subjectFault(subject: Subject | SubjectFault): SubjectFault | undefined {
  return typeof subject === 'string' ? subject : undefined;
}
