/** Sets the identity headers that verified identities imply; a client's own copies are gone by then (`strip.ts`). */
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/identity.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { HeaderFields } from '../context/request-context.js';
import { foldName } from '../http/header-policy.js';
import { setField } from '../http/fields.js';
import { headerValue, type HeaderValue, type Omission } from '../http/header-value.js';

/** The rules of each method, by its name. */
export type RulesByMethod = ReadonlyMap<string, readonly HeaderRule[]>;

export interface Assertion {
  readonly set: HeaderFields;
  /** For the log: the header and why, never the value. */
  readonly omitted: readonly { readonly header: string; readonly claim: string; readonly why: Omission }[];
  /** Two identities imply different values of one header: 403, and nothing was set. */
  readonly conflict: boolean;
}

/**
 * Sets each header once, in every view of the request; of several identities the first listed wins.
 * Runs after `prepareForward`, which drops what the client's `Connection` names.
 */
export function assertIdentity(req: IncomingMessage, rules: RulesByMethod, identities: readonly Identity[]): Assertion {
  const assertion = identityHeaders(rules, identities);
  for (const [header, value] of assertion.set) setField(req, header, value);
  return assertion;
}

/** What `assertIdentity` sets, without setting it. */
export function identityHeaders(rules: RulesByMethod, identities: readonly Identity[]): Assertion {
  const set = new Map<string, readonly [string, string]>();
  const omitted: Assertion['omitted'][number][] = [];
  for (const identity of identities) {
    for (const { header, claim } of rulesFor(identity, rules.get(identity.method) ?? [])) {
      const value = valueOf(identity.claims, claim);
      if (value.kind === 'omitted') {
        omitted.push({ header, claim, why: value.why });
        continue;
      }
      const key = foldName(header);
      const earlier = set.get(key);
      if (earlier && earlier[1] !== value.text) return { set: [], omitted, conflict: true };
      if (!earlier) set.set(key, [header, value.text]);
    }
  }
  return { set: [...set.values()], omitted, conflict: false };
}

/** An issuer's own map stands in place of the common one (`issuers[].claims_to_headers`). */
function rulesFor(identity: Identity, rules: readonly HeaderRule[]): readonly HeaderRule[] {
  const own = rules.filter((rule) => rule.issuer !== undefined && rule.issuer === identity.issuer);
  return own.length > 0 ? own : rules.filter((rule) => rule.issuer === undefined);
}

function valueOf(claims: Identity['claims'], path: string): HeaderValue {
  const found = lookUp(claims, path);
  if (!found) return headerValue(undefined);
  // OpenID Connect Core §5.1: an address that nobody has verified is whatever its owner typed.
  const doubtful = found.name === 'email' && Object.hasOwn(found.owner, 'email_verified');
  if (doubtful && found.owner['email_verified'] !== true) return { kind: 'omitted', why: 'unverified' };
  return headerValue(found.owner[found.name]);
}

/** What keeps a claim that is there from being a header. `unverified` and `missing` are said of the claim itself. */
const UNTELLABLE: ReadonlySet<Omission> = new Set(['control', 'too_long', 'type']);

/** Whether a header is mapped from the subject and cannot be set: a claim is the subject where it has its value. */
export function hasUntoldSubject(rules: RulesByMethod, identity: Identity): boolean {
  return rulesFor(identity, rules.get(identity.method) ?? []).some(({ claim, ofSubject }) => {
    if (!ofSubject && lookUpClaim(identity.claims, claim) !== identity.subject) return false;
    const value = valueOf(identity.claims, claim);
    return value.kind === 'omitted' && UNTELLABLE.has(value.why);
  });
}

/** The value of a claim by its dotted path; undefined where there is none. */
export function lookUpClaim(claims: Identity['claims'], path: string): unknown {
  const found = lookUp(claims, path);
  return found?.owner[found.name];
}

type Members = Readonly<Record<string, unknown>>;

/** Own properties only, so that `constructor.name` is nobody's claim; a name with dots (a URL) is tried whole first. */
function lookUp(claims: Members, path: string): { readonly owner: Members; readonly name: string } | undefined {
  if (Object.hasOwn(claims, path)) return { owner: claims, name: path };
  const names = path.split('.');
  const last = names.pop() as string;
  let owner = claims;
  for (const name of names) {
    const next = Object.hasOwn(owner, name) ? owner[name] : undefined;
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return undefined;
    owner = next as Members;
  }
  return Object.hasOwn(owner, last) ? { owner, name: last } : undefined;
}
