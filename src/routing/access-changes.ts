/** Lists what a new file changes for callers: every path with another requirement, as text. */
import { isCertified, isConditional, Rules, wordsOf, type Ruled } from './access-rules.js';
import { isSameRegion, routeToAdd } from './consent.js';
import { CUT_OFF, AccessComparison, type AccessChange, type ComparedAccess } from './access-comparison.js';
import { coversRegion, methodsIn, samplesOfChanges, type Methods, type WordedRoute } from './changed-regions.js';
import { nameOfRegion, type SamplePath } from './sample-paths.js';

export type { AccessChange } from './access-comparison.js';

/**
 * @example accessChanges(before, after)[0] // { where: '/admin/*', before: 'jwt', after: 'PUBLIC', opens: true, route: 2 }
 */
export function accessChanges(before: Ruled, after: Ruled): readonly AccessChange[] {
  const next = Rules.create(after);
  const comparison = new AccessComparison(Rules.create(before), next, after.plan.opens ?? []);
  const methods = methodsIn([...before.plan.routes, ...after.plan.routes]);
  let lines: Line[] = [];
  for (const sample of samplesOfChanges(wordedRoutes(before), wordedRoutes(after))) {
    for (const line of linesAt(sample, comparison, methods)) {
      if (lines.some((each) => says(each, line))) continue;
      if (line.compared.change.opens) lines = lines.filter((each) => !says(line, each));
      lines.push(line);
    }
  }
  return lines.map(({ compared: { change, region }, methods: named }) => {
    const all = named.length === methods.size;
    const where = `${all ? '' : `${named.join(',')} `}${nameOfRegion(region)}`;
    const takes = next.routes[change.route ?? -1];
    const hasOwn = change.after === CUT_OFF || (takes && isSameRegion(takes, region));
    if (!change.consent || hasOwn) return { where, ...change };
    const route = routeToAdd({ region, methods: all ? [] : named, takes });
    return { where, ...change, consent: { ...change.consent, route } };
  });
}

interface Line {
  readonly compared: ComparedAccess;
  readonly methods: readonly string[];
  /** Equal for changes that share one line. */
  readonly key: string;
}

/** Whether the known line, for a region at least as broad, already covers the other line. */
function says(known: Line, { compared: { region }, key }: Line): boolean {
  if (known.key !== key) return false;
  return coversRegion(known.compared.region, region);
}

function linesAt(sample: SamplePath, comparison: AccessComparison, methods: Methods): readonly Line[] {
  const lines = new Map<string, { readonly compared: ComparedAccess; readonly methods: string[] }>();
  for (const [name, method] of methods) {
    const compared = comparison.at(sample, method);
    if (!compared) continue;
    const known = lines.get(compared.key);
    if (known) known.methods.push(name);
    else lines.set(compared.key, { compared, methods: [name] });
  }
  return [...lines.values()].map((line) => ({ ...line, key: `${line.compared.key} ${line.methods.join()}` }));
}

function wordedRoutes(ruled: Ruled): readonly WordedRoute[] {
  const certified = isCertified(ruled);
  return ruled.plan.routes.map((route) => {
    const { priority, methods } = route;
    const place = JSON.stringify([priority, methods, wordsOf(route), isConditional(route), certified]);
    return { route, words: { place, settings: '' } };
  });
}
