/** Which routes are open: some request without a credential passes. Checks, `diff`, reloads and the access table share this. */
import { isOpen, needsNoIdentity } from '../auth/requirement.js';
import type { PlannedRoute } from './plan-types.js';

type Admission = Pick<PlannedRoute, 'requirement' | 'declaredOpen' | 'filtered'>;

/**
 * Plugins of `routes[].plugins` need not ask who calls, so a route that only they guard may open what it takes over. Where
 * such a route is itself to be protected, ask `isOpen` of its requirement: then its plugins count as a guard.
 */
export function isOpenRoute({ requirement, filtered = false }: Admission): boolean {
  return filtered || needsNoIdentity(requirement);
}

/** Whether the file says that an open route is open: `auth: none` or `require: false`. */
export function saysOpen({ requirement, declaredOpen }: Admission): boolean {
  return declaredOpen || (isOpen(requirement) && requirement.kind !== 'open');
}
