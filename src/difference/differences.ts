/** Lists everything that a new plan changes, by class. */
import { accessChanges, type AccessChange } from '../routing/access-changes.js';
import { CHANGE_CLASSES, type ChangeClass } from '../lib/change-classes.js';
import { comparableOf, concealOnce, type Comparable, type PlanOf } from './comparable.js';
import { compareTrees, type Difference } from './compare-trees.js';
import { DECLARED } from './route-classes.js';
import { routeDifferences } from './route-differences.js';

export type { Difference } from './compare-trees.js';

export interface PlanDifference {
  /** The access by path, with the consent that an opening needs. */
  readonly changes: readonly AccessChange[];
  /** By class, in the order of `CHANGE_CLASSES`. Contains the changes of access by path. */
  readonly differences: readonly Difference[];
}

/** Compares two plans of this process. */
export function planDifference(before: PlanOf, after: PlanOf): PlanDifference {
  const conceal = concealOnce();
  return differenceOf(comparableOf(before, conceal), comparableOf(after, conceal));
}

export function differenceOf(before: Comparable, after: Comparable): PlanDifference {
  const changes = accessChanges(ruledBy(before), ruledBy(after));
  const access = changes.map(({ where, before: was, after: is }): Difference => ({
    class: 'access',
    where,
    change: 'changed',
    before: was,
    after: is,
    seen: true,
  }));
  const trees = compareTrees(before.tree, after.tree, '');
  const demands = new Set(access.map(({ where }) => where));
  const routes = routeDifferences(withNewNames(before, trees), after).filter(
    // Another demand already says it.
    ({ option, where }) => option !== DECLARED || !demands.has(where),
  );
  const all = [...access, ...routes, ...trees];
  return { changes, differences: CHANGE_CLASSES.flatMap((each) => all.filter((one) => one.class === each)) };
}

const ruledBy = ({ rules, standalone }: Comparable) => ({ plan: rules, standalone });

/** The routes of an upstream that has another name now still send their requests to the same upstream. */
function withNewNames(before: Comparable, differences: readonly Difference[]): Comparable {
  const renamed = differences.filter(({ change, where }) => change === 'renamed' && where.startsWith('upstreams['));
  if (renamed.length === 0) return before;
  const names = new Map(renamed.map((each) => [JSON.stringify(each.before), each.after ?? '']));
  const routes = before.routes.map((route) => {
    const name = names.get(route.target.equal);
    return name === undefined
      ? route
      : { ...route, target: { ...route.target, equal: JSON.stringify(name), shown: name } };
  });
  return { ...before, routes };
}

/** The number of differences of each class that has some. */
export function countByClass(differences: readonly Difference[]): Readonly<Partial<Record<ChangeClass, number>>> {
  const counts = CHANGE_CLASSES.map((each) => [each, differences.filter((one) => one.class === each).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
