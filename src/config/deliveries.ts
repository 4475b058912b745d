/** The paths that each upstream receives: patterns of routes after their rewriting, grouped by application. */
import { atOnce, type Steps } from '../lib/slices.js';
import { isLoopback } from '../lib/tls-url.js';
import { isUnixAddress } from './address.js';
import { parsePattern, patternKey, type Pattern } from './pattern.js';
import type { PlannedRoute, PlannedUpstream } from './plan-types.js';

export interface Delivered {
  /** The index of the route. */
  readonly index: number;
  /** The paths that the upstream receives through the route. */
  readonly image: Pattern;
  /** The change of the path. Equal for routes of which the router alone decides who receives a path. */
  readonly mapping: string;
}

/**
 * Returns the deliveries of each application that receives paths from several hosts or with several changes. In all
 * other applications the upstream receives the path that the router has matched.
 */
export function deliveriesOf(
  routes: readonly PlannedRoute[],
  upstreams: readonly PlannedUpstream[],
): readonly (readonly Delivered[])[] {
  return atOnce(deliveriesInSteps(routes, upstreams));
}

export function* deliveriesInSteps(
  routes: readonly PlannedRoute[],
  upstreams: readonly PlannedUpstream[],
): Steps<readonly (readonly Delivered[])[]> {
  const applications = applicationsOf(upstreams);
  const byApplication = new Map<string, Delivered[]>();
  for (const [index, route] of routes.entries()) {
    const { upstream } = route;
    const application = upstream === undefined ? LOCAL : (applications.get(upstream) ?? upstream);
    const delivered = { index, ...deliveryOf(route) };
    const others = byApplication.get(application);
    if (others) others.push(delivered);
    else byApplication.set(application, [delivered]);
    yield;
  }
  return [...byApplication.values()].filter((group) => !isPlain(group, routes));
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
  if (isUnixAddress(endpoint)) return endpoint;
  const url = new URL(endpoint);
  const host = isLoopback(url) ? 'localhost' : url.hostname.replace(/\.$/, '');
  return `${host}:${url.port || url.protocol}`;
}

/** One host and one mapping: what the router chose is what the upstream gets. */
function isPlain(deliveries: readonly Delivered[], routes: readonly PlannedRoute[]): boolean {
  const hosts = new Set(deliveries.map(({ index }) => routes[index]?.host));
  return hosts.size === 1 && new Set(deliveries.map(({ mapping }) => mapping)).size === 1;
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
