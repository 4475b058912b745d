/** The checks of routes beside one another. */
import type { Context } from '../context.js';
import type { Draft } from '../plan/plan.js';
import { groupRoutes, type Placed } from './groups.js';
import { checkHidden } from './hidden.js';
import { warnOfCatchAlls } from './openings.js';
import { checkOverlap } from './overlap.js';
import { checkSiblings } from './siblings.js';
import { Strictness } from './strictness.js';

export function checkRoutes({ plan, blocks, places }: Draft, context: Context): void {
  const placed = plan.routes.map((route, at): Placed => ({ route, place: places[at] as number }));
  const overlaps = new Set(blocks.routes.filter(({ value }) => value.overlap).map(({ path }) => Number(path[1])));
  const strictness = new Strictness();
  const groups = groupRoutes(placed);
  for (const group of groups) checkSiblings(group, strictness, context);
  checkHidden(groups, strictness, context);
  warnOfCatchAlls(placed, context);
  checkOverlap(placed, { upstreams: plan.upstreams, overlaps, strictness, context });
}
