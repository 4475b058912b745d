/** What a file leaves open beside its guards: catch-alls that take over a guarded path, and entries of `opens`. */
import { isOpen } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { isOpenRoute } from '../open-routes.js';
import { names } from '../opens.js';
import { patternKey, type Pattern } from '../pattern.js';
import type { PlannedOpening, PlannedRoute } from '../plan-types.js';
import type { Draft } from '../plan/plan.js';
import { methodsServed, type Placed } from './groups.js';
import { Guards } from './guards.js';
import { covers, coversHost, meet } from './patterns.js';
import { nameOf } from './siblings.js';

interface Guarding extends Placed {
  readonly image: Pattern;
}

/** A slip in a guarded path, or a guard that is gone, opens the path at the next start: no reload compares anything then. */
export function warnOfCatchAlls(routes: readonly Placed[], { report }: Context): void {
  const guards = new Guards<Guarding>();
  for (const placed of routes) {
    if (!isOpen(placed.route.requirement)) guards.add({ ...placed, image: placed.route.pattern });
  }
  for (const { route, place } of routes) {
    if (!isOpenRoute(route) || !hasWildcard(route.pattern)) continue;
    for (const guard of guards.near(route.pattern, () => true)) {
      if (!takesOver(route, guard.route)) continue;
      const message =
        `PUBLIC catch-all: it takes the requests for ${guard.route.path} if ${nameOf(guard)} is misspelt or removed; ` +
        'name each public path instead';
      report.warning({ path: ['routes', place], code: 'public_catch_all', message });
      break;
    }
  }
}

function hasWildcard({ segments, rest }: Pattern): boolean {
  return rest || segments.some(({ kind }) => kind === 'one');
}

/** Whether requests of the guard would go to the open route if the guard were not there. */
function takesOver(open: PlannedRoute, guard: PlannedRoute): boolean {
  if (open === guard || !covers(open.pattern, guard.pattern) || !coversHost(open.host, guard.host)) return false;
  // A higher priority hides the guard today: other checks report that.
  if (open.priority > guard.priority) return false;
  const guarded = methodsServed(guard);
  return [...methodsServed(open)].some((method) => guarded.has(method));
}

export function checkOpens({ plan, places, blocks }: Draft, context: Context): void {
  const { report } = context;
  (plan.opens ?? []).forEach((entry, at) => {
    const path = blocks.opens[at]?.path ?? ['opens', at];
    const earlier = plan.opens?.slice(0, at).find((each) => isSame(each, entry));
    if (earlier) return report.error({ path, code: 'duplicate', message: `names what ${earlier.text} names already` });
    const guard = plan.routes.findIndex((route) => names(entry, route) && isGuard(route));
    const place = places[guard] ?? 0;
    if (guard >= 0 && !plan.routes.some((route) => isOpenRoute(route) && names(entry, route))) {
      const by = nameOf({ route: plan.routes[guard] as PlannedRoute, place });
      const message = `opens nothing now: ${by} guards ${entry.text}; remove the entry, or a later slip opens the path`;
      report.warning({ path, code: 'unused_opens', message });
    } else if (!isOpenSomewhere(entry, plan, context)) {
      const message = `opens nothing: no public route of this file takes ${entry.text}; remove the entry`;
      report.warning({ path, code: 'unused_opens', message });
    }
  });
}

function isSame(one: PlannedOpening, other: PlannedOpening): boolean {
  return one.host === other.host && patternKey(one.pattern) === patternKey(other.pattern);
}

/** With a condition it guards a part alone, and the entry may open the rest. */
function isGuard({ requirement, headers, query }: PlannedRoute): boolean {
  return !isOpen(requirement) && headers.length === 0 && query.length === 0;
}

function isOpenSomewhere(
  { host, pattern }: PlannedOpening,
  { routes, unmatched }: Draft['plan'],
  { mode }: Context,
): boolean {
  if (mode === 'middleware' && (!unmatched || isOpen(unmatched))) return true;
  return routes.some((route) => {
    if (!meet(route.pattern, pattern)) return false;
    const sameHost = host === undefined || coversHost(route.host, host) || coversHost(host, route.host);
    return sameHost && (isOpenRoute(route) || !isGuard(route));
  });
}
