/** Extracts a plan's access rules, without upstreams and secrets, for reloads, `diff` and upgraded sockets. */
import { describe, isOpen, OPEN, type Requirement } from '../auth/requirement.js';
import { methodsServed } from '../config/checks/groups.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { isOpenRoute, saysOpen } from '../config/open-routes.js';
import type { FieldMatch, Plan, PlannedRoute } from '../config/plan-types.js';
import { atOnce, type Steps } from '../lib/slices.js';
import { demandOf, RouteTable, type RouteAnswer } from './route-table.js';
import { readTarget } from '../http/target.js';

/** The parts of a plan that define who may call what, and which regions the plan may open. */
export type AccessRules = Pick<Plan, 'routes' | 'unmatched' | 'listeners' | 'opens'>;

/** A plan, and its rule for a request without a route: 404, or the host application. */
export interface Ruled {
  readonly plan: AccessRules;
  readonly standalone: boolean;
}

/**
 * Returns plain data for another process. Conditions may hold secrets, so the data shows only that conditions exist.
 */
export function accessRules({ routes, unmatched, listeners, opens }: Plan): AccessRules {
  return { routes: routes.map(withoutSecrets), listeners, ...(unmatched && { unmatched }), ...(opens && { opens }) };
}

/** Node never produces a header of this name, so no request meets the condition. */
const CONDITION: FieldMatch = { name: ':condition', kind: 'present', value: '*' };

export function isConditional({ headers, query }: Pick<PlannedRoute, 'headers' | 'query'>): boolean {
  return headers.length > 0 || query.length > 0;
}

function withoutSecrets(route: PlannedRoute): PlannedRoute {
  return { ...route, headers: isConditional(route) ? [CONDITION] : [], query: [] };
}

function withoutConditions(route: PlannedRoute): PlannedRoute {
  return { ...route, headers: [], query: [] };
}

export interface Access {
  /** `filtered`: only plugins of the route guard it. The loss of this guard counts, but no region can fall to it. */
  readonly kind: 'open' | 'filtered' | 'guarded' | 'nothing';
  readonly words: string;
  /** Equal for equal demands. */
  readonly demand: string;
  /** Absent if the demand is a certificate at the handshake, or if there is no demand. */
  readonly requirement?: Requirement;
  /** Absent: no route matches the request. */
  readonly route?: PlannedRoute;
  readonly index?: number;
}

/** What Loom answers where no route takes a request. */
const NOT_FOUND: Access = { kind: 'nothing', words: '404', demand: 'nothing' };
const NOT_ALLOWED: Access = { ...NOT_FOUND, words: '405' };

export interface AskedAt {
  readonly host: string;
  readonly path: string;
}

export class Rules {
  readonly routes: readonly PlannedRoute[];
  /** Every route requires a certificate at the handshake. */
  readonly certified: boolean;
  readonly #table: RouteTable;
  readonly #bare: RouteTable;
  readonly #unmatched: Access;

  private constructor(
    ruled: Ruled,
    { routes, table, bare }: { readonly routes: readonly PlannedRoute[]; table: RouteTable; bare: RouteTable },
  ) {
    const { plan, standalone } = ruled;
    this.routes = routes;
    this.certified = isCertified(ruled);
    this.#table = table;
    this.#bare = bare;
    const unmatched = { requirement: plan.unmatched ?? OPEN, declaredOpen: false };
    this.#unmatched = standalone ? NOT_FOUND : accessOf(unmatched, false);
  }

  static create(ruled: Ruled): Rules {
    return atOnce(Rules.inSteps(ruled));
  }

  static *inSteps(ruled: Ruled): Steps<Rules> {
    const { plan, standalone } = ruled;
    const routes = plan.routes.map(withoutSecrets);
    const unmatched = standalone ? undefined : (plan.unmatched ?? OPEN);
    const table = yield* RouteTable.inSteps(plan.routes.map(withoutConditions), unmatched);
    const bare = routes.some(isConditional) ? yield* RouteTable.inSteps(routes, unmatched) : table;
    return new Rules(ruled, { routes, table, bare });
  }

  /** For a request that meets every condition. Routes that differ only in headers or query have the same demand. */
  at(asked: AskedAt, method: string): Access {
    const found = find(this.#table, asked, method);
    if (found?.kind === 'none') return this.#unmatched;
    if (found?.kind === 'method_not_allowed') return NOT_ALLOWED;
    // A pattern with an encoded `;`, `?` or `#` guards its region, even if another guard makes its requests ambiguous.
    const isRouted = found?.kind === 'route' || found?.kind === 'ambiguous_cut';
    return (isRouted && this.#accessAt(found.index)) || NOT_FOUND;
  }

  #accessAt(index = -1): Access | undefined {
    const route = this.routes[index];
    return route && { ...accessOf(route, this.certified), route, index };
  }

  /** Whether the patterns lead to a route, but requests without its headers or query do not reach the route. */
  excludes(asked: AskedAt, method: string): boolean {
    return this.#bare !== this.#table && find(this.#bare, asked, method)?.kind === 'excluded';
  }

  /** Whether a broader open route, or the unguarded host application, also has the path. */
  hasOpenBeside({ host, path }: AskedAt, method: string): boolean {
    const target = readTarget(path);
    if (target.kind === 'bad') return false;
    const segments = target.segments.map((text) => ({ kind: 'literal', text }) as const);
    const has = (route: PlannedRoute): boolean =>
      isOpenRoute(route) &&
      methodsServed(route).has(method) &&
      covers(route.pattern, { segments, rest: false }) &&
      coversHost(route.host, host);
    return this.#unmatched.kind === 'open' || this.routes.some(has);
  }
}

function find(table: RouteTable, { host, path }: AskedAt, method: string): RouteAnswer | undefined {
  const target = readTarget(path);
  return target.kind === 'bad' ? undefined : table.find({ host, target, method, headers: {} });
}

/** Whether every route requires a client certificate. The handshake is then a guard, independent of the routes. */
export function isCertified({ plan: { listeners }, standalone }: Ruled): boolean {
  const asks = listeners.map(({ tls }) => tls?.clientAuth === 'require' || tls?.clientAuth === 'verify');
  return standalone && asks.length > 0 && asks.every(Boolean);
}

const CERTIFICATE = 'a client certificate';

type Admission = Pick<PlannedRoute, 'requirement' | 'declaredOpen' | 'filtered'>;

function accessOf(route: Admission, certified: boolean): Access {
  const { requirement } = route;
  const open = isOpenRoute(route);
  const words = describe(requirement);
  const demand = demandOf(requirement);
  if (!open) return { kind: 'guarded', words, demand, requirement };
  if (certified && requirement.kind === 'open') return { kind: 'guarded', words: CERTIFICATE, demand: CERTIFICATE };
  if (certified) return { kind: 'guarded', words: `${CERTIFICATE} and ${words}`, demand: `${CERTIFICATE} ${demand}` };
  if (isOpen(requirement)) return { kind: 'open', words, demand, requirement };
  return { kind: 'filtered', words: `${words} as a filter`, demand: `filter ${demand}`, requirement };
}

/** Returns the access settings of a route as text. Equal text means an unchanged route. */
export function wordsOf(route: PlannedRoute): string {
  return JSON.stringify([route.requirement, isOpenRoute(route), saysOpen(route)]);
}
