/** Upstreams that serve open and guarded routes: how the upstream reads a path decides what an open route reaches. */
import type { Context } from '../context.js';
import { isOpenRoute } from '../open-routes.js';
import type { Plan, PlannedRoute } from '../plan-types.js';

/** One note for each upstream, at its first open route. */
export function checkSharedUpstreams({ routes }: Pick<Plan, 'routes'>, context: Context): void {
  const reported = new Set<string>();
  routes.forEach((route, at) => {
    const { upstream } = route;
    if (upstream === undefined || reported.has(upstream) || !isOpenRoute(route)) return;
    const guarded = routes.filter((other) => other.upstream === upstream && !isOpenRoute(other));
    if (guarded.length === 0) return;
    reported.add(upstream);
    const message =
      `is public, and its upstream ${upstream} also serves ${listText(guarded)}: ` +
      'the upstream must not answer guarded paths through this route';
    context.report.note({ path: ['routes', at], code: 'public_beside_guarded', message });
  });
}

const MOST_NAMES = 3;

function listText(routes: readonly PlannedRoute[]): string {
  const names = routes.slice(0, MOST_NAMES).map(({ id }) => id);
  const more = routes.length - names.length;
  return `the guarded ${routes.length === 1 ? 'route' : 'routes'} ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
