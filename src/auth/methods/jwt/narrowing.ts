/** The identity of a verified token, and the conditions of a route on such a caller. */
import { hasClaims } from '../../../tokens/claim-values.js';
import { hasAudience, scopesOf, subjectOf } from '../../../tokens/introspection-claims.js';
import type { Claims } from '../../../tokens/jws.js';
import type { Identity } from '../../identity.js';
import type { ReasonCode } from '../../verdict.js';
import type { JwtIssuer } from './issuers.js';
import type { JwtNarrowing } from './options.js';

/** The names that the file gives to issuers, for use in routes. The identity has one shape for all auth methods. */
const issuerNames = new WeakMap<Identity, string>();

/** The identity from claims that were verified under the rules of an issuer. */
export function identityOf(claims: Claims, { issuer, name: issuerName }: JwtIssuer): Identity {
  const { iss, exp, name } = claims;
  const from = issuer ?? iss;
  const identity: Identity = {
    method: 'jwt',
    subject: subjectOf(claims) as string,
    ...(typeof from === 'string' ? { issuer: from } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    scopes: scopesIn(claims),
    claims,
    ...(typeof exp === 'number' ? { expiresAt: exp } : {}),
  };
  if (issuerName !== undefined) issuerNames.set(identity, issuerName);
  return identity;
}

/** `scope` of RFC 9068 §2.2.3, or `scp` of Okta and Entra. */
function scopesIn({ scope, scp }: Claims): readonly string[] {
  return scopesOf({ scope: scope ?? scp });
}

type Required = Pick<JwtIssuer, 'required_claims' | 'required_scopes'>;

/** The reason why a verified caller is not allowed here, or undefined. */
export function missingOf({ claims, scopes }: Identity, required: Partial<Required>): ReasonCode | undefined {
  if (required.required_scopes?.some((scope) => !scopes.includes(scope))) return 'insufficient_scope';
  return hasClaims(claims, required.required_claims ?? {}) ? undefined : 'not_allowed';
}

export function judgeNarrowing(narrowing: JwtNarrowing, identity: Identity): ReasonCode | undefined {
  const { issuers, audience, required_scopes = [], required_claims = {} } = narrowing;
  if (
    issuers &&
    ![identity.issuer, issuerNames.get(identity)].some((name) => name !== undefined && issuers.includes(name))
  )
    return 'token_issuer';
  if (audience && !hasAudience(identity.claims, audience)) return 'token_audience';
  return missingOf(identity, { required_scopes, required_claims });
}
