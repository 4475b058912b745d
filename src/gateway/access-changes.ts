/** What another file would change for callers: every path whose requirement is not what it was, in words. */
import { METHODS } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { describe, OPEN, type Requirement } from '../auth/requirement.js';
import { covers, coversHost } from '../config/checks/patterns.js';
import { patternKey } from '../config/pattern.js';
import type { Plan, PlannedRoute } from '../config/plan-types.js';
import { COMMON_METHODS, NEVER_SERVED } from '../lib/http-methods.js';
import { RouteTable } from './route-table.js';
import { readTarget } from './target.js';
import { common, nameOfRegion, Witnesses, type Region, type Witness } from './witnesses.js';

export interface AccessChange {
  /** `/admin/*`, or `DELETE api.example.com/admin/*` where only some methods change. */
  readonly where: string;
  /** `jwt or api_key`, `PUBLIC`, `nothing` where no route takes the request. */
  readonly before: string;
  readonly after: string;
  /** Whoever had to show a credential need not any more, and no `auth: none` says so. */
  readonly opens: boolean;
  /** The route of the new plan that has the path then; absent where none has. */
  readonly route?: number;
}

/** What of a plan says who may call what. */
export type AccessRules = Pick<Plan, 'routes' | 'unmatched' | 'listeners'>;

/** A plan, and whether what no route matches is 404 there, rather than the host application's. */
export interface Ruled {
  readonly plan: AccessRules;
  readonly standalone: boolean;
}

/** As plain data for another process: without conditions, which may hold secrets and say nothing about access. */
export function accessRules({ routes, unmatched, listeners }: Plan): AccessRules {
  return { routes: routes.map(withoutConditions), listeners, ...(unmatched && { unmatched }) };
}

function withoutConditions(route: PlannedRoute): PlannedRoute {
  return { ...route, headers: [], query: [] };
}

/**
 * @example accessChanges(before, after)[0] // { where: '/admin/*', before: 'jwt', after: 'PUBLIC', opens: true, route: 2 }
 */
export function accessChanges(before: Ruled, after: Ruled): readonly AccessChange[] {
  const [old, next] = [new Rules(before), new Rules(after)];
  const methods = methodsOf(before.plan, after.plan);
  const told: Told[] = [];
  for (const witness of witnesses(before, after)) {
    for (const [change, which] of changesAt(witness, { old, next, methods })) {
      const { region } = witness;
      const names = which.join(',');
      if (told.some((each) => isSame(each, { change, region, names }))) continue;
      const where = `${which.length === methods.size ? '' : `${names} `}${nameOfRegion(region)}`;
      told.push({ change: { ...change, where }, region, names });
    }
  }
  return told.map(({ change }) => change);
}

interface Told {
  readonly change: AccessChange;
  readonly region: Region;
  readonly names: string;
}

/** Whether a broader line says it already. */
function isSame(known: Told, { change, region, names }: Told): boolean {
  const { before, after, opens } = known.change;
  if (before !== change.before || after !== change.after || opens !== change.opens || known.names !== names)
    return false;
  return covers(known.region.pattern, region.pattern) && coversHost(known.region.host, region.host);
}

type Unnamed = AccessChange & { readonly where: '' };

function changesAt(
  witness: Witness,
  { old, next, methods }: { readonly old: Rules; readonly next: Rules; readonly methods: Methods },
): readonly (readonly [change: Unnamed, methods: readonly string[]])[] {
  const changes = new Map<string, readonly [Unnamed, string[]]>();
  for (const [name, method] of methods) {
    const [was, is] = [old.at(witness, method), next.at(witness, method)];
    if (was.demand === is.demand) continue;
    const opens = was.kind === 'guarded' && is.kind === 'open' && !is.declared;
    const route = is.route === undefined ? {} : { route: is.route };
    const change: Unnamed = { where: '', before: was.words, after: is.words, opens, ...route };
    const key = JSON.stringify([was.demand, is.demand, opens]);
    const known = changes.get(key);
    if (known) known[1].push(name);
    else changes.set(key, [change, [name]]);
  }
  return [...changes.values()];
}

interface Access {
  readonly kind: 'open' | 'guarded' | 'nothing';
  readonly declared: boolean;
  readonly words: string;
  /** Equal where the same is asked for. */
  readonly demand: string;
  readonly route?: number;
}

const NOTHING: Access = { kind: 'nothing', declared: false, words: 'nothing', demand: 'nothing' };

