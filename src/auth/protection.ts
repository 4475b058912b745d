/** The protection of a handler of the host, as the code of the host writes it. */
import type { NonEmpty } from '../lib/types.js';
import type { Requirement } from './requirement.js';

/**
 * What guards a handler of the host application: an auth method, a list of which one is enough, or a requirement.
 *
 * @example
 * import { loom, type Protection } from 'loom-auth';
 *
 * const staff: Protection = ['jwt', 'mtls'];
 * const guard = loom('loom.yaml').protect(staff);
 */
export type Protection = string | readonly string[] | Requirement;

/** @throws TypeError for an empty list */
export function requirementOf(protection: Protection): Requirement {
  if (typeof protection === 'string') return { kind: 'method', name: protection };
  if (!isList(protection)) return protection;
  const [first, ...rest] = protection.map((name): Requirement => ({ kind: 'method', name }));
  if (!first) throw new TypeError('protect() needs at least one method');
  return { kind: 'any', of: [first, ...rest] satisfies NonEmpty<Requirement> };
}

function isList(protection: Exclude<Protection, string>): protection is readonly string[] {
  return Array.isArray(protection);
}
