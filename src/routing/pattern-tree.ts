/** Stores patterns as a tree of segments, so that matching does not slow down with the number of routes. */
import type { PlannedRoute } from '../config/plan-types.js';
import type { Fits } from './field-match.js';
import { foldLiteral } from '../http/path-folding.js';

export interface CompiledRoute {
  readonly route: PlannedRoute;
  /** The index of the route in the file. */
  readonly index: number;
  /** The requirement as text. Equal requirements have equal texts. */
  readonly demand: string;
  readonly fits: Fits;
}

/** The routes of one host and pattern: higher priority first, then file order. */
export interface RouteCandidate {
  readonly routes: CompiledRoute[];
  priority: number;
}

interface Node {
  readonly literals: Map<string, Node>;
  one?: Node;
  /** A pattern that ends here. */
  here?: RouteCandidate;
  /** A pattern that ends here with a trailing `/*`. */
  rest?: RouteCandidate;
  /** The highest priority at or below this node. A node that cannot win is not searched. */
  highest: number;
}

export type Spelling = 'exact' | 'folded';

const node = (): Node => ({ literals: new Map(), highest: -Infinity });

export class PatternTree {
  readonly #root = node();

  constructor(readonly spelling: Spelling) {}

  add(compiled: CompiledRoute): void {
    const { pattern, priority } = compiled.route;
    let at = this.#root;
    at.highest = Math.max(at.highest, priority);
    for (const segment of pattern.segments) {
      const names = segment.kind === 'one' ? [undefined] : this.#spell(segment.text);
      for (const name of names) {
        at = name === undefined ? (at.one ??= node()) : literalBelow(at, name);
        at.highest = Math.max(at.highest, priority);
      }
    }
    const candidate = (at[pattern.rest ? 'rest' : 'here'] ??= { routes: [], priority });
    const before = candidate.routes.findIndex((other) => other.route.priority < priority);
    candidate.routes.splice(before < 0 ? candidate.routes.length : before, 0, compiled);
    candidate.priority = Math.max(candidate.priority, priority);
  }

  #spell(text: string): readonly string[] {
    return this.spelling === 'exact' ? [text] : foldLiteral(text).filter((part) => part !== '');
  }

  /**
   * Finds the pattern with the highest priority, then the most specific. A literal wins over one segment, which wins
   * over the rest.
   */
  find(segments: readonly string[]): RouteCandidate | undefined {
    return walk(this.#root, segments, 0);
  }
}

function literalBelow(at: Node, name: string): Node {
  let next = at.literals.get(name);
  if (!next) at.literals.set(name, (next = node()));
  return next;
}

function walk(at: Node, segments: readonly string[], depth: number): RouteCandidate | undefined {
  const segment = segments[depth];
  let best: RouteCandidate | undefined;
  if (segment === undefined) best = at.here;
  else {
    const literal = at.literals.get(segment);
    if (literal) best = walk(literal, segments, depth + 1);
    if (at.one && (!best || at.one.highest > best.priority)) best = prefer(best, walk(at.one, segments, depth + 1));
  }
  return prefer(best, at.rest);
}

/** The first candidate is more specific, so only a higher priority beats it. */
export function prefer(
  specific: RouteCandidate | undefined,
  broad: RouteCandidate | undefined,
): RouteCandidate | undefined {
  if (!specific || !broad) return specific ?? broad;
  return broad.priority > specific.priority ? broad : specific;
}
