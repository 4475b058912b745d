/** The checks that need the whole file. */
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';
import { checkAccess } from './access.js';
import { checkAuthorities } from './authorities.js';
import { checkCors } from './cors.js';
import { groupRoutes, type Placed } from './groups.js';
import { checkIdentityHeaders } from './headers.js';
import { checkHidden } from './hidden.js';
import { checkLimits } from './limits.js';
import { checkOpens, warnOfCatchAlls } from './openings.js';
import { checkOperations } from './operations.js';
import { checkOverlap } from './overlap.js';
import { checkPathSegments } from './path-segments.js';
import { checkProxies } from './proxies.js';
import { checkIds, checkListeners, checkUpstreamNames } from './references.js';
import { checkRetries } from './retries.js';
import { checkReservedHeaders } from './reserved-headers.js';
import { checkSiblings } from './siblings.js';
import { checkTrustedHeaders } from './trusted-headers.js';
import { Strictness } from './strictness.js';

export function checkDraft(draft: Draft, context: Context): void {
  const { plan, blocks } = draft;
  if (context.mode === 'serve') checkServable(context);
  checkUpstreamNames(blocks, context);
  checkIds(blocks, context);
  checkListeners(plan.listeners, blocks, context);
  checkAuthorities(plan, context);
  checkProxies(plan.trustedProxies, context);
  checkPathSegments(draft, context);
  checkIdentityHeaders(plan, context);
  checkReservedHeaders(plan, context);
  checkTrustedHeaders(plan, context);
  checkLimits(plan, context);
  checkOperations(draft, context);
  checkRetries(blocks, plan.upstreams, context);
  checkCors(blocks.cors, context);
  checkRoutes(draft, context);
  checkOpens(draft, context);
  // Last: it says nothing of files that have mistakes.
  checkAccess(draft, context);
}

function checkServable(context: Context): void {
  for (const [block, why] of [
    ['listeners', 'there is nothing to listen on'],
    ['routes', 'there is nothing to serve'],
  ] as const) {
    if (!context.has([block]))
      context.report.error({ path: [], code: 'missing', message: `${block} is required: ${why}` });
  }
}

function checkRoutes({ plan, blocks, places }: Draft, context: Context): void {
  const placed = plan.routes.map((route, at): Placed => ({ route, place: places[at] as number }));
  const overlaps = new Set(blocks.routes.filter(({ value }) => value.overlap).map(({ path }) => Number(path[1])));
  const strictness = new Strictness();
  const groups = groupRoutes(placed);
  for (const group of groups) checkSiblings(group, strictness, context);
  checkHidden(groups, strictness, context);
  warnOfCatchAlls(placed, context);
  checkOverlap(placed, { upstreams: plan.upstreams, overlaps, strictness, context });
}