/** What a plan asks of requests. Routes told apart by headers or query ask for the same, so these say nothing about it. */
export class Rules {
  readonly #table: RouteTable;
  readonly #routes: readonly PlannedRoute[];
  readonly #unmatched: Access;
  readonly #certified: boolean;

  constructor(ruled: Ruled) {
    const { plan, standalone } = ruled;
    this.#routes = plan.routes;
    this.#certified = isCertified(ruled);
    this.#table = new RouteTable(plan.routes.map(withoutConditions));
    this.#unmatched = standalone ? NOTHING : accessOf(plan.unmatched ?? OPEN, false);
  }

  at({ host, path }: Pick<Witness, 'host' | 'path'>, method: string): Access {
    const target = readTarget(path);
    if (target.kind === 'bad') return NOTHING;
    const found = this.#table.find({ host, target, method, headers: {} });
    if (found.kind === 'none') return this.#unmatched;
    const route = found.kind === 'route' ? this.#routes[found.index] : undefined;
    if (!route || found.kind !== 'route') return NOTHING;
    const access = accessOf(route.requirement, route.declaredOpen);
    return { ...(access.kind === 'open' && this.#certified ? CERTIFIED : access), route: found.index };
  }
}

const CERTIFIED: Access = {
  kind: 'guarded',
  declared: false,
  words: 'a client certificate',
  demand: 'client certificate',
};

/** Whether nobody reaches any route without a certificate: the handshake is a guard, too, whatever the routes say. */
function isCertified({ plan: { listeners }, standalone }: Ruled): boolean {
  const asks = listeners.map(({ tls }) => tls?.clientAuth === 'require' || tls?.clientAuth === 'verify');
  return standalone && asks.length > 0 && asks.every(Boolean);
}

function accessOf(requirement: Requirement, declared: boolean): Access {
  const open = requirement.kind === 'open';
  const words = describe(requirement);
  return { kind: open ? 'open' : 'guarded', declared, words, demand: JSON.stringify(requirement) };
}

/** By the names that people read: those that a route may name, and one that stands for all others (WebDAV has many). */
type Methods = ReadonlyMap<string, string>;

function methodsOf(...plans: readonly AccessRules[]): Methods {
  const named = new Set([
    ...COMMON_METHODS,
    ...plans.flatMap(({ routes }) => routes.flatMap(({ methods = [] }) => methods)),
  ]);
  const other = METHODS.find((method) => !named.has(method) && !NEVER_SERVED.has(method));
  const known = [...named].map((method) => [method, method] as const);
  return new Map(other === undefined ? known : [...known, ['others', other]]);
}

/** Where both tables have the same to say, no path is taken from anybody; so one of each pair is new, gone or changed. */
function* witnesses(before: Ruled, after: Ruled): Generator<Witness> {
  const source = new Witnesses([...before.plan.routes, ...after.plan.routes]);
  const [was, is] = [groupsOf(before), groupsOf(after)];
  const [gone, added] = [changed(was, is), changed(is, was)];
  yield* source.of(EVERYWHERE);
  for (const region of [...gone, ...added]) yield* source.of(region);
  for (const [ones, others] of [
    [gone, is],
    [added, was],
  ] as const) {
    for (const one of ones) {
      for (const { region } of others.values()) {
        const both = common(one, region);
        if (both) yield* source.of(both);
      }
    }
  }
}

const EVERYWHERE: Region = { pattern: { segments: [], rest: true } };

/** The routes of one host and pattern, which share out the methods among them in the order of the file. */
interface Group {
  readonly region: Region;
  readonly says: string[];
}

type Groups = ReadonlyMap<string, Group>;

function groupsOf(ruled: Ruled): Groups {
  const groups = new Map<string, Group>();
  const certified = isCertified(ruled);
  for (const { host, pattern, priority, methods, requirement, declaredOpen } of ruled.plan.routes) {
    const key = JSON.stringify([host, patternKey(pattern)]);
    const group = groups.get(key) ?? { region: { host, pattern }, says: [] };
    group.says.push(JSON.stringify([priority, methods, requirement, declaredOpen, certified]));
    groups.set(key, group);
  }
  return groups;
}

function changed(groups: Groups, others: Groups): readonly Region[] {
  return [...groups].flatMap(([key, { region, says }]) =>
    isDeepStrictEqual(says, others.get(key)?.says) ? [] : [region],
  );
}
