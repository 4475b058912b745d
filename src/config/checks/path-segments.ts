/** Patterns with more segments than `max_path_segments` lets a request path have: no request can match them. */
import type { Pattern } from '../pattern.js';
import type { Draft } from '../plan/plan.js';
import type { Context } from '../context.js';
import type { Path } from '../report.js';

export function checkPathSegments({ plan, places }: Draft, context: Context): void {
  const most = plan.maxPathSegments;
  const check = ({ segments }: Pattern, path: Path): void => {
    if (segments.length <= most) return;
    const message = `has ${segments.length} segments, but a request path has at most ${most}; raise max_path_segments`;
    context.report.error({ path, code: 'never_matches', message });
  };
  plan.routes.forEach(({ pattern }, at) => check(pattern, ['routes', places[at] as number, 'path']));
  for (const pattern of plan.rateLimit?.exemptions.paths ?? []) check(pattern, ['rate_limit', 'exemptions']);
}
