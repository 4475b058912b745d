/** Checks required values of claims, and reads the scopes of a token. */
import { unambiguousClaimAt } from '../lib/claim-path.js';
import type { Claims } from './jws.js';

export type ClaimValue = string | number | boolean;

/** A claim must exist (`null`), have one of the values of a list, or have all values of `all`. */
export type ClaimCondition = readonly ClaimValue[] | { readonly all: readonly ClaimValue[] } | null;

/** The conditions of claims, by name or path. */
export type RequiredClaims = Readonly<Record<string, ClaimCondition>>;

/** Whether the claims meet all conditions. If a claim is a list, its elements are compared. */
export function hasClaims(claims: Claims, required: RequiredClaims): boolean {
  return Object.entries(required).every(([path, condition]) => {
    const value = unambiguousClaimAt(claims, path);
    if (value === undefined || value === null) return false;
    if (condition === null) return true;
    const holds = isScopeClaim(path) ? holderOfScopes(value) : holderOf(value);
    return 'all' in condition ? condition.all.every(holds) : condition.some(holds);
  });
}

type Holds = (wanted: ClaimValue) => boolean;

function holderOf(value: unknown): Holds {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return (wanted) => given.includes(wanted);
}

/** RFC 6749 §3.3: a value of several words asks for all of these scopes, in any order. */
function holderOfScopes(value: unknown): Holds {
  const scopes = scopesIn(value);
  return (wanted) => hasScopes(scopes, String(wanted));
}

/** Values of a condition that no token has: no scope is an empty text. */
export function hasNoScope(claim: string, value: ClaimValue): boolean {
  return isScopeClaim(claim) && String(value).trim() === '';
}

/** `scope` of RFC 9068, `scp` of Okta and Entra; also as JSON pointers. */
function isScopeClaim(path: string): boolean {
  return /^\/?(?:scope|scp)$/.test(path);
}

/** Whether all scopes of a text, separated by spaces, are there. */
export function hasScopes(scopes: readonly string[], wanted: string): boolean {
  const words = wanted.split(' ').filter(Boolean);
  return words.length > 0 && words.every((word) => scopes.includes(word));
}

/** A text of scopes separated by spaces (RFC 6749 §3.3), or the list that some servers send. */
function scopesIn(value: unknown): readonly string[] {
  const listed = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as unknown[]) : [];
  return listed.filter((each): each is string => typeof each === 'string' && each !== '' && !each.includes(' '));
}

/** The scopes of all claims of `scope_claims`. Default: `scope`, else `scp`. */
export function scopesOf(claims: Claims, scopeClaims?: readonly string[]): readonly string[] {
  if (scopeClaims === undefined) return scopesIn(claims['scope'] ?? claims['scp']);
  return [...new Set(scopeClaims.flatMap((path) => scopesIn(unambiguousClaimAt(claims, path))))];
}
