/** Checks the claims of a token with a valid signature: it must be an access token that is valid here and now. */
import { hasAudience, hasNameShapes, subjectFault } from './introspection-claims.js';
import type { Claims } from './jws.js';
import { isPlainNumber, oddNumbers } from './number-spelling.js';
import { findSubject, type SubjectFault, type SubjectRules } from './subject.js';

/** Durations in milliseconds. */
export interface ClaimRules {
  readonly audience?: readonly string[] | undefined;
  readonly leeway: number;
  readonly requireExp: boolean;
  readonly maxAge?: number | undefined;
  /** RFC 9068: the header has `typ: at+jwt`, and the token has an `exp`. */
  readonly accessToken: boolean;
  /** Accepts a token that is bound to a key without a check of the proof. */
  readonly ignoreCnf: boolean;
  /** Default: `sub`, else `client_id`. */
  readonly subject?: SubjectRules | undefined;
}

/** The parts of a token that the claim rules read. */
export interface CheckedToken {
  readonly typ?: string | undefined;
  readonly claims: Claims;
  /** The signed text: header and payload. Without it no number is a subject. */
  readonly input?: Buffer;
}

export type ClaimFault =
  'token_expired' | 'token_not_yet_valid' | 'token_audience' | 'token_type' | 'token_claims' | SubjectFault;

/** `application/` may be omitted (RFC 7515 §4.1.9). Media types are case-insensitive. */
const TYPES = /^(?:application\/)?(?:jwt|at\+jwt)$/i;
const ACCESS_TOKEN = /^(?:application\/)?at\+jwt$/i;
/** ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11) and security events (RFC 8417). */
const NOT_FOR_ACCESS = ['at_hash', 'c_hash', 'events'];
/** ID and refresh tokens: Cognito marks them in `token_use`, Keycloak in a claim `typ`. */
const OTHER_USE = /^(?:refresh|offline|id)(?:[_ -]?token)?$/i;

/** Why the token is never accepted, at any time. */
export function claimFault(token: CheckedToken, rules: ClaimRules): ClaimFault | undefined {
  return (
    typeFault(token, rules) ??
    shapeFault(token.claims, rules) ??
    audienceFault(token.claims, rules) ??
    subjectFault(findSubject(token.claims, rules.subject, (claim) => isPlainIn(token, claim)))
  );
}

/** Why the token is not accepted at this time, in milliseconds. Checked again on every request. */
export function timeFault(claims: Claims, rules: ClaimRules, now: number): ClaimFault | undefined {
  const { exp, nbf, iat } = claims as Readonly<Record<string, number | undefined>>;
  if (exp !== undefined && now >= exp * 1_000 + rules.leeway) return 'token_expired';
  const latest = now + rules.leeway;
  if (nbf !== undefined && nbf * 1_000 > latest) return 'token_not_yet_valid';
  if (iat === undefined) return undefined;
  if (iat * 1_000 > latest) return 'token_not_yet_valid';
  const { maxAge } = rules;
  return maxAge !== undefined && now >= iat * 1_000 + maxAge + rules.leeway ? 'token_expired' : undefined;
}

function typeFault(
  { typ, claims }: { typ?: string | undefined; claims: Claims },
  { accessToken }: ClaimRules,
): ClaimFault | undefined {
  if (typ !== undefined && !TYPES.test(typ)) return 'token_type';
  if (accessToken && !ACCESS_TOKEN.test(typ ?? '')) return 'token_type';
  if (NOT_FOR_ACCESS.some((name) => Object.hasOwn(claims, name))) return 'token_type';
  const uses = [claims['token_use'], claims['typ']];
  return uses.some((use) => typeof use === 'string' && OTHER_USE.test(use)) ? 'token_type' : undefined;
}

function shapeFault(claims: Claims, rules: ClaimRules): ClaimFault | undefined {
  const { exp, nbf, iat, cnf } = claims;
  if (![exp, nbf, iat].every(isTime)) return 'token_claims';
  if (exp === undefined && (rules.requireExp || rules.accessToken)) return 'token_claims';
  if (iat === undefined && rules.maxAge !== undefined) return 'token_claims';
  if (!hasNameShapes(claims)) return 'token_claims';
  return cnf === undefined || cnf === null || rules.ignoreCnf ? undefined : 'token_claims';
}

/** RFC 7519 §2 NumericDate: a string, `null` or 1e999 is not a time. */
function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function audienceFault(claims: Claims, { audience }: ClaimRules): ClaimFault | undefined {
  return audience === undefined || hasAudience(claims, audience) ? undefined : 'token_audience';
}

function isPlainIn({ claims, input }: CheckedToken, path: string): boolean {
  if (!input) return false;
  const [, payload = ''] = input.toString('latin1').split('.');
  return isPlainNumber(claims, { path, odd: oddNumbers(Buffer.from(payload, 'base64url').toString('utf8')) });
}
