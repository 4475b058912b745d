/** Finds a request's route: by host and pattern first, then by HTTP method, headers and query. */
import type { IncomingHttpHeaders } from 'node:http';
import { isOpen, type Requirement } from '../auth/requirement.js';
import { COMMON_METHODS, NEVER_SERVED } from '../http/http-methods.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { compileFits } from './field-match.js';
import { foldLiteral } from '../http/path-folding.js';
import { atOnce, type Steps } from '../lib/slices.js';
import { HostTrees, normalHost } from './host-trees.js';
import type { RouteCandidate, CompiledRoute } from './pattern-tree.js';
import type { Target } from '../http/target.js';

/** The parts of a request that choose its route. */
export interface RouteQuestion {
  /** The Host field, as sent. */
  readonly host: string;
  readonly target: Target;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export type RouteAnswer =
  | { readonly kind: 'route'; readonly route: PlannedRoute; readonly index: number }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[]; readonly near: readonly PlannedRoute[] }
  /** The file has the pattern, but no route of the pattern has these headers or this query. 404, also as middleware. */
  | { readonly kind: 'excluded'; readonly near: readonly PlannedRoute[] }
  /** Another spelling of the path has another protection (docs/security.md). 404, also as middleware. */
  | { readonly kind: 'ambiguous_fold'; readonly other?: PlannedRoute }
  /**
   * An upstream that ends the path or a segment at `;`, `?` or `#` reads a path with another requirement. 400, also as
   * middleware.
   */
  | AmbiguousCut
  /** The path contains `%2f`, and no route that it selects has `allow_encoded_slash`. 400. */
  | { readonly kind: 'encoded_slash' }
  /** The file has no such pattern. A gateway answers 404. Middleware applies the chain, then calls `next()`. */
  | { readonly kind: 'none' };

export interface AmbiguousCut {
  readonly kind: 'ambiguous_cut';
  /** The index of the route that has the path as the client sent it. */
  readonly index?: number;
  /** The route that has the other reading. Undefined: no route has it, and the host application may require more. */
  readonly other?: PlannedRoute;
}

/** The exact match of a request, to which other readings of its path are compared. */
export interface Found {
  readonly found: RouteCandidate | undefined;
  readonly chosen: CompiledRoute | undefined;
  readonly question: RouteQuestion;
}

export class RouteTable {
  readonly #exact = new HostTrees('exact');
  readonly #folded = new HostTrees('folded');
  /** No literal of the file changes when folded. Then a path that also does not change needs one look-up. */
  #plainPatterns = true;
  /** Undefined if a request without a route is denied, or needs no credential. */
  readonly #unmatchedDemand: string | undefined;

  /** `unmatched` is the requirement of requests without a route. Undefined: such a request is denied. */
  constructor(routes: readonly PlannedRoute[], unmatched?: Requirement) {
    this.#unmatchedDemand = unmatched && !isOpen(unmatched) ? JSON.stringify(unmatched) : undefined;
    atOnce(this.#add(routes));
  }

  /** Makes the same table in steps. */
  static *inSteps(routes: readonly PlannedRoute[], unmatched?: Requirement): Steps<RouteTable> {
    const table = new RouteTable([], unmatched);
    yield* table.#add(routes);
    return table;
  }

  *#add(routes: readonly PlannedRoute[]): Steps<void> {
    for (const [index, route] of routes.entries()) {
      const compiled = compileRoute(route, index);
      this.#exact.add(compiled);
      this.#folded.add(compiled);
      this.#plainPatterns &&= isPlain(route);
      yield;
    }
  }

  find(question: RouteQuestion): RouteAnswer {
    const { target } = question;
    const host = normalHost(question.host);
    const found = this.#exact.find(host, target.segments);
    const chosen = found && choose(found.routes, question);
    if (target.hasEncodedSlash && !chosen?.route.allowEncodedSlash) return { kind: 'encoded_slash' };
    const ambiguity = this.#ambiguity(host, { found, chosen, question });
    if (ambiguity) return ambiguity;
    if (!found) return { kind: 'none' };
    if (chosen) return { kind: 'route', route: chosen.route, index: chosen.index };
    return refusal(found.routes, question);
  }

  /** Returns a route that has the path in another spelling, such as other letter case. */
  otherSpelling(question: RouteQuestion): PlannedRoute | undefined {
    const host = normalHost(question.host);
    const { segments, readings } = question.target;
    for (const { segments: read } of [{ segments }, ...readings.filter(({ cut }) => !cut)]) {
      const routes = this.#folded.find(host, read)?.routes ?? [];
      const found = routes.find((each) => fits(each, question)) ?? routes[0];
      if (found) return found.route;
    }
    return undefined;
  }

