/** The options that ask for claims and scopes, as `jwt` and `oauth` share them, and the conditions that no token meets. */
import { z } from 'zod';
import {
  hasClaims,
  hasNoScope,
  hasScopes,
  type ClaimCondition,
  type ClaimValue,
  type RequiredClaims,
} from '../../tokens/claim-values.js';
import type { Identity } from '../identity.js';
import type { Finding } from '../method.js';
import type { ReasonCode } from '../verdict.js';
import { claimPath } from './claim-fields.js';

const LITERAL =
  'is compared literally, so it is no wildcard and no pattern; list the exact values, or list the claims alone: [email]';

/** `*@example.com`, `^admin.+`. A group such as `/org/admins` is a plain value. */
const isPattern = (text: string): boolean => text.includes('*') || text.startsWith('^');

const scalar = () =>
  z.union([z.string().refine((text) => !isPattern(text), { error: LITERAL }), z.number(), z.boolean()], {
    error: 'must be a string, a number or true/false',
  });

const values = () => z.array(scalar()).min(1, 'must not be an empty list');

/**
 * `[email, roles]`: the claims are present. `{ email_verified: true, roles: [admin, ops] }`: each claim has the value,
 * or one of the values. `{ permissions: { all: [read, write] } }`: the claim has all values.
 */
export const requiredClaims = () =>
  z
    .union([
      z.array(claimPath()).min(1, 'must not be an empty list'),
      z
        .record(
          claimPath(),
          z.union([
            scalar(),
            values(),
            z.strictObject({ all: values().describe('Values that the claim must all have.') }),
          ]),
        )
        .refine((map) => Object.keys(map).length > 0, { error: 'must not be empty' }),
    ])
    .transform((given): RequiredClaims => {
      if (Array.isArray(given)) return Object.fromEntries(given.map((claim) => [claim, null]));
      const conditions = Object.entries(given).map(([claim, value]): [string, ClaimCondition] => [
        claim,
        typeof value === 'object' ? value : [value],
      ]);
      return Object.fromEntries(conditions);
    });

export interface Demands {
  readonly required_scopes?: readonly string[] | undefined;
  readonly any_scope?: readonly string[] | undefined;
  readonly required_claims?: RequiredClaims | undefined;
}

/** The reason why a verified caller is not allowed here, or undefined. */
export function missingOf({ claims, scopes: had }: Identity, demands: Demands): ReasonCode | undefined {
  const { required_scopes = [], any_scope: some, required_claims = {} } = demands;
  const hasAll = required_scopes.every((scope) => had.includes(scope));
  const hasOne = some === undefined || some.some((entry) => hasScopes(had, entry));
  if (!hasAll || !hasOne) return 'insufficient_scope';
  return hasClaims(claims, required_claims) ? undefined : 'not_allowed';
}

/** Claims with one value in each token. */
const SINGLE: ReadonlySet<string> = new Set(['iss', 'sub', 'client_id', 'azp', 'jti', 'exp', 'nbf', 'iat']);

/** Whether each token has at most one value of the claim. */
export function isSingleClaim(claim: string): boolean {
  return SINGLE.has(claim);
}

/** Conditions that no token meets: each request would be answered 403. `issuers`: those of the file, if it names them. */
export function impossibleClaims(
  required: RequiredClaims | undefined,
  issuers: readonly string[] | undefined,
): readonly Finding[] {
  return Object.entries(required ?? {}).flatMap(([claim, condition]): Finding[] => {
    const path = ['required_claims', claim];
    if (condition === null) return [];
    const wanted: readonly unknown[] = 'all' in condition ? condition.all : condition;
    if ('all' in condition && SINGLE.has(claim) && new Set(wanted).size > 1)
      return [{ level: 'error', path, message: `no token has several values of ${claim}` }];
    const isBlank = (each: unknown): boolean => hasNoScope(claim, each as ClaimValue);
    if ('all' in condition ? wanted.some(isBlank) : wanted.every(isBlank))
      return [{ level: 'error', path, message: 'asks for an empty scope, and no token has one; name the scopes' }];
    if (claim !== 'iss' || !issuers || wanted.some((each) => issuers.includes(String(each)))) return [];
    return [{ level: 'error', path, message: 'none of these is the issuer of the file, so no token has it' }];
  });
}
