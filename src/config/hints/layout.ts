/** Keys at the wrong level: one key with a wrong indentation is one error, and the rest of the file is still read. */
import type { DocumentNode } from '../document.js';
import { nodeAt } from '../document.js';
import { formatPath, type Path, type Report } from '../report.js';
import type { OptionTree } from './option-tree.js';

type Mapping = DocumentNode & { readonly children: NonNullable<DocumentNode['children']> };

/** Moves each misplaced key to its block, and reports it. Returns whether a key was misplaced. */
export function repairLayout(root: DocumentNode, tree: OptionTree, report: Report): boolean {
  const repair = new Repair(root, tree, report);
  repair.visit(root, []);
  return repair.repaired;
}

/** The block that got the key before, and the place of that key. */
interface Moved {
  readonly target: Path;
  readonly to: Path;
}

class Repair {
  repaired = false;

  constructor(
    private readonly root: DocumentNode,
    private readonly tree: OptionTree,
    private readonly report: Report,
  ) {}

  visit(node: DocumentNode, path: Path): void {
    if (node.kind === 'map' && node.children) this.#mapping(node as Mapping, path);
    for (const [key, child] of [...(node.children ?? [])]) this.visit(child, [...path, key]);
  }

  #mapping(node: Mapping, path: Path): void {
    const known = this.tree.keysAt(path);
    if (!known) return;
    const isKnown = (key: string): boolean => known.has(key);
    const keys = [...node.children.keys()].map(String);
    let last: Moved | undefined;
    for (const [at, key] of keys.entries()) {
      if (isKnown(key)) {
        last = undefined;
        continue;
      }
      const follows = last && this.#takes(last.to, key) ? last.to : undefined;
      const target = follows ?? this.#home(node, path, { key, above: keys.slice(0, at).filter(isKnown) });
      if (!target) continue;
      // Neighbours that belong to the same block, or to the block before them, are one mistake.
      if (!follows && JSON.stringify(target) !== JSON.stringify(last?.target)) this.#tell([...path, key], target);
      last = { target, to: follows ?? [...target, key] };
      this.#move(node, key, target);
    }
  }

  /** The block that has the key as an option, and does not have it yet. */
  #home(
    node: Mapping,
    path: Path,
    { key, above }: { readonly key: string; readonly above: readonly string[] },
  ): Path | undefined {
    const sibling = above.at(-1);
    const inside = sibling === undefined ? undefined : this.#below(node.children.get(sibling), [...path, sibling], key);
    if (inside) return inside;
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const outer = path.slice(0, depth);
      if (this.#takes(outer, key)) return outer;
    }
    return undefined;
  }

  /** Follows the last item and the last key of a block, as an indentation does. */
  #below(node: DocumentNode | undefined, path: Path, key: string): Path | undefined {
    if (!node) return undefined;
    if (this.#takes(path, key)) return path;
    const last = [...(node.children?.keys() ?? [])].at(-1);
    return last === undefined ? undefined : this.#below(node.children?.get(last), [...path, last], key);
  }

  #takes(path: Path, key: string): boolean {
    const { node, exact } = nodeAt(this.root, path);
    const isEmpty = node.kind === 'scalar' && node.value === null;
    if (!exact || !(node.kind === 'map' || isEmpty) || node.children?.has(key)) return false;
    return this.tree.keysAt(path)?.has(key) === true || (isEmpty && this.tree.isOpenAt(path));
  }

  #tell(path: Path, target: Path): void {
    const block = target.length === 0 ? 'the top level' : formatPath(target);
    const empty = nodeAt(this.root, target).node;
    const message =
      empty.kind === 'scalar' && target.length > 0
        ? `is indented too little: it belongs to ${block}, which is empty`
        : `is at the wrong level: it belongs to ${block}; check its indentation`;
    this.report.error({ path, code: 'unknown_key', message, at: 'key' });
    this.repaired = true;
  }

  #move(node: Mapping, key: string, target: Path): void {
    const child = node.children.get(key);
    if (!child) return;
    node.children.delete(key);
    const block = nodeAt(this.root, target).node;
    if (block.kind === 'map') block.children?.set(key, child);
    else {
      const parent = nodeAt(this.root, target.slice(0, -1)).node;
      const { offset, keyOffset } = block;
      const made: DocumentNode = { kind: 'map', value: undefined, offset, children: new Map([[key, child]]) };
      parent.children?.set(target.at(-1) ?? '', keyOffset === undefined ? made : { ...made, keyOffset });
    }
  }
}
