/** Reads single claims by name or dotted path, and checks required values. */
import type { Claims } from './jws.js';

export type ClaimValue = string | number | boolean;

/** Claims that must exist (`null`) or have one of these values. */
export type RequiredClaims = Readonly<Record<string, readonly ClaimValue[] | null>>;

/** Whether the claims have all required values. If a claim is a list, one element must match. */
export function hasClaims(claims: Claims, required: RequiredClaims): boolean {
  return Object.entries(required).every(([path, accepted]) => {
    const value = claimAt(claims, path);
    if (value === undefined || value === null) return false;
    if (accepted === null) return true;
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    return given.some((each) => accepted.some((one) => one === each));
  });
}

/** Returns the claim with exactly this name, because names are often URLs. Otherwise returns the claim at the path. */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Claims)[name];
  }
  return value;
}
