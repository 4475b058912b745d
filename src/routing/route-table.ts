/** Finds a request's route: by host and pattern first, then by HTTP method, headers and query. */
import type { IncomingHttpHeaders } from 'node:http';
import { isOpen } from '../auth/requirement.js';
import { COMMON_METHODS, NEVER_SERVED } from '../http/http-methods.js';
import type { PlannedRoute } from '../config/plan-types.js';
import { compileFits } from './field-match.js';
import { foldLiteral } from '../http/path-folding.js';
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
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  /** The file has the pattern, but no route of the pattern has these headers or this query. 404, also as middleware. */
  | { readonly kind: 'excluded' }
  /** Another spelling of the path has another protection (docs/security.md). 404, also as middleware. */
  | { readonly kind: 'ambiguous_fold' }
  /** The path contains `%2f`, and no route that it selects has `allow_encoded_slash`. 400. */
  | { readonly kind: 'encoded_slash' }
  /** The file has no such pattern. A gateway answers 404. Middleware applies the chain, then calls `next()`. */
  | { readonly kind: 'none' };

export class RouteTable {
  readonly #exact = new HostTrees('exact');
  readonly #folded = new HostTrees('folded');
  /** No literal of the file changes when folded. Then a path that also does not change needs one look-up. */
  readonly #plainPatterns: boolean;

  constructor(routes: readonly PlannedRoute[]) {
    routes.forEach((route, index) => {
      const compiled = { route, index, demand: JSON.stringify(route.requirement), fits: compileFits(route) };
      this.#exact.add(compiled);
      this.#folded.add(compiled);
    });
    this.#plainPatterns = routes.every(isPlain);
  }

  find(question: RouteQuestion): RouteAnswer {
    const { target } = question;
    const host = normalHost(question.host);
    const found = this.#exact.find(host, target.segments);
    const chosen = found && choose(found.routes, question);
    if (target.hasEncodedSlash && !chosen?.route.allowEncodedSlash) return { kind: 'encoded_slash' };
    for (const trees of this.#plainPatterns ? [this.#folded] : [this.#exact, this.#folded]) {
      for (const reading of this.#plainPatterns ? target.readings : [target.segments, ...target.readings]) {
        const other = trees.find(host, reading);
        if (other && guardsOtherwise(other, { found, chosen, question })) return { kind: 'ambiguous_fold' };
      }
    }
    if (!found) return { kind: 'none' };
    if (chosen) return { kind: 'route', route: chosen.route, index: chosen.index };
    return refusal(found.routes, question);
  }
}

function isPlain({ pattern }: PlannedRoute): boolean {
  return pattern.segments.every((segment) => segment.kind === 'one' || foldLiteral(segment.text)[0] === segment.text);
}

/** Whether the folded spelling leads to a route that has a demand, and another demand than the chosen route. */
function guardsOtherwise(
  other: RouteCandidate,
  { found, chosen, question }: { found?: RouteCandidate; chosen?: CompiledRoute; question: RouteQuestion },
): boolean {
  const others = other.routes.filter((each) => !found?.routes.includes(each));
  const fitting = others.filter((each) => fits(each, question));
  const judged = fitting.length > 0 ? fitting : others;
  return judged.some((each) => !isOpen(each.route.requirement) && each.demand !== chosen?.demand);
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
  const near = routes.filter((each) => each.fits(headers, target.query));
  if (near.length === 0) return { kind: 'excluded' };
  const allow = new Set(near.flatMap(({ route }) => route.methods ?? COMMON_METHODS));
  if (allow.has('GET')) allow.add('HEAD');
  return { kind: 'method_not_allowed', allow: [...allow].filter((method) => !NEVER_SERVED.has(method)) };
}
