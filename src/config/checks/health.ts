/** The path of `health`: no route may have the same literal path, because its requests would never arrive. */
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';

export function checkHealth({ plan, places }: Draft, context: Context): void {
  const { health, routes } = plan;
  const { report, mode } = context;
  if (!health) return;
  routes.forEach(({ id, pattern }, at) => {
    if (pattern.rest || pattern.segments.some(({ kind }) => kind !== 'literal')) return;
    const path = `/${pattern.segments.map((segment) => (segment.kind === 'literal' ? segment.text : '')).join('/')}`;
    if (path !== health.path) return;
    const message = `is the path of the route ${id} (routes[${places[at] ?? at}]); give one of them another path`;
    report.error({ path: ['health', 'path'], code: 'duplicate', message });
  });
  if (mode === 'middleware' && !context.has(['listeners'])) {
    const message = 'a middleware has no listeners: answer health checks in the host application';
    report.warning({ path: ['health'], code: 'no_effect', message, at: 'key' });
  }
}
