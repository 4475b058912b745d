/** Routes compared by what the upstream receives: a weaker route must not deliver what a stricter one guards. */
import { isOpen, type Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { deliveriesOf, type Delivered } from '../deliveries.js';
import { isOpenRoute } from '../open-routes.js';
import type { PlannedUpstream } from '../plan-types.js';
import type { Placed } from './groups.js';
import { Guards } from './guards.js';
import { covers, coversHost } from './patterns.js';
import { nameOf } from './siblings.js';
import type { Strictness } from './strictness.js';

interface Delivery extends Placed, Omit<Delivered, 'index'> {
  readonly overlap: boolean;
}

export interface OverlapFacts {
  readonly upstreams: readonly PlannedUpstream[];
  /** The places of the routes that say `overlap: true`. */
  readonly overlaps: ReadonlySet<number>;
  readonly strictness: Strictness;
  readonly context: Context;
}

export function checkOverlap(
  routes: readonly Placed[],
  { upstreams, overlaps, strictness, context }: OverlapFacts,
): void {
  const deliveries = deliveriesOf(
    routes.map(({ route }) => route),
    upstreams,
  );
  for (const group of deliveries) {
    const placed = group.map(({ index, ...delivery }): Delivery => {
      const each = routes[index] as Placed;
      return { ...each, ...delivery, overlap: overlaps.has(each.place) };
    });
    checkApplication(placed, strictness, context);
  }
}

function checkApplication(deliveries: readonly Delivery[], strictness: Strictness, { report }: Context): void {
  const guards = new Guards<Delivery>();
  for (const each of deliveries) if (!isOpen(each.route.requirement)) guards.add(each);
  for (const weaker of deliveries) {
    if (weaker.overlap) continue;
    const stricter = stricterThan(weaker, guards, strictness);
    if (!stricter) continue;
    const message =
      `can deliver paths to ${weaker.route.upstream ?? 'the host application'} that ${nameOf(stricter)} guards more strictly; ` +
      'say "overlap: true" if that is meant';
    report.error({ path: ['routes', weaker.place], code: 'route_overlap', message });
  }
}

/** A route that guards what this one delivers. */
function stricterThan(weaker: Delivery, guards: Guards<Delivery>, strictness: Strictness): Delivery | undefined {
  const { requirement } = weaker.route;
  const asksMore = (other: Requirement): boolean => !strictness.atLeastAsStrict(requirement, other);
  for (const each of guards.near(weaker.image, asksMore)) {
    if (isChosen(weaker, each)) continue;
    // Of two that ask for different things, the broader one says what the narrower one is an exception from.
    const comparable = isOpenRoute(weaker.route) || strictness.atLeastAsStrict(each.route.requirement, requirement);
    if (comparable || !covers(each.image, weaker.image) || covers(weaker.image, each.image)) return each;
  }
  return undefined;
}

/** Whether the paths in common are those of which the file says itself that this route has them. */
function isChosen(weaker: Delivery, stricter: Delivery): boolean {
  if (weaker.mapping !== stricter.mapping) return false;
  if (weaker.route.host === stricter.route.host) return true;
  return coversHost(stricter.route.host, weaker.route.host) && covers(stricter.route.pattern, weaker.route.pattern);
}
