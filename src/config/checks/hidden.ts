/** Patterns that a broader one with a higher priority hides altogether. */
import { isOpen } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import type { Group } from './groups.js';
import { covers, coversHost, meet } from './patterns.js';
import { nameOf } from './siblings.js';
import type { Strictness } from './strictness.js';

export function checkHidden(groups: readonly Group[], strictness: Strictness, context: Context): void {
  const lowest = Math.min(...groups.map(({ priority }) => priority));
  const raised = groups.filter(({ priority }) => priority > lowest).sort((a, b) => b.priority - a.priority);
  if (raised.length === 0) return;
  for (const group of groups) {
    const above = raised.find((each) => hides(each, group));
    if (above) tell(group, above, { strictness, context });
    else warnOfParts(group, raised, { strictness, context });
  }
}

function hides(above: Group, below: Group): boolean {
  return above.priority > below.priority && covers(above.pattern, below.pattern) && coversHost(above.host, below.host);
}

interface Tools {
  readonly strictness: Strictness;
  readonly context: Context;
}

/** A path that both have goes to the higher priority: a door that the narrower pattern does not show. */
function warnOfParts(group: Group, raised: readonly Group[], { strictness, context }: Tools): void {
  const guarded = group.routes.find(({ route }) => !isOpen(route.requirement));
  if (!guarded) return;
  for (const above of raised) {
    if (above.priority <= group.priority) return;
    if (!meet(above.pattern, group.pattern) || covers(group.pattern, above.pattern)) continue;
    if (!coversHost(above.host, group.host) && !coversHost(group.host, above.host)) continue;
    const { requirement } = guarded.route;
    const weaker = above.routes.find((each) => !strictness.atLeastAsStrict(each.route.requirement, requirement));
    if (!weaker) continue;
    const message = `${nameOf(weaker)} has a higher priority and asks for less: it takes the paths that both have`;
    context.report.warning({ path: ['routes', guarded.place], code: 'route_partly_hidden', message });
    return;
  }
}

function tell(group: Group, above: Group, { strictness, context }: Tools): void {
  for (const { route, place } of group.routes) {
    const path = ['routes', place];
    const weaker = above.routes.find((each) => !strictness.atLeastAsStrict(each.route.requirement, route.requirement));
    // What is open loses no guard.
    if (weaker && !isOpen(route.requirement)) {
      const message = `is hidden by ${nameOf(weaker)}, which has a higher priority and asks for less`;
      context.report.error({ path, code: 'route_hidden', message });
    } else {
      const names = above.routes.map(nameOf).join(', ');
      context.report.warning({
        path,
        code: 'route_hidden',
        message: `is never reached: ${names} has a higher priority`,
      });
    }
  }
}
