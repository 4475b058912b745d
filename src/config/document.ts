/** A parsed file as a tree with the position and the spelling of each value. */
import type { Path } from './report.js';

export interface DocumentNode {
  /** A scalar's value; collections hold `children` in its place. */
  value: string | number | boolean | null | undefined;
  readonly kind: 'scalar' | 'map' | 'list';
  readonly offset: number;
  readonly keyOffset?: number;
  /** The characters of a scalar without quotes. */
  readonly plain?: string;
  readonly children?: Map<string | number, DocumentNode>;
  /**
   * The whole value was one `${…}`, or a part of it was. `unresolved`: the reference is reported, and the value means
   * nothing.
   */
  reference?: 'resolved' | 'unresolved' | 'part';
}

/** The node at a path, or the nearest one above it. */
export function nodeAt(root: DocumentNode, path: Path): { readonly node: DocumentNode; readonly exact: boolean } {
  let node = root;
  for (const part of path) {
    const child = node.children?.get(part);
    if (!child) return { node, exact: false };
    node = child;
  }
  return { node, exact: true };
}

export function hasPath(root: DocumentNode, path: Path): boolean {
  return nodeAt(root, path).exact;
}

/** The plain value of a node. Keys named `__proto__` never get this far. */
export function valueOf(node: DocumentNode): unknown {
  if (node.kind === 'scalar') return node.value;
  const children = node.children ?? new Map<string | number, DocumentNode>();
  if (node.kind === 'list') return Array.from(children.values(), valueOf);
  const value: Record<string, unknown> = {};
  for (const [key, child] of children) value[key] = valueOf(child);
  return value;
}

/** Calls `visit` with every scalar below a node. The path changes after the call, because a file may have 200,000 scalars. */
export function eachScalar(root: DocumentNode, visit: (path: Path, scalar: DocumentNode) => void): void {
  const path: (string | number)[] = [];
  const walk = (node: DocumentNode): void => {
    if (node.kind === 'scalar') return visit(path, node);
    if (!node.children) return;
    for (const [key, child] of node.children) {
      path.push(key);
      walk(child);
      path.pop();
    }
  };
  walk(root);
}
