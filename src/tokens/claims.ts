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
  /**
   * `access_token`: the header has `typ: at+jwt` (RFC 9068), and the token has an `exp`. `id_token`: the token is an ID
   * token (OpenID Connect Core §2) for this audience. `any`: everything but an ID token.
   */
  readonly tokenType: TokenType;
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

export const TOKEN_TYPES = ['any', 'access_token', 'id_token'] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

/** What marks a token as one of another kind. */
interface Marks {
  /** The accepted `typ` of the header. `application/` may be omitted (RFC 7515 §4.1.9). */
  readonly header: RegExp;
  /** Claims that only tokens of another kind have. */
  readonly claims: readonly string[];
  /** The refused values of `token_use` (Cognito) and of the claim `typ` (Keycloak). */
  readonly uses: RegExp;
}

/** RFC 8417: a security event, such as the logout token of OpenID Connect Back-Channel Logout, is never a credential. */
const EVENT = 'events';
/** OpenID Connect Core §3.1.3.6, §3.3.2.11. */
const ID_TOKEN_HASHES = ['at_hash', 'c_hash'];
const NOT_FOR_ACCESS = {
  claims: [...ID_TOKEN_HASHES, EVENT],
  uses: /^(?:refresh|offline|id)(?:[_ -]?token)?$/i,
};

const MARKS: Readonly<Record<TokenType, Marks>> = {
  any: { header: /^(?:application\/)?(?:jwt|jose|at\+jwt)$/i, ...NOT_FOR_ACCESS },
  access_token: { header: /^(?:application\/)?at\+jwt$/i, ...NOT_FOR_ACCESS },
  id_token: {
    header: /^(?:application\/)?(?:jwt|jose)$/i,
    claims: [EVENT],
    uses: /^(?:refresh|offline|access|bearer|logout)(?:[_ -]?token)?$/i,
  },
};

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
  { tokenType }: ClaimRules,
): ClaimFault | undefined {
  const marks = MARKS[tokenType];
  // RFC 9068 §2.1: an access token must have a type.
  const typed = typ === undefined ? tokenType !== 'access_token' : marks.header.test(typ);
  if (!typed || marks.claims.some((name) => Object.hasOwn(claims, name))) return 'token_type';
  const uses = [claims['token_use'], claims['typ']].flat();
  return uses.some((use) => typeof use === 'string' && marks.uses.test(use)) ? 'token_type' : undefined;
}

function shapeFault(claims: Claims, rules: ClaimRules): ClaimFault | undefined {
  const { exp, nbf, iat, cnf } = claims;
  if (![exp, nbf, iat].every(isTime)) return 'token_claims';
  if (exp === undefined && (rules.requireExp || rules.tokenType === 'access_token')) return 'token_claims';
  if (iat === undefined && rules.maxAge !== undefined) return 'token_claims';
  if (!hasNameShapes(claims)) return 'token_claims';
  return cnf === undefined || cnf === null || rules.ignoreCnf ? undefined : 'token_claims';
}

/** RFC 7519 §2 NumericDate: a string, `null` or 1e999 is not a time. */
function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function audienceFault(claims: Claims, { audience, tokenType }: ClaimRules): ClaimFault | undefined {
  if (audience === undefined) return undefined;
  if (!hasAudience(claims, audience)) return 'token_audience';
  return tokenType === 'id_token' && !isParty(claims, audience) ? 'token_audience' : undefined;
}

/** OpenID Connect Core §3.1.3.7: an ID token for several audiences names in `azp` the client that it was issued to. */
function isParty({ aud, azp }: Claims, audience: readonly string[]): boolean {
  return !Array.isArray(aud) || new Set(aud).size === 1 || (typeof azp === 'string' && audience.includes(azp));
}

function isPlainIn({ claims, input }: CheckedToken, path: string): boolean {
  if (!input) return false;
  const [, payload = ''] = input.toString('latin1').split('.');
  return isPlainNumber(claims, { path, odd: oddNumbers(Buffer.from(payload, 'base64url').toString('utf8')) });
}
