/** The requirement of a route on a caller, as plain data. */
import type { NonEmpty } from '../lib/types.js';

/**
 * The limits of a route on one auth method, by the option names of the file.
 *
 * @example
 * import type { Narrowing } from 'loom-auth';
 *
 * const writers: Narrowing = { required_scopes: ['write'] };
 */
export type Narrowing = Readonly<Record<string, unknown>>;

/**
 * What a route requires of a caller, as data.
 *
 * @example
 * import { loom, type Requirement } from 'loom-auth';
 *
 * const both: Requirement = {
 *   kind: 'all',
 *   of: [{ kind: 'method', name: 'mtls' }, { kind: 'method', name: 'jwt', narrow: { required_scopes: ['pay'] } }],
 * };
 * const guard = loom('loom.yaml').protect(both);
 */
export type Requirement =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'method';
      readonly name: string;
      readonly narrow?: Narrowing;
      readonly identity?: 'unneeded' | 'address';
    }
  | { readonly kind: 'optional'; readonly of: Requirement }
  | { readonly kind: 'any'; readonly of: NonEmpty<Requirement>; readonly onInvalid?: 'continue' | 'stop' }
  | { readonly kind: 'all'; readonly of: NonEmpty<Requirement> };

/**
 * What a WASM plugin grants that continues without an identity. `unneeded`: nothing, because another method has decided
 * who calls. `address`: an identity whose subject is the client address.
 */
export type WithoutIdentity = 'unneeded' | 'address';

export const OPEN: Requirement = { kind: 'open' };

/**
 * Whether a request without a credential can pass. Every rule about open routes calls this function and never reads
 * `kind`.
 *
 * @example isOpen({ kind: 'optional', of: { kind: 'method', name: 'jwt' } }) // true
 */
export function isOpen(requirement: Requirement): boolean {
  switch (requirement.kind) {
    case 'open':
    case 'optional':
      return true;
    case 'method':
      return false;
    case 'any':
      return requirement.of.some(isOpen);
    case 'all':
      return requirement.of.every(isOpen);
  }
}

/**
 * Whether some request without a credential passes, because nothing but plugins that need no identity guards the
 * requirement.
 */
export function needsNoIdentity(requirement: Requirement): boolean {
  switch (requirement.kind) {
    case 'open':
    case 'optional':
      return true;
    case 'method':
      return requirement.identity !== undefined;
    case 'any':
      return requirement.of.some(needsNoIdentity);
    case 'all':
      return requirement.of.every(needsNoIdentity);
  }
}

/** The names of the auth methods in a requirement, in order and without duplicates. */
export function methodsOf(requirement: Requirement): readonly string[] {
  switch (requirement.kind) {
    case 'open':
      return [];
    case 'method':
      return [requirement.name];
    case 'optional':
      return methodsOf(requirement.of);
    case 'any':
    case 'all':
      return [...new Set(requirement.of.flatMap(methodsOf))];
  }
}

/**
 * Describes a requirement in words, for the access table and the log.
 *
 * @example describe({ kind: 'any', of: [{ kind: 'method', name: 'jwt' }, { kind: 'method', name: 'api_key' }] }) // 'jwt or api_key'
 */
export function describe(requirement: Requirement): string {
  return inWords(requirement, ({ name, narrow }) => (narrow ? `${name} (narrowed)` : name));
}

/**
 * Describes a requirement with everything that it demands.
 *
 * @example describeFully({ kind: 'method', name: 'jwt', narrow: { any_scope: ['read'] } }) // 'jwt (any_scope ["read"])'
 */
export function describeFully(requirement: Requirement): string {
  return inWords(requirement, ({ name, narrow = {}, identity }) => {
    const limits = Object.entries(narrow).map(([option, value]) => `${option} ${JSON.stringify(value)}`);
    const words = identity === undefined ? limits : [...limits, 'without an identity'];
    return words.length === 0 ? name : `${name} (${words.join(', ')})`;
  });
}

type MethodRequirement = Requirement & { readonly kind: 'method' };

function inWords(requirement: Requirement, methodWords: (method: MethodRequirement) => string): string {
  const nested = (part: Requirement): string => {
    const several = (part.kind === 'any' || part.kind === 'all') && part.of.length > 1;
    return several ? `(${inWords(part, methodWords)})` : inWords(part, methodWords);
  };
  switch (requirement.kind) {
    case 'open':
      return 'PUBLIC';
    case 'method':
      return methodWords(requirement);
    case 'optional':
      return `optional ${nested(requirement.of)}`;
    case 'any':
      return requirement.of.map(nested).join(' or ');
    case 'all':
      return requirement.of.map(nested).join(' and ');
  }
}
