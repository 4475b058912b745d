/** Routes compared by what the upstream receives: a weaker route must not deliver what a stricter one guards. */
import type { Requirement } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import { parsePattern, patternKey, type Pattern } from '../pattern.js';
import type { PlannedRoute } from '../plan-types.js';
import type { Placed } from './groups.js';
import { Guards } from './guards.js';
import { covers, coversHost, meet } from './patterns.js';
import { nameOf } from './siblings.js';
import type { Strictness } from './strictness.js';

interface Delivery extends Placed {
  /** The paths that the upstream receives through the route. */
  readonly image: Pattern;
  /** How they come about: equal for routes of which the router alone decides who gets a path. */
  readonly mapping: string;
  readonly overlap: boolean;
}

/** `overlaps` holds the places of the routes that say `overlap: true`. */
export function checkOverlap(
  routes: readonly Placed[],
  { overlaps, strictness, context }: { overlaps: ReadonlySet<number>; strictness: Strictness; context: Context },
): void {
  const byUpstream = new Map<string, Delivery[]>();
  for (const placed of routes) {
    const { upstream } = placed.route;
    if (upstream === undefined) continue;
    const delivery = { ...placed, ...deliveryOf(placed.route), overlap: overlaps.has(placed.place) };
    const others = byUpstream.get(upstream);
    if (others) others.push(delivery);
    else byUpstream.set(upstream, [delivery]);
  }
  for (const deliveries of byUpstream.values()) {
    if (!isPlain(deliveries)) checkUpstream(deliveries, strictness, context);
  }
}

/** One host and one mapping: what the router chose is what the upstream gets. */
function isPlain(deliveries: readonly Delivery[]): boolean {
  const [first] = deliveries;
  return deliveries.every(({ route, mapping }) => mapping === first?.mapping && route.host === first.route.host);
}

function checkUpstream(deliveries: readonly Delivery[], strictness: Strictness, { report }: Context): void {
  const guards = new Guards<Delivery>();
  for (const each of deliveries) if (each.route.requirement.kind !== 'open') guards.add(each);
  for (const weaker of deliveries) {
    if (weaker.overlap) continue;
    const stricter = stricterThan(weaker, guards, strictness);
    if (!stricter) continue;
    const message =
      `can deliver paths to ${weaker.route.upstream} that ${nameOf(stricter)} guards more strictly; ` +
      'say "overlap: true" if that is meant';
    report.error({ path: ['routes', weaker.place], code: 'route_overlap', message });
  }
}

/** A route that guards what this one delivers. */
function stricterThan(weaker: Delivery, guards: Guards<Delivery>, strictness: Strictness): Delivery | undefined {
  const { requirement } = weaker.route;
  const asksMore = (other: Requirement): boolean => !strictness.atLeastAsStrict(requirement, other);
  for (const each of guards.near(weaker.image, asksMore)) {
    if (!meet(weaker.image, each.image) || isChosen(weaker, each)) continue;
    // Of two that ask for different things, the broader one says what the narrower one is an exception from.
    const comparable = strictness.atLeastAsStrict(each.route.requirement, requirement);
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

function deliveryOf(route: PlannedRoute): { readonly image: Pattern; readonly mapping: string } {
  const { pattern, rewritePath, stripPrefix, addPrefix = '/' } = route;
  if (rewritePath !== undefined) {
    return { image: literal(rewritePath), mapping: JSON.stringify(['rewrite', patternKey(pattern), rewritePath]) };
  }
  const variable = pattern.segments.findIndex(({ kind }) => kind === 'one');
  const cut = stripPrefix ? pattern.segments.slice(0, variable < 0 ? pattern.segments.length : variable) : [];
  const added = literal(addPrefix).segments;
  const image = { segments: [...added, ...pattern.segments.slice(cut.length)], rest: pattern.rest };
  const prefix = (segments: Pattern['segments']): string => patternKey({ segments, rest: false });
  return { image, mapping: JSON.stringify(['prefix', prefix(cut), prefix(added)]) };
}

function literal(path: string): Pattern {
  const read = parsePattern(path);
  return 'fault' in read ? { segments: [], rest: true } : read;
}
