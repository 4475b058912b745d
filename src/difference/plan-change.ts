/** What a reload changed, in the form in which it is remembered. */
import type { Plan } from '../config/plan-types.js';
import { countByClass, planDifference } from './differences.js';
import { MOST_LINES, type ReloadRecord } from './reload-record.js';

export type PlanChange = Required<Pick<ReloadRecord, 'seen' | 'total' | 'summary' | 'differences'>>;

/** Both plans are those of a gateway with listeners of its own. */
export function planChange(before: Plan, after: Plan): PlanChange {
  const { differences } = planDifference({ plan: before, standalone: true }, { plan: after, standalone: true });
  return {
    seen: differences.some(({ seen }) => seen),
    total: differences.length,
    summary: countByClass(differences),
    differences: differences.slice(0, MOST_LINES),
  };
}
