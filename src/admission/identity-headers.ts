/** Sets the identity headers of verified identities, after `strip-identity-headers.ts` removed the client's copies. */
import type { Identity } from '../auth/identity.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { HeaderFields } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { claimAt, findClaim, isUnverifiedEmail } from '../lib/claim-path.js';
import { headerValue, type HeaderValue, type Omission } from '../http/header-value.js';

/** The header rules of each auth method, by method name. */
export type RulesByMethod = ReadonlyMap<string, readonly HeaderRule[]>;

export interface Assertion {
  readonly set: HeaderFields;
  /** For the log: the header and the reason, never the value. */
  readonly omitted: readonly { readonly header: string; readonly claim: string; readonly why: Omission }[];
  /** The header for which two identities have different values. The response is 403, and no header is set. */
  readonly conflict?: string | undefined;
}

/**
 * Compiles the header rules of a file. Headers are set after `prepareForward`, which removes the headers that the
 * client's `Connection` names.
 */
export class IdentityHeaders {
  /** The identity of a key, of a user and of a cached token is one object for many requests. */
  readonly #known = new WeakMap<Identity, OneAssertion>();

  constructor(private readonly rules: RulesByMethod) {}

  /** If several identities have a header, the first identity sets it. */
  of(identities: readonly Identity[]): Assertion {
    const [first] = identities;
    if (first === undefined) return NOTHING;
    return identities.length === 1 ? this.#ofOne(first) : merge(identities.map((each) => this.#ofOne(each)));
  }

  /** Whether a header is mapped from the subject but cannot be set. */
  hasUnsendableSubject(identity: Identity): boolean {
    return this.#ofOne(identity).unsendableSubject;
  }

  /** Whether the file has header rules for this auth method. */
  hasRulesFor(method: string): boolean {
    return (this.rules.get(method) ?? NO_RULES).length > 0;
  }

  #ofOne(identity: Identity): OneAssertion {
    let known = this.#known.get(identity);
    if (!known) this.#known.set(identity, (known = applyRules(rulesFor(identity, this.rules), identity)));
    return known;
  }
}

/** What one identity sets. */
interface OneAssertion extends Assertion {
  readonly unsendableSubject: boolean;
}

function applyRules(rules: readonly HeaderRule[], identity: Identity): OneAssertion {
  const set: Field[] = [];
  const omitted: Omitted[] = [];
  let conflict: string | undefined;
  let unsendableSubject = false;
  for (const rule of rules) {
    const { header, claim } = rule;
    const value = valueOf(identity.claims, claim);
    if (value.kind === 'omitted') {
      omitted.push({ header, claim, why: value.why });
      unsendableSubject ||= UNSENDABLE.has(value.why) && isSubject(rule, identity);
    } else if (!add(set, [header, value.text])) conflict ??= header;
  }
  return { set: conflict === undefined ? set : [], omitted, conflict, unsendableSubject };
}

function merge(all: readonly Assertion[]): Assertion {
  const set: Field[] = [];
  const omitted = all.flatMap((each) => each.omitted);
  let conflict = all.find((each) => each.conflict !== undefined)?.conflict;
  for (const field of all.flatMap((each) => each.set)) if (!add(set, field)) conflict ??= field[0];
  return { set: conflict === undefined ? set : [], omitted, conflict };
}

type Field = readonly [name: string, value: string];
type Omitted = Assertion['omitted'][number];

/** Adds a header unless it is in the list. Returns false if the list has another value for it. */
function add(set: Field[], field: Field): boolean {
  const earlier = set.find(([name]) => isAlike(name, field[0]));
  if (!earlier) set.push(field);
  return !earlier || earlier[1] === field[1];
}

/** Folding does not change the length, so most names need no folding. */
function isAlike(left: string, right: string): boolean {
  return left === right || (left.length === right.length && foldName(left) === foldName(right));
}

const NOTHING: Assertion = { set: [], omitted: [] };
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

/** A claim counts as the subject if it has the same value. */
function isSubject({ claim, ofSubject }: HeaderRule, identity: Identity): boolean {
  return ofSubject === true || claimAt(identity.claims, claim) === identity.subject;
}
