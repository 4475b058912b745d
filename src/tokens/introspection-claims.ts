/** What an active introspection response must say to stand for a caller here and now. */
import type { IntrospectionResponse } from './introspection-request.js';

export interface IntrospectionRules {
  /** Unix seconds. */
  readonly now: number;
  readonly issuer?: string | undefined;
  readonly audience?: readonly string[] | undefined;
  /** Accepts a token bound to a key whose proof nobody checked. */
  readonly ignoreCnf: boolean;
}

export type IntrospectionFault =
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'token_type'
  | 'token_issuer'
  | 'token_audience'
  | 'token_claims'
  | 'subject_invalid';

/** RFC 7662 leaves `token_type` to the server; Keycloak says the same in `typ`, Cognito in `token_use`, others in RFC 8693's words. */
const NO_ACCESS_TOKEN = /^(?:urn:ietf:params:oauth:token-type:)?(?:refresh|offline|id)(?:[_ -]?token)?$/i;
/** RFC 9449 §7.1, RFC 9635: such a token is worth nothing without the proof that comes beside it. */
const BOUND = /^(?:dpop|pop|mac|n_a)$/i;

/** Why the token of an active response is not accepted, or undefined. Scopes are judged apart: they are 403, not 401. */
export function introspectionFault(
  response: IntrospectionResponse,
  rules: IntrospectionRules,
): IntrospectionFault | undefined {
  return (
    timeFault(response, rules.now) ??
    (hasNameShapes(response) ? undefined : 'token_claims') ??
    typeFault(response, rules) ??
    partyFault(response, rules) ??
    subjectFault(response)
  );
}

/** Whether the `exp` is there and over: what no later hit can mend. */
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

/** `"exp": "1700000000"` or 1e999 is no time: a server that writes it cannot be held to it. */
function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function typeFault(response: IntrospectionResponse, { ignoreCnf }: IntrospectionRules): IntrospectionFault | undefined {
  const types = [response['token_type'], response['token_use'], response['typ']];
  // A type that is no text cannot be told from those that are refused.
  if (types.some((type) => type !== undefined && type !== null && !isAccessType(type))) return 'token_type';
  if (ignoreCnf) return undefined;
  const { token_type, cnf } = response;
  if (typeof token_type === 'string' && BOUND.test(token_type)) return 'token_type';
  return cnf === undefined || cnf === null ? undefined : 'token_claims';
}

/**
 * `aud` is a text or a list of texts, `jti` and `iss` are texts (RFC 7519 §4.1): two readers could differ on anything
 * else, and one of them would take the token for its own.
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
  if (rules.issuer !== undefined && response['iss'] !== rules.issuer) return 'token_issuer';
  if (rules.audience !== undefined && !hasAudience(response, rules.audience)) return 'token_audience';
  return undefined;
}

/** Whether the response is meant for one of these; a response without `aud` is meant for none. */
export function hasAudience(response: IntrospectionResponse, accepted: readonly string[]): boolean {
  const { aud } = response;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.some((each) => typeof each === 'string' && accepted.includes(each));
}

function subjectFault(response: IntrospectionResponse): IntrospectionFault | undefined {
  const subject = subjectOf(response);
  return subject === undefined || subject.length < 1 || subject.length > 256 ? 'subject_invalid' : undefined;
}

/** `sub`, else `client_id`: a `sub` that is no text never makes room for the other. */
export function subjectOf({ sub, client_id }: IntrospectionResponse): string | undefined {
  const subject = sub === undefined ? client_id : sub;
  return typeof subject === 'string' ? subject : undefined;
}

/** `scope` as RFC 7662 writes it, or as the list that some servers make of it. */
export function scopesOf({ scope }: IntrospectionResponse): readonly string[] {
  const listed = typeof scope === 'string' ? scope.split(' ') : Array.isArray(scope) ? (scope as unknown[]) : [];
  return listed.filter((each): each is string => typeof each === 'string' && each !== '' && !each.includes(' '));
}
