/** Compares the other readings of a path with the guards of its upstream, whatever host or rewriting leads to them. */
import { deliveriesInSteps } from '../config/deliveries.js';
import type { Plan, PlannedRoute, PlannedUpstream } from '../config/plan-types.js';
import { readTarget } from '../http/target.js';
import type { Steps } from '../lib/slices.js';
import { upstreamPath } from './path-rewrite.js';
import { PatternTree, type CompiledRoute } from './pattern-tree.js';
import { compileRoute, isOther, othersOf, type RouteAnswer, type RouteQuestion } from './route-table.js';

type Trees = readonly [exact: PatternTree, folded: PatternTree];

/**
 * A route with `strip_prefix` sends `/v1/x%3f/public` as `/x%3f/public`. The route table knows no route for the cut
 * path `/v1/x`, but another route of the same upstream may guard `/x`.
 */
export class DeliveredPaths {
  /** By the index of a route. A route without an entry delivers the paths that the route table compares. */
  readonly #application = new Map<number, Trees>();

  private constructor(private readonly routes: readonly PlannedRoute[]) {}

  static *inSteps({ routes, upstreams }: Pick<Plan, 'routes' | 'upstreams'>): Steps<DeliveredPaths> {
    const paths = new DeliveredPaths(routes);
    yield* paths.#add(upstreams);
    return paths;
  }

  *#add(upstreams: readonly PlannedUpstream[]): Steps<void> {
    for (const group of yield* deliveriesInSteps(this.routes, upstreams)) {
      const trees: Trees = [new PatternTree('exact'), new PatternTree('folded')];
      for (const { index, image } of group) {
        const route = this.routes[index] as PlannedRoute;
        for (const tree of trees) tree.add(compileRoute({ ...route, pattern: image }, index));
        if (!route.overlap) this.#application.set(index, trees);
        yield;
      }
    }
  }

  /** Returns the ambiguity of a path that the route at `index` sends, if an upstream may read a guarded path in it. */
  find(index: number, question: RouteQuestion): RouteAnswer | undefined {
    const trees = this.#application.get(index);
    const route = this.routes[index];
    if (!trees || !route || question.target.readings.length === 0) return undefined;
    const sent = route.upstream === undefined ? question.target.path : upstreamPath(route, question.target.path);
    const target = readTarget(sent);
    // Only the prefix of the file can cause this.
    if (target.kind === 'bad') return { kind: 'ambiguous_fold' };
    const chosen = compileRoute(route, index);
    for (const { segments, cut } of target.readings) {
      const other = trees.map((tree) => guardedOtherwise(tree, segments, { target, chosen, question })).find(Boolean);
      if (!other) continue;
      return cut
        ? { kind: 'ambiguous_cut', index, other: other.route }
        : { kind: 'ambiguous_fold', other: other.route };
    }
    return undefined;
  }
}

interface Sent {
  readonly target: { readonly segments: readonly string[] };
  readonly chosen: CompiledRoute;
  readonly question: RouteQuestion;
}

function guardedOtherwise(
  tree: PatternTree,
  segments: readonly string[],
  { target, chosen, question }: Sent,
): CompiledRoute | undefined {
  const other = tree.find(segments);
  // What has the path as it is sent was compared when the file was read.
  const found = tree.find(target.segments);
  return other && othersOf(other, { found, chosen, question }).find((each) => isOther(each, chosen));
}
