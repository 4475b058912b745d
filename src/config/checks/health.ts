/** `health` and `shutdown`: a health path that is no route, and listeners that both options are about. */
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';

/** No route may have the literal path of `health`, because its requests would never arrive. */
export function checkHealth({ plan, places }: Draft, context: Context): void {
  const { health, routes } = plan;
  const { report } = context;
  if (!health) return;
  routes.forEach(({ id, pattern }, at) => {
    if (pattern.rest || pattern.segments.some(({ kind }) => kind !== 'literal')) return;
    const path = `/${pattern.segments.map((segment) => (segment.kind === 'literal' ? segment.text : '')).join('/')}`;
    if (path !== health.path) return;
    const message = `is the path of the route ${id} (routes[${places[at] ?? at}]); give one of them another path`;
    report.error({ path: ['health', 'path'], code: 'duplicate', message });
  });
  warnWithoutListeners('health', 'answer health checks in the host application', context);
}

export function checkShutdown(context: Context): void {
  warnWithoutListeners('shutdown', 'let the host application close its server', context);
}

function warnWithoutListeners(key: string, cure: string, context: Context): void {
  if (context.mode !== 'middleware' || context.has(['listeners'])) return;
  context.report.warning({
    path: [key],
    code: 'no_effect',
    message: `a middleware has no listeners: ${cure}`,
    at: 'key',
  });
}
