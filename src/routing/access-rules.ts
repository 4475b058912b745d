/** What a plan asks of any request, without its upstreams and secrets: what reloads, `diff` and sockets compare. */
import { describe, isOpen, OPEN, type Requirement } from '../auth/requirement.js';
import { methodsServed } from '../config/checks/groups.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { isOpenRoute, saysOpen } from '../config/open-routes.js';
import type { FieldMatch, Plan, PlannedRoute } from '../config/plan-types.js';
import { RouteTable, type RouteAnswer } from './route-table.js';
import { readTarget } from '../http/target.js';

/** What of a plan says who may call what, and which regions it may open. */
export type AccessRules = Pick<Plan, 'routes' | 'unmatched' | 'listeners' | 'opens'>;

/** A plan, and whether what no route matches is 404 there, rather than the host application's. */
export interface Ruled {
  readonly plan: AccessRules;
  readonly standalone: boolean;
}

/** As plain data for another process: of conditions, which may hold secrets, only that there are some. */
export function accessRules({ routes, unmatched, listeners, opens }: Plan): AccessRules {
  return { routes: routes.map(withoutSecrets), listeners, ...(unmatched && { unmatched }), ...(opens && { opens }) };
}

/** Node never shows a header of this name, so no request meets it. */
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
  /** `filtered`: only plugins of the route guard it. That is a guard to lose, and none to fall to. */
  readonly kind: 'open' | 'filtered' | 'guarded' | 'nothing';
  readonly words: string;
  /** Equal where the same is asked for. */
  readonly demand: string;
  /** Absent where a certificate at the handshake is the demand, or nothing is. */
  readonly requirement?: Requirement;
  /** Absent: no route has the request. */
  readonly route?: PlannedRoute;
  readonly index?: number;
}

const NOTHING: Access = { kind: 'nothing', words: 'nothing', demand: 'nothing' };

export interface AskedAt {
  readonly host: string;
  readonly path: string;
}

export class Rules {
  readonly routes: readonly PlannedRoute[];
  /** Every route is behind a handshake that demands a certificate. */
  readonly certified: boolean;
  readonly #table: RouteTable;
  readonly #bare: RouteTable;
  readonly #accesses: readonly Access[];
  readonly #unmatched: Access;

  constructor(ruled: Ruled) {
    const { plan, standalone } = ruled;
    this.routes = plan.routes.map(withoutSecrets);
    this.certified = isCertified(ruled);
    this.#accesses = this.routes.map((route, index) => ({ ...accessOf(route, this.certified), route, index }));
    this.#table = new RouteTable(plan.routes.map(withoutConditions));
    this.#bare = this.routes.some(isConditional) ? new RouteTable(this.routes) : this.#table;
    const unmatched = { requirement: plan.unmatched ?? OPEN, declaredOpen: false };
    this.#unmatched = standalone ? NOTHING : accessOf(unmatched, false);
  }

  /** For a request that meets every condition. Routes that differ only in headers or query ask for the same. */
  at(asked: AskedAt, method: string): Access {
    const found = find(this.#table, asked, method);
    if (found?.kind === 'none') return this.#unmatched;
    return (found?.kind === 'route' && this.#accesses[found.index]) || NOTHING;
  }

  /** Whether the patterns alone lead to a route, and no request without its headers or query gets there. */
  excludes(asked: AskedAt, method: string): boolean {
    return this.#bare !== this.#table && find(this.#bare, asked, method)?.kind === 'excluded';
  }

  /** Whether an open route of a broader pattern has the path as well, or the host application, unguarded. */
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

/** Whether nobody reaches any route without a certificate: the handshake is a guard, too, whatever the routes say. */
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
  const demand = JSON.stringify(requirement);
  if (!open) return { kind: 'guarded', words, demand, requirement };
  if (certified && requirement.kind === 'open') return { kind: 'guarded', words: CERTIFICATE, demand: CERTIFICATE };
  if (certified) return { kind: 'guarded', words: `${CERTIFICATE} and ${words}`, demand: `${CERTIFICATE} ${demand}` };
  if (isOpen(requirement)) return { kind: 'open', words, demand, requirement };
  return { kind: 'filtered', words: `${words} as a filter`, demand: `filter ${demand}`, requirement };
}

/** What the file says of a route, so that an equal one is the same route as before. */
export function wordsOf(route: PlannedRoute): string {
  return JSON.stringify([route.requirement, isOpenRoute(route), saysOpen(route)]);
}
