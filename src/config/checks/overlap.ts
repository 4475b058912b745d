/** Routes compared by what the upstream receives: a weaker route must not deliver what a stricter one guards. */
import { isOpen, type Requirement } from '../../auth/requirement.js';
import { isLoopback } from '../../lib/tls-url.js';
import type { Context } from '../context.js';
import { isOpenRoute } from '../open-routes.js';
import { parsePattern, patternKey, type Pattern } from '../pattern.js';
import type { PlannedRoute, PlannedUpstream } from '../plan-types.js';
import type { Placed } from './groups.js';
import { Guards } from './guards.js';
import { covers, coversHost } from './patterns.js';
import { nameOf } from './siblings.js';
import type { Strictness } from './strictness.js';

interface Delivery extends Placed {
  /** The paths that the upstream receives through the route. */
  readonly image: Pattern;
  /** How they come about: equal for routes of which the router alone decides who gets a path. */
  readonly mapping: string;
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
  const applications = applicationsOf(upstreams);
  const byApplication = new Map<string, Delivery[]>();
  for (const placed of routes) {
    const { upstream } = placed.route;
    const application = upstream === undefined ? LOCAL : (applications.get(upstream) ?? upstream);
    const delivery = { ...placed, ...deliveryOf(placed.route), overlap: overlaps.has(placed.place) };
    const others = byApplication.get(application);
    if (others) others.push(delivery);
    else byApplication.set(application, [delivery]);
  }
  for (const deliveries of byApplication.values()) {
    if (!isPlain(deliveries)) checkApplication(deliveries, strictness, context);
  }
}

/** The host application behind the middleware is one, independent of the `Host` that a client sends. */
const LOCAL = '';

/** Upstreams that share an endpoint are one application by two names: each name with the first of its kind. */
function applicationsOf(upstreams: readonly PlannedUpstream[]): ReadonlyMap<string, string> {
  const byEndpoint = new Map<string, string>();
  const names = new Map<string, string>();
  for (const { name, endpoints } of upstreams) {
    const places = endpoints.map(({ url }) => placeOf(url));
    const known = new Set(places.flatMap((place) => byEndpoint.get(place) ?? []));
    const [first = name] = known;
    names.set(name, first);
    for (const place of places) byEndpoint.set(place, first);
    // An upstream may join two that had nothing in common before.
    for (const [other, application] of names) if (known.has(application)) names.set(other, first);
    for (const [place, application] of byEndpoint) if (known.has(application)) byEndpoint.set(place, first);
  }
  return names;
}

/** `localhost:3000`, `127.0.0.1:3000` and `[::1]:3000` are usually one listener, whatever the protocol. */
function placeOf(endpoint: string): string {
  const url = new URL(endpoint);
  const host = isLoopback(url) ? 'localhost' : url.hostname.replace(/\.$/, '');
  return `${host}:${url.port || url.protocol}`;
}

/** One host and one mapping: what the router chose is what the upstream gets. */
function isPlain(deliveries: readonly Delivery[]): boolean {
  const [first] = deliveries;
  return deliveries.every(({ route, mapping }) => mapping === first?.mapping && route.host === first.route.host);
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

type Rewriting = Pick<PlannedRoute, 'rewritePath' | 'stripPrefix' | 'addPrefix'>;
const UNCHANGED: Rewriting = { stripPrefix: false };

function deliveryOf(route: PlannedRoute): { readonly image: Pattern; readonly mapping: string } {
  const { pattern } = route;
  // The host application gets the URL as the client sent it.
  const { rewritePath, stripPrefix, addPrefix = '/' } = route.upstream === undefined ? UNCHANGED : route;
  if (rewritePath !== undefined) {
    return {
      image: loosely(literal(rewritePath)),
      mapping: JSON.stringify(['rewrite', patternKey(pattern), rewritePath]),
    };
  }
  const variable = pattern.segments.findIndex(({ kind }) => kind === 'one');
  const cut = stripPrefix ? pattern.segments.slice(0, variable < 0 ? pattern.segments.length : variable) : [];
  const added = literal(addPrefix).segments;
  const image = loosely({ segments: [...added, ...pattern.segments.slice(cut.length)], rest: pattern.rest });
  const prefix = (segments: Pattern['segments']): string => patternKey({ segments, rest: false });
  return { image, mapping: JSON.stringify(['prefix', prefix(cut), prefix(added)]) };
}

/** As an upstream may read it that knows no width of letters and drops what ends a segment. */
function loosely({ segments, rest }: Pattern): Pattern {
  const read = (text: string): string => text.normalize('NFKC').replace(/[. ]{1,256}$/, '') || text;
  return { segments: segments.map((each) => (each.kind === 'one' ? each : { ...each, text: read(each.text) })), rest };
}

function literal(path: string): Pattern {
  const read = parsePattern(path);
  return 'fault' in read ? { segments: [], rest: true } : read;
}
