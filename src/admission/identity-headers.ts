/** Sets the identity headers of verified identities, after `strip-identity-headers.ts` removed the client's copies. */
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { HeaderFields } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { setField } from '../http/fields.js';
import { claimAt, findClaim, isUnverifiedEmail } from '../lib/claim-path.js';
import { headerValue, type HeaderValue, type Omission } from '../http/header-value.js';

/** The header rules of each auth method, by method name. */
export type RulesByMethod = ReadonlyMap<string, readonly HeaderRule[]>;

export interface Assertion {
  readonly set: HeaderFields;
  /** For the log: the header and the reason, never the value. */
  readonly omitted: readonly { readonly header: string; readonly claim: string; readonly why: Omission }[];
  /** Two identities have different values for one header. The response is 403, and no header is set. */
  readonly conflict: boolean;
  /** The header of the conflict. */
  readonly header?: string;
}

/**
 * Sets each header once, in every view of the request. If several identities have the header, the first identity sets
 * it. Runs after `prepareForward`, which removes the headers that the client's `Connection` names.
 */
export function assertIdentity(req: IncomingMessage, rules: RulesByMethod, identities: readonly Identity[]): Assertion {
  const assertion = identityHeaders(rules, identities);
  for (const [header, value] of assertion.set) setField(req, header, value);
  return assertion;
}

/** Returns what `assertIdentity` sets, without setting it. */
export function identityHeaders(rules: RulesByMethod, identities: readonly Identity[]): Assertion {
  if (identities.length === 0) return NOTHING;
  const set: (readonly [string, string])[] = [];
  const omitted: Assertion['omitted'][number][] = [];
  for (const identity of identities) {
    for (const rule of rulesFor(identity, rules)) {
      const { header, claim } = rule;
      const value = valueOf(identity.claims, claim);
      if (value.kind === 'omitted') {
        omitted.push({ header, claim, why: value.why });
        continue;
      }
      const earlier = set.find(([name]) => isAlike(name, header));
      if (!earlier) set.push([header, value.text]);
      else if (earlier[1] !== value.text) return { set: [], omitted, conflict: true, header };
    }
  }
  return { set, omitted, conflict: false };
}

/** Folding does not change the length, so most names need no folding. */
function isAlike(left: string, right: string): boolean {
  return left === right || (left.length === right.length && foldName(left) === foldName(right));
}

const NOTHING: Assertion = { set: [], omitted: [], conflict: false };
const NO_RULES: readonly HeaderRule[] = [];

/** The mapping of an issuer replaces the common mapping (`issuers[].claims_to_headers`). */
function rulesFor(identity: Identity, byMethod: RulesByMethod): readonly HeaderRule[] {
  const rules = byMethod.get(identity.method) ?? NO_RULES;
  if (!rules.some(isOfIssuer)) return rules;
  const own = rules.filter((rule) => rule.issuer !== undefined && rule.issuer === identity.issuer);
  return own.length > 0 ? own : rules.filter((rule) => rule.issuer === undefined);
}

const isOfIssuer = ({ issuer }: HeaderRule): boolean => issuer !== undefined;

function valueOf(claims: Identity['claims'], path: string): HeaderValue {
  const found = findClaim(claims, path);
  if (!found) return headerValue(undefined);
  if (isUnverifiedEmail(found)) return { kind: 'omitted', why: 'unverified' };
  return headerValue(found.owner[found.name]);
}

/** The reasons why a present claim cannot be a header. `unverified` and `missing` describe the claim itself. */
const UNSENDABLE: ReadonlySet<Omission> = new Set(['control', 'too_long', 'type']);

/**
 * Whether a header is mapped from the subject but cannot be set. A claim counts as the subject if it has the same
 * value.
 */
export function hasUnsendableSubject(rules: RulesByMethod, identity: Identity): boolean {
  return rulesFor(identity, rules).some(({ claim, ofSubject }) => {
    if (!ofSubject && claimAt(identity.claims, claim) !== identity.subject) return false;
    const value = valueOf(identity.claims, claim);
    return value.kind === 'omitted' && UNSENDABLE.has(value.why);
  });
}
