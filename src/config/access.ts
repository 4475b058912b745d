/** Who may do what, as a table: what `check` prints and a reviewer reads. */
import type { Place } from '../auth/credentials.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { Summary } from '../auth/method.js';
import { methodOfType } from '../auth/methods.js';
import { describe, isOpen, methodsOf, type Requirement } from '../auth/requirement.js';
import { isOpenRoute, saysOpen } from './open-routes.js';
import type { Plan, PlannedMethod, PlannedRoute } from './plan-types.js';

export interface AccessRow {
  /** The route's id; `(no route)` for what no route matches. */
  readonly route: string;
  readonly host?: string;
  readonly path: string;
  /** Absent: all. */
  readonly methods?: readonly string[];
  /** In words: `jwt or api_key`, `PUBLIC`. */
  readonly requirement: string;
  /** Some request without a credential passes. */
  readonly public: boolean;
  /** Public, and the file says so: `auth: none` or `require: false`. */
  readonly declaredOpen: boolean;
  readonly upstream?: string;
  /** The identity headers that the methods of the route can set. */
  readonly identityHeaders: readonly string[];
}

export interface MethodRow {
  readonly name: string;
  readonly title: string;
  readonly summary: Summary;
  readonly headers: readonly HeaderRule[];
  /** Ids of the routes that mention it. */
  readonly routes: readonly string[];
}

export interface AccessTable {
  readonly rows: readonly AccessRow[];
  readonly methods: readonly MethodRow[];
}

export interface AccessTableOptions {
  /** What happens to a request that no route matches, if the plan does not say it. Absent: no row says it. */
  readonly unmatched?: '404' | 'next()';
}

/**
 * @example accessTable(compileFile('loom.yaml', { mode: 'serve' }).plan).rows.filter((row) => row.public)
 */
export function accessTable(plan: Plan, { unmatched }: AccessTableOptions = {}): AccessTable {
  const headers = new Map(plan.methods.map((method) => [method.name, method.headers]));
  const rows = plan.routes.map((route) => routeRow(route, headers));
  const beyond = plan.unmatched ? [unmatchedRow(plan.unmatched, headers)] : unmatchedRows(unmatched);
  return {
    rows: [...healthRows(plan), ...rows, ...beyond],
    methods: plan.methods.map((method) => methodRow(method, plan.routes)),
  };
}

type HeadersByMethod = ReadonlyMap<string, readonly HeaderRule[]>;

function routeRow(route: PlannedRoute, headers: HeadersByMethod): AccessRow {
  const { id, host, path, methods, upstream } = route;
  return {
    route: id,
    ...(host !== undefined && { host }),
    path,
    ...(methods && { methods }),
    ...requirementCells(route.requirement, headers),
    public: isOpenRoute(route),
    declaredOpen: saysOpen(route),
    ...(upstream !== undefined && { upstream }),
  };
}

/** A constant answer of the gateway itself. */
function healthRows({ health }: Plan): readonly AccessRow[] {
  if (!health) return [];
  const access = { requirement: 'PUBLIC', public: true, declaredOpen: true, identityHeaders: [] };
  return [{ route: '(health)', path: health.path, methods: ['GET', 'HEAD'], ...access }];
}

function unmatchedRow(requirement: Requirement, headers: HeadersByMethod): AccessRow {
  const cells = requirementCells(requirement, headers);
  return { route: '(no route)', path: '/*', ...cells, public: isOpen(requirement), declaredOpen: false };
}

function unmatchedRows(answer: AccessTableOptions['unmatched']): readonly AccessRow[] {
  if (answer === undefined) return [];
  const row = { route: '(no route)', path: '/*', declaredOpen: false, identityHeaders: [] };
  if (answer === '404') return [{ ...row, requirement: '404', public: false }];
  return [{ ...row, requirement: 'PUBLIC', public: true, upstream: 'next()' }];
}

function requirementCells(requirement: Requirement, headers: HeadersByMethod) {
  const set = methodsOf(requirement).flatMap((name) => headers.get(name) ?? []);
  return {
    requirement: describe(requirement),
    identityHeaders: [...new Set(set.map(({ header }) => header))],
  };
}

function methodRow(
  { name, type, options, headers, places }: PlannedMethod,
  routes: readonly PlannedRoute[],
): MethodRow {
  const method = methodOfType(type);
  return {
    name,
    title: method?.title ?? 'Passport strategy of the host',
    summary: [...placeSummary(places), ...(method?.summary(options) ?? [])],
    headers,
    routes: routes.filter(({ requirement }) => methodsOf(requirement).includes(name)).map(({ id }) => id),
  };
}

/** Where the credential is read, as a client sends it. */
function placeSummary(places: readonly Place[]): Summary {
  return places.length === 0 ? [] : [['read from', places.map(placeText).join(', ')]];
}

function placeText(place: Place): string {
  switch (place.in) {
    case 'header':
      return `${fieldName(place.name)}: ${place.scheme === undefined ? '' : `${fieldName(place.scheme)} `}<credential>`;
    case 'query':
      return `?${place.name}=<credential>`;
    case 'cookie':
      return `Cookie: ${place.name}=<credential>`;
    case 'subprotocol':
      return `Sec-WebSocket-Protocol: ${place.name}, <credential>`;
  }
}

/** Places are lower case. Names are compared without case. */
function fieldName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
