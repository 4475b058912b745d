/** Keeps one pattern tree per host of the file: exact hosts, `*.suffix` hosts, and routes for any host. */
import { PatternTree, prefer, type RouteCandidate, type CompiledRoute, type Spelling } from './pattern-tree.js';

export class HostTrees {
  readonly #exact = new Map<string, PatternTree>();
  /** The keys include the leading dot: `.example.com`. */
  readonly #suffix = new Map<string, PatternTree>();
  readonly #any: PatternTree;

  constructor(readonly spelling: Spelling) {
    this.#any = new PatternTree(spelling);
  }

  add(compiled: CompiledRoute): void {
    this.#treeOf(compiled.route.host).add(compiled);
  }

  #treeOf(host: string | undefined): PatternTree {
    if (host === undefined) return this.#any;
    const wild = host.startsWith('*.');
    const trees = wild ? this.#suffix : this.#exact;
    const key = (wild ? host.slice(1) : host).toLowerCase();
    let tree = trees.get(key);
    if (!tree) trees.set(key, (tree = new PatternTree(this.spelling)));
    return tree;
  }

  /**
   * Searches the exact host, then the longest suffix, then routes without a host. A higher priority wins over this
   * order.
   */
  find(host: string, segments: readonly string[]): RouteCandidate | undefined {
    let best = this.#exact.get(host)?.find(segments);
    for (let dot = host.indexOf('.'); dot >= 0 && this.#suffix.size > 0; dot = host.indexOf('.', dot + 1)) {
      best = prefer(best, this.#suffix.get(host.slice(dot))?.find(segments));
    }
    return prefer(best, this.#any.find(segments));
  }
}

/** Returns the host in lower case, without port and trailing dot. `framing.ts` has already refused invalid hosts. */
export function normalHost(host: string): string {
  const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':', 1)[0] ?? '');
  return name.toLowerCase().replace(/\.$/, '');
}
