/** The subject options that `jwt` and `oauth` share: the subject of an identity, and the findings about the claims. */
import { oneOrMore } from '../../lib/fields.js';
import {
  findSubject,
  isMutableClaim,
  isSharedClaim,
  subjectRules,
  USUAL_SUBJECT,
  type Subject,
} from '../../tokens/subject.js';
import { rememberSubjectSource, type Identity } from '../identity.js';
import type { Finding } from '../method.js';
import { claimPath } from './claim-fields.js';

/** Claims of times and lists, which no caller has as a name. */
const NO_SUBJECT: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', 'aud', 'updated_at']);

const claimList = () =>
  oneOrMore(claimPath()).refine((claims) => new Set(claims).size === claims.length, {
    error: 'must not name a claim twice',
  });

export const subjectClaim = () =>
  claimList()
    .refine((claims) => !claims.some((claim) => NO_SUBJECT.has(claim)), {
      error: `must name a claim that identifies a caller, not ${[...NO_SUBJECT].join(', ')}`,
    })
    .describe('The claims that may be the subject; the first that has a value counts. Default: `sub`, `client_id`.');

export const scopeClaims = (usual: string) =>
  claimList().describe(`The claims that hold scopes; the scopes of all of them count. Default: ${usual}.`);

interface SubjectOptions {
  readonly subject_claim?: readonly string[] | undefined;
}

/** @throws TypeError The claims were not checked before. */
export function subjectOf(claims: Identity['claims'], { subject_claim }: SubjectOptions): Subject {
  const subject = findSubject(claims, subjectRules(subject_claim));
  if (typeof subject === 'string') throw new TypeError('the subject was not checked');
  return subject;
}

/** Keeps with the identity which claim is its subject. */
export function tellSubject(identity: Identity, { claim, type }: Subject): void {
  rememberSubjectSource(identity, { claim, type, shared: isSharedClaim(claim) });
}

/** The words of `check`. */
export function subjectWords({ subject_claim = USUAL_SUBJECT.claims }: SubjectOptions): string {
  return subject_claim.join(', else ');
}

/** `issuer` with a placeholder accepts several tenants, whose administrators can set these claims. */
export function subjectFindings({ subject_claim = [] }: SubjectOptions, issuer: string | undefined) {
  const severalTenants = issuer?.includes('{') === true;
  return subject_claim.flatMap((claim): Pick<Finding, 'level' | 'message'>[] => {
    if (isMutableClaim(claim)) {
      const message = `${claim} can change, and can name another person later`;
      if (severalTenants)
        return [{ level: 'error', message: `${message}: another tenant can set it; name "sub" or "oid"` }];
      return [{ level: 'warning', message: `${message}; prefer "sub"` }];
    }
    if (!isSharedClaim(claim)) return [];
    return [{ level: 'warning', message: `many callers have the same ${claim}: limits count them by address too` }];
  });
}
