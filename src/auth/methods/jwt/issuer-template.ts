/**
 * An `issuer` with `{claim}`, for a provider of several tenants. It is filled at load with the values that
 * `required_claims` lists, so that every accepted `iss` is an exact text of the file.
 */
import type { ClaimValue, RequiredClaims } from '../../../tokens/claim-values.js';

export interface FilledTemplate {
  readonly issuer: string;
  readonly claims: Readonly<Record<string, string>>;
}

const PLACEHOLDER = /\{([^{}]+)\}/g;
/** RFC 3986 §2.3: characters that cannot change the structure of a URL. */
const VALUE = /^[A-Za-z0-9._~-]{1,256}$/;
const MAX_ISSUERS = 1_000;

export function isTemplate(issuer: string): boolean {
  return /[{}]/.test(issuer);
}

/** Every exact issuer that the template accepts. Empty if the template cannot be filled. */
export function fillTemplate(template: string, required: RequiredClaims): readonly FilledTemplate[] {
  if (templateProblem(template, required) !== undefined) return [];
  let filled: readonly Readonly<Record<string, string>>[] = [{}];
  for (const claim of claimsIn(template))
    filled = filled.flatMap((claims) => valuesOf(required, claim).map((value) => ({ ...claims, [claim]: value })));
  return filled.map((claims) => ({
    issuer: template.replace(PLACEHOLDER, (_text, claim: string) => claims[claim] as string),
    claims,
  }));
}

/** Why the template cannot be filled, or undefined. */
export function templateProblem(template: string, required: RequiredClaims): string | undefined {
  if (isTemplate(template.replace(PLACEHOLDER, ''))) return 'has a brace without its pair; write {claim}';
  for (const claim of claimsIn(template)) {
    const listed = listedValues(required, claim);
    if (listed.length === 0)
      return `needs the values of "${claim}" in required_claims, such as {${claim}: [tenant-a, tenant-b]}`;
    const wrong = listed.find((value) => typeof value !== 'string' || !VALUE.test(value) || /^\.+$/.test(value));
    if (wrong !== undefined)
      return `cannot be filled with ${JSON.stringify(wrong)} of required_claims.${claim}; a value is a text of letters, digits, ".", "_", "~" and "-"`;
  }
  const count = claimsIn(template).reduce((product, claim) => product * valuesOf(required, claim).length, 1);
  return count > MAX_ISSUERS ? `has ${count} issuers; at most ${MAX_ISSUERS} are allowed` : undefined;
}

export function claimsIn(template: string): readonly string[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map(([, claim]) => claim as string))];
}

export function valuesOf(required: RequiredClaims, claim: string): readonly string[] {
  return listedValues(required, claim).filter((value): value is string => typeof value === 'string');
}

/** The values of which a token must have one. */
function listedValues(required: RequiredClaims, claim: string): readonly ClaimValue[] {
  const condition = Object.hasOwn(required, claim) ? required[claim] : undefined;
  return !condition || 'all' in condition ? [] : [...new Set(condition)];
}
