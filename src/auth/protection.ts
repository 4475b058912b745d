/** The protection of a handler of the host, as the code of the host writes it. */
import type { NonEmpty } from '../lib/types.js';
import type { Narrowing, Requirement } from './requirement.js';

/**
 * The `auth` of a route, with the option names of the file. A key that is not listed here is an auth method.
 *
 * @example
 * import { loom, type RouteAuth } from 'loom-auth';
 *
 * const readers: RouteAuth = { jwt: { required_scopes: ['read'] } };
 * const both: RouteAuth = { methods: ['jwt', 'mtls'], require_any: false };
 * const gate = loom('loom.yaml');
 * export const guards = [gate.protect(readers), gate.protect(both)];
 */
export interface RouteAuth {
  /** False: no credential is needed, but a credential that is sent must be valid. */
  readonly require?: boolean;
  /** The auth methods, in this order. */
  readonly methods?: readonly string[];
  /** True: one auth method is enough. False: all are required. */
  readonly require_any?: boolean;
  /** Whether a wrong credential ends the search. */
  readonly on_invalid?: 'continue' | 'stop';
  /** What each of the `methods` must say besides. */
  readonly narrow?: Readonly<Record<string, Narrowing>>;
  /** A plugin by its name. */
  readonly plugin?: string;
  /** Not an option: a `Requirement` has it. */
  readonly kind?: never;
  /** An auth method by its name: true, or what it must say besides. */
  readonly [method: string]: unknown;
}

/**
 * What guards a handler of the host application: an auth method, a list of which one is enough, the `auth` of a route, or
 * a requirement.
 *
 * @example
 * import { loom, type Protection } from 'loom-auth';
 *
 * const staff: Protection[] = ['jwt', ['jwt', 'mtls'], { jwt: { required_scopes: ['staff'] } }];
 * const gate = loom('loom.yaml');
 * export const guards = staff.map((protection) => gate.protect(protection));
 */
export type Protection = string | readonly string[] | RouteAuth | Requirement;

/** Returns the requirement of names, or of a requirement. Undefined for the `auth` of a route. */
export function requirementOf(protection: Protection): Requirement | undefined {
  if (typeof protection === 'string') return { kind: 'method', name: protection };
  if (isList(protection)) return anyOf(protection);
  if (typeof protection !== 'object' || protection === null) {
    throw new TypeError('protect() needs a method, a list of methods, or the auth of a route such as { jwt: true }');
  }
  return isRequirement(protection) ? protection : undefined;
}

/** @throws TypeError for an empty list */
function anyOf(names: readonly string[]): Requirement {
  const [first, ...rest] = names.map((name): Requirement => ({ kind: 'method', name }));
  if (!first) throw new TypeError('protect() needs at least one method');
  return { kind: 'any', of: [first, ...rest] satisfies NonEmpty<Requirement> };
}

function isList(protection: Protection): protection is readonly string[] {
  return Array.isArray(protection);
}

function isRequirement(protection: RouteAuth | Requirement): protection is Requirement {
  return typeof protection.kind === 'string';
}
