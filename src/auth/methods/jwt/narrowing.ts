/** The identity of a verified token, and the conditions of a route on such a caller. */
import { scopesOf } from '../../../tokens/claim-values.js';
import { hasAudience } from '../../../tokens/introspection-claims.js';
import type { Claims } from '../../../tokens/jws.js';
import type { Identity } from '../../identity.js';
import { missingOf } from '../required-claims.js';
import { subjectOf, tellSubject } from '../token-subject.js';
import type { ReasonCode } from '../../verdict.js';
import type { JwtIssuer } from './issuers.js';
import type { JwtNarrowing } from './options.js';

/** The names that the file gives to issuers, for use in routes. The identity has one shape for all auth methods. */
const issuerNames = new WeakMap<Identity, string>();

/** The identity from claims that were verified under the rules of an issuer. */
export function identityOf(claims: Claims, { issuer, name: issuerName, ...rules }: JwtIssuer): Identity {
  const { iss, exp, name } = claims;
  const from = issuer ?? iss;
  const subject = subjectOf(claims, rules);
  const identity: Identity = {
    method: 'jwt',
    subject: subject.text,
    ...(typeof from === 'string' ? { issuer: from } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    scopes: scopesOf(claims, rules.scope_claims),
    claims,
    ...(typeof exp === 'number' ? { expiresAt: exp } : {}),
  };
  if (issuerName !== undefined) issuerNames.set(identity, issuerName);
  tellSubject(identity, subject);
  return identity;
}

export function judgeNarrowing(narrowing: JwtNarrowing, identity: Identity): ReasonCode | undefined {
  const { issuers, audience, ...demands } = narrowing;
  if (
    issuers &&
    ![identity.issuer, issuerNames.get(identity)].some((name) => name !== undefined && issuers.includes(name))
  )
    return 'token_issuer';
  if (audience && !hasAudience(identity.claims, audience)) return 'token_audience';
  return missingOf(identity, demands);
}