  #ambiguity(host: string, known: Found): RouteAnswer | undefined {
    const { segments, readings } = known.question.target;
    const guarded = this.#plainPatterns ? undefined : this.#guardedOtherwise(host, segments, known);
    if (guarded) return { kind: 'ambiguous_fold', other: guarded.route };
    for (const { segments: read, cut, folded } of readings) {
      const other =
        (folded ? undefined : this.#cutOtherwise(host, read, known)) ?? this.#guardedOtherwise(host, read, known);
      if (!other) continue;
      if (!cut) return { kind: 'ambiguous_fold', ...(other !== UNMATCHED && { other: other.route }) };
      const index = known.chosen && { index: known.chosen.index };
      return { kind: 'ambiguous_cut', ...index, ...(other !== UNMATCHED && { other: other.route }) };
    }
    return undefined;
  }

  /** A route of another, non-open requirement that has the path, in either spelling of the patterns. */
  #guardedOtherwise(host: string, segments: readonly string[], known: Found): CompiledRoute | undefined {
    for (const trees of this.#plainPatterns ? [this.#folded] : [this.#exact, this.#folded]) {
      const other = trees.find(host, segments);
      const guarded = other && othersOf(other, known).find((each) => isOther(each, known.chosen));
      if (guarded) return guarded;
    }
    return undefined;
  }

  /** A shortened path may not change the requirement at all, so that a client cannot choose between two routes. */
  #cutOtherwise(host: string, segments: readonly string[], known: Found): CompiledRoute | typeof UNMATCHED | undefined {
    const { chosen } = known;
    const other = this.#exact.find(host, segments);
    if (other) {
      const others = othersOf(other, known);
      return others.find((each) => (chosen ? each.demand !== chosen.demand : isOther(each, chosen)));
    }
    const demand = this.#unmatchedDemand;
    return chosen && demand !== undefined && demand !== chosen.demand ? UNMATCHED : undefined;
  }
}

const UNMATCHED = 'unmatched';

export function compileRoute(route: PlannedRoute, index: number): CompiledRoute {
  return { route, index, demand: demandOf(route.requirement), fits: compileFits(route) };
}

const demands = new WeakMap<Requirement, string>();

/** The requirement as text. Thousands of routes share few requirements. */
export function demandOf(requirement: Requirement): string {
  let demand = demands.get(requirement);
  if (demand === undefined) demands.set(requirement, (demand = JSON.stringify(requirement)));
  return demand;
}

function isPlain({ pattern }: PlannedRoute): boolean {
  return pattern.segments.every((segment) => segment.kind === 'one' || foldLiteral(segment.text)[0] === segment.text);
}

/** The routes of another pattern that take the request. */
export function othersOf(other: RouteCandidate, { found, question }: Found): readonly CompiledRoute[] {
  const others = other.routes.filter((each) => !found?.routes.includes(each));
  const fitting = others.filter((each) => fits(each, question));
  return fitting.length > 0 ? fitting : others;
}

/** Whether the route has another, non-open requirement. */
export function isOther(each: CompiledRoute, chosen: CompiledRoute | undefined): boolean {
  return !isOpen(each.route.requirement) && each.demand !== chosen?.demand;
}

function choose(routes: readonly CompiledRoute[], question: RouteQuestion): CompiledRoute | undefined {
  return NEVER_SERVED.has(question.method) ? undefined : routes.find((each) => fits(each, question));
}

function fits(compiled: CompiledRoute, { method, headers, target }: RouteQuestion): boolean {
  return allows(compiled.route, method) && compiled.fits(headers, target.query);
}

function allows({ methods }: PlannedRoute, method: string): boolean {
  return !methods || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function refusal(routes: readonly CompiledRoute[], { headers, target }: RouteQuestion): RouteAnswer {
  const near = routes.filter((each) => each.fits(headers, target.query)).map(({ route }) => route);
  if (near.length === 0) return { kind: 'excluded', near: routes.map(({ route }) => route) };
  const allow = new Set(near.flatMap(({ methods }) => methods ?? COMMON_METHODS));
  if (allow.has('GET')) allow.add('HEAD');
  return { kind: 'method_not_allowed', allow: [...allow].filter((method) => !NEVER_SERVED.has(method)), near };
}
