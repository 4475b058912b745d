/** Decides whether a new file chose the route that has a region now, or whether the region only fell to it. */
import { isOpen } from '../auth/requirement.js';
import { isOpenRoute, saysOpen } from '../config/open-routes.js';
import { methodsServed } from '../config/checks/groups.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { pathOf } from '../config/opens.js';
import { patternKey } from '../config/pattern.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { isConditional, wordsOf, type Access, type Rules } from './access-rules.js';
import type { Region } from './sample-paths.js';

/** Two accesses of the same requests, before and after. */
export interface AccessPair {
  readonly was: Access;
  readonly is: Access;
}

const EVERYWHERE: Region = { pattern: { segments: [], rest: true } };

/** The region of the route, or of the middleware chain if no route matches. */
export function regionOf({ route }: Access): Region {
  return route ?? EVERYWHERE;
}

export class Consent {
  readonly #old: ReadonlyMap<string, readonly PlannedRoute[]>;
  /** Old routes that the new file no longer has, grouped by demand. Each may have grown into another route. */
  readonly #gone: ReadonlyMap<string, readonly PlannedRoute[]>;
  /** The demands that the new file still guards, for some requests at least. */
  readonly #guarded: ReadonlySet<string>;

  constructor(
    private readonly before: Rules,
    after: Rules,
  ) {
    this.#old = groupBy(before.routes, reachOf);
    const present = new Set(after.routes.map((route) => `${kinOf(route)} ${reachOf(route)}`));
    const gone = before.routes.filter((route) => !present.has(`${kinOf(route)} ${reachOf(route)}`));
    this.#gone = groupBy(gone, kinOf);
    this.#guarded = new Set(after.routes.filter((route) => !isOpenRoute(route)).map(placeOf));
  }

  /**
   * Whether the file consents to open. The file declares the route open, and the route lies within the guarded region.
   * The route is also new or was not open before. A route that was open before, and has grown, does not consent.
   */
  opens({ was, is: { route } }: AccessPair): boolean {
    return route !== undefined && saysOpen(route) && this.#isChosen(route, was);
  }

  /** The same check for a route with another demand. */
  changes({ was, is: { route } }: AccessPair): boolean {
    return route !== undefined && this.#isChosen(route, was);
  }

  #isChosen(route: PlannedRoute, was: Access): boolean {
    if (!isWithin(route, regionOf(was))) return false;
    const words = wordsOf(route);
    const sameReach = this.#old.get(reachOf(route)) ?? [];
    if (sameReach.some((old) => wordsOf(old) === words || this.#isKin(old, route))) return false;
    const grown = this.#gone.get(kinOf(route)) ?? [];
    const replaced = was.route && !this.#guarded.has(placeOf(was.route)) ? was.route : undefined;
    return !grown.some((old) => this.#isKin(old, route) && hasGrown(old, { route, replaced }));
  }

  /** Whether the old route demanded no more. If the handshake requires a certificate, no route was open. */
  #isKin(old: PlannedRoute, route: PlannedRoute): boolean {
    return kinOf(old) === kinOf(route) && !(this.before.certified && kinOf(old) === ANYBODY);
  }
}

const ANYBODY = 'open';

/**
 * Open routes are of one kind, whatever they do with a credential in the request. A plugin is still a guard that can be
 * lost.
 */
function kinOf(route: PlannedRoute): string {
  const { requirement, filtered } = route;
  // A new declaration that an open route is open is a deliberate change.
  if (isOpen(requirement)) return saysOpen(route) ? ANYBODY : 'unsaid';
  return `${filtered === true ? 'filter ' : ''}${JSON.stringify(requirement)}`;
}

/** Equal for routes that take the same requests, apart from priority and the content of conditions. */
function reachOf(route: PlannedRoute): string {
  const methods = route.methods ? [...methodsServed(route)].sort() : [];
  return JSON.stringify([route.host ?? '', patternKey(route.pattern), methods, isConditional(route)]);
}

function placeOf({ host, pattern }: Region): string {
  return JSON.stringify([host ?? '', patternKey(pattern)]);
}

function isWithin({ host, pattern }: Region, region: Region): boolean {
  return covers(region.pattern, pattern) && coversHost(region.host, host);
}

interface Growth {
  readonly route: PlannedRoute;
  /** The old guard of a region without a guard now. An exception beside the guard has grown over the guard. */
  readonly replaced: PlannedRoute | undefined;
}

function hasGrown(old: PlannedRoute, { route, replaced }: Growth): boolean {
  if (isSameRegion(old, route)) return servesMore(route, old) || (isConditional(old) && !isConditional(route));
  // The guard itself was opened. It has not grown from an exception below it.
  if (replaced && isSameRegion(replaced, route)) return false;
  if (takesAllOf(old, route)) return true;
  return old.id === route.id && (literalsOf(route) < literalsOf(old) || breadthOf(route) > breadthOf(old));
}

/** A route may move to another host, but not to more hosts. */
function breadthOf({ host }: Region): number {
  if (host === undefined) return 2;
  return host.startsWith('*.') ? 1 : 0;
}

export function isSameRegion(one: Region, other: Region): boolean {
  return one.host === other.host && patternKey(one.pattern) === patternKey(other.pattern);
}

/** Whether the route takes every request that the old route took. */
function takesAllOf(old: PlannedRoute, route: PlannedRoute): boolean {
  return isWithin(old, route) && !servesMore(old, route) && (isConditional(old) || !isConditional(route));
}

function servesMore(one: PlannedRoute, other: PlannedRoute): boolean {
  const served = methodsServed(other);
  return [...methodsServed(one)].some((method) => !served.has(method));
}

function literalsOf({ pattern }: Region): number {
  return pattern.segments.filter(({ kind }) => kind === 'literal').length;
}

function groupBy(routes: readonly PlannedRoute[], keyOf: (route: PlannedRoute) => string): Map<string, PlannedRoute[]> {
  const groups = new Map<string, PlannedRoute[]>();
  for (const route of routes) {
    const group = groups.get(keyOf(route));
    if (group) group.push(route);
    else groups.set(keyOf(route), [route]);
  }
  return groups;
}

interface Missing {
  readonly region: Region;
  /** Empty: all HTTP methods. */
  readonly methods: readonly string[];
  /** Absent: the host application has the requests. */
  readonly takes: PlannedRoute | undefined;
}

/**
 * Returns the route that an operator adds to open a region on purpose.
 *
 * @example routeToAdd(…) // '{ path: /admin/*, upstream: backend, auth: none }'
 */
export function routeToAdd({ region: { host, pattern }, methods, takes }: Missing): string {
  const named = methods.includes('others') ? [] : methods;
  const parts = [
    ...(host === undefined ? [] : [`host: ${quoted(host)}`]),
    `path: ${quoted(pathOf(pattern))}`,
    ...(named.length === 0 ? [] : [`methods: [${named.join(', ')}]`]),
    ...(takes?.upstream === undefined ? [] : [`upstream: ${quoted(takes.upstream)}`]),
    'auth: none',
  ];
  return `{ ${parts.join(', ')} }`;
}

/** Quotes text that YAML would not read as this string. */
function quoted(text: string): string {
  return /^[A-Za-z/](?:[\w./*-]|:(?=\w))*$/.test(text) && !/^(?:true|false|null)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
