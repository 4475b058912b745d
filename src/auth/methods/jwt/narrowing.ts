/** The identity of a verified token, and the conditions of a route on such a caller. */
import { familyOf } from '../../../tokens/algorithms.js';
import { scopesOf } from '../../../tokens/claim-values.js';
import { hasAudience } from '../../../tokens/introspection-claims.js';
import type { Claims } from '../../../tokens/jws.js';
import type { Identity } from '../../identity.js';
import { missingOf } from '../required-claims.js';
import { subjectOf, tellSubject } from '../token-subject.js';
import type { ReasonCode } from '../../verdict.js';
import type { JwtIssuer } from './issuers.js';
import type { JwtNarrowing } from './options.js';

/** The entry of the file that verified the token. The identity has one shape for all auth methods. */
const entries = new WeakMap<Identity, JwtIssuer>();

/** The identity from claims that were verified under the rules of an issuer. */
export function identityOf(claims: Claims, entry: JwtIssuer): Identity {
  const { iss, exp, name } = claims;
  const from = entry.issuer ?? iss;
  const subject = subjectOf(claims, entry);
  const identity: Identity = {
    method: 'jwt',
    subject: subject.text,
    ...(typeof from === 'string' ? { issuer: from } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    scopes: scopesOf(claims, entry.scope_claims),
    claims,
    ...(typeof exp === 'number' ? { expiresAt: exp } : {}),
  };
  entries.set(identity, entry);
  tellSubject(identity, subject);
  return identity;
}

/** Whether this entry, of several with one issuer, verified the token: no two of them share a family of algorithms. */
export function verifiedBy({ algorithms }: JwtIssuer, identity: Identity): boolean {
  const families = new Set(entries.get(identity)?.algorithms.map(familyOf));
  return algorithms.some((each) => families.has(familyOf(each)));
}

/** What a route may call the issuer of an identity: its `iss`, the `name` of its entry, the template it comes from. */
function namesOf(identity: Identity): readonly string[] {
  const entry = entries.get(identity);
  return [identity.issuer, entry?.name, entry?.template].filter((name) => name !== undefined);
}

export function judgeNarrowing(narrowing: JwtNarrowing, identity: Identity): ReasonCode | undefined {
  const { issuers, audience, ...demands } = narrowing;
  if (issuers && !namesOf(identity).some((name) => issuers.includes(name))) return 'token_issuer';
  if (audience && !hasAudience(identity.claims, audience)) return 'token_audience';
  return missingOf(identity, demands);
}
