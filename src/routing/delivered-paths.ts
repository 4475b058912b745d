/** Compares the other readings of a path with the guards of its upstream, whatever host or rewriting leads to them. */
import { deliveriesOf } from '../config/deliveries.js';
import type { Plan, PlannedRoute, PlannedUpstream } from '../config/plan-types.js';
import { readTarget } from '../http/target.js';
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

  constructor(
    private readonly routes: readonly PlannedRoute[],
    upstreams: readonly PlannedUpstream[],
  ) {
    for (const group of deliveriesOf(routes, upstreams)) {
      const trees: Trees = [new PatternTree('exact'), new PatternTree('folded')];
      for (const { index, image } of group) {
        const route = routes[index] as PlannedRoute;
        for (const tree of trees) tree.add(compileRoute({ ...route, pattern: image }, index));
        if (!route.overlap) this.#application.set(index, trees);
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
      if (other) return cut ? { kind: 'ambiguous_cut', index, other: other.route } : { kind: 'ambiguous_fold' };
    }
    return undefined;
  }
}

export function deliveredPathsOf({ routes, upstreams }: Plan): DeliveredPaths {
  return new DeliveredPaths(routes, upstreams);
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
