/** Patterns as a tree of segments, so that matching does not slow down with the number of routes. */
import type { PlannedRoute } from '../config/plan-types.js';

/** The routes of one pattern, in file order. */
export interface Candidate {
  readonly routes: PlannedRoute[];
  readonly order: number;
  priority: number;
}

interface Node {
  readonly literals: Map<string, Node>;
  one?: Node;
  /** A pattern that ends here. */
  here?: Candidate;
  /** A pattern that ends here with a trailing `/*`. */
  rest?: Candidate;
  /** The highest priority at or below this node: what cannot win is not searched. */
  highest: number;
}

const node = (): Node => ({ literals: new Map(), highest: -Infinity });

export class PatternTree {
  readonly #root = node();

  constructor(readonly spelling: 'exact' | 'folded') {}

  add(route: PlannedRoute, order: number): void {
    let at = this.#root;
    at.highest = Math.max(at.highest, route.priority);
    for (const segment of route.pattern.segments) {
      at = segment.kind === 'one' ? (at.one ??= node()) : this.#literal(at, segment.text);
      at.highest = Math.max(at.highest, route.priority);
    }
    const slot = route.pattern.rest ? 'rest' : 'here';
    const candidate = (at[slot] ??= { routes: [], order, priority: route.priority });
    candidate.routes.push(route);
    candidate.priority = Math.max(candidate.priority, route.priority);
  }

  #literal(at: Node, text: string): Node {
    const key = this.spelling === 'exact' ? text : foldLiteral(text);
    let next = at.literals.get(key);
    if (!next) at.literals.set(key, (next = node()));
    return next;
  }

  /** The pattern with the highest priority, then the most specific: literal before one segment before the rest. */
  find(segments: readonly string[]): Candidate | undefined {
    return walk(this.#root, segments, 0);
  }
}

function foldLiteral(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[. ]+$/, '');
}

function walk(at: Node, segments: readonly string[], depth: number): Candidate | undefined {
  const segment = segments[depth];
  let best: Candidate | undefined;
  if (segment === undefined) best = at.here;
  else {
    const literal = at.literals.get(segment);
    if (literal) best = walk(literal, segments, depth + 1);
    if (at.one && (!best || at.one.highest > best.priority)) best = prefer(best, walk(at.one, segments, depth + 1));
  }
  return prefer(best, at.rest);
}

function prefer(specific: Candidate | undefined, broad: Candidate | undefined): Candidate | undefined {
  if (!specific || !broad) return specific ?? broad;
  return broad.priority > specific.priority ? broad : specific;
}
