/** Paths of options as patterns, such as `routes[].query`, and the places of a file that they match. */
import type { DocumentNode } from '../document.js';
import type { Path } from '../report.js';

export interface Place {
  readonly path: Path;
  readonly key: string | number;
  readonly parent: DocumentNode;
  readonly node: DocumentNode;
}

const ITEM = '[]';
const ANY_KEY = '*';

/** @example partsOf('routes[].query') // ['routes', '[]', 'query'] */
export function partsOf(pattern: string): readonly string[] {
  return pattern.split(/\.|(?=\[\])/);
}

/** Every place that a pattern matches. `[]` matches each item of a list, and `*` each key of a mapping. */
export function placesOf(root: DocumentNode, pattern: string): readonly Place[] {
  let level: readonly { readonly node: DocumentNode; readonly path: Path; readonly from?: Omit<Place, 'node'> }[] = [
    { node: root, path: [] },
  ];
  for (const part of partsOf(pattern)) {
    level = level.flatMap(({ node: parent, path }) =>
      childrenAt(parent, part).map(([key, node]) => ({
        node,
        path: [...path, key],
        from: { parent, key, path: [...path, key] },
      })),
    );
  }
  return level.flatMap(({ node, from }) => (from ? [{ ...from, node }] : []));
}

function childrenAt(
  { kind, children }: DocumentNode,
  part: string,
): readonly (readonly [string | number, DocumentNode])[] {
  if (!children) return [];
  if (part === ITEM) return kind === 'list' ? [...children] : [];
  if (kind !== 'map') return [];
  if (part === ANY_KEY) return [...children];
  const child = children.get(part);
  return child ? [[part, child]] : [];
}

/** Whether a path matches a pattern. */
export function matchesPattern(path: Path, pattern: string): boolean {
  const parts = partsOf(pattern);
  return (
    parts.length === path.length &&
    parts.every((part, at) => part === ANY_KEY || (part === ITEM ? typeof path[at] === 'number' : part === path[at]))
  );
}

/** The pattern with the indexes of a path: `routes[].query` for `routes[2].query_params` is `routes[2].query`. */
export function filled(pattern: string, path: Path): Path {
  return partsOf(pattern).map((part, at) => (part === ITEM || part === ANY_KEY ? (path[at] ?? part) : part));
}
