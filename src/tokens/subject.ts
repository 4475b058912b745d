/** Chooses the subject of a token or introspection answer: the first claim of `subject_claim` that has a value. */
import { findClaim, isAmbiguousClaim, isUnverifiedEmail } from '../lib/claim-path.js';

export interface SubjectRules {
  /** Claim paths, in order. */
  readonly claims: readonly string[];
  /** Whether the file names the claims. Such a claim may be a safe integer. */
  readonly named: boolean;
}

/** RFC 7519 §4.1.2; RFC 9068 §2.2 for a client that acts for itself. */
export const USUAL_SUBJECT: SubjectRules = { claims: ['sub', 'client_id'], named: false };

export type SubjectFault = 'subject_missing' | 'subject_invalid';

/** The subject, and where it comes from: the claim and its type are part of who the caller is. */
export interface Subject {
  readonly text: string;
  readonly claim: string;
  readonly type: 'string' | 'number';
}

export const LONGEST_SUBJECT = 256;

type Members = Readonly<Record<string, unknown>>;

export function subjectRules(claims: readonly string[] | undefined): SubjectRules {
  return claims === undefined ? USUAL_SUBJECT : { claims, named: true };
}

/**
 * Returns the subject, or why there is none. Only a missing or empty claim leads to the next claim. A claim of another
 * type is a fault: otherwise a client that can spoil one claim would choose its identity in the next claim.
 *
 * @param isPlain Whether the text of the token writes the number of the claim as a plain integer.
 */
export function findSubject(
  claims: Members,
  rules: SubjectRules = USUAL_SUBJECT,
  isPlain: (claim: string) => boolean = () => true,
): Subject | SubjectFault {
  for (const claim of rules.claims) {
    if (isAmbiguousClaim(claims, claim)) return 'subject_invalid';
    const found = findClaim(claims, claim);
    const value = found?.owner[found.name];
    if (!found || value === undefined || value === '') continue;
    if (isUnverifiedEmail(found) || isUnverifiedEmail({ ...found, owner: claims })) continue;
    const subject = subjectOf(value, { claim, rules });
    if (subject === undefined || subject.text.length > LONGEST_SUBJECT) return 'subject_invalid';
    return subject.type === 'string' || isPlain(claim) ? subject : 'subject_invalid';
  }
  return 'subject_missing';
}

function subjectOf(value: unknown, { claim, rules }: { claim: string; rules: SubjectRules }): Subject | undefined {
  if (typeof value === 'string') return { text: value, claim, type: 'string' };
  const isId = rules.named && Number.isSafeInteger(value) && !Object.is(value, -0);
  return isId ? { text: String(value), claim, type: 'number' } : undefined;
}

/** Claims that a user or an administrator of a tenant can change, or that can pass to another person. */
const MUTABLE: ReadonlySet<string> = new Set(['email', 'preferred_username', 'upn', 'name', 'unique_name', 'nickname']);

/** Claims with one value for many callers. */
const SHARED: ReadonlySet<string> = new Set(
  (
    'role roles group groups scope scp iss aud acr amr typ token_use type tid tenant tenant_id org org_id ' +
    'organization realm ref ver'
  ).split(' '),
);

const lastName = (claim: string): string => claim.split(/[./]/).at(-1) ?? claim;

export const isMutableClaim = (claim: string): boolean => MUTABLE.has(lastName(claim));
export const isSharedClaim = (claim: string): boolean => SHARED.has(lastName(claim));
