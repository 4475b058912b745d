/** Required claims in words, for lists of changes. */
import type { RequiredClaims } from '../../tokens/claim-values.js';

/** @example claimConditionText({ email: null, role: ['admin', 'ops'] }) // 'email; role admin, ops' */
export function claimConditionText(required: RequiredClaims): string {
  const words = Object.entries(required).map(([claim, condition]) => {
    if (condition === null) return claim;
    return 'all' in condition ? `${claim} all of ${condition.all.join(', ')}` : `${claim} ${condition.join(', ')}`;
  });
  return words.join('; ');
}
