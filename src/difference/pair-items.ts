/** Finds for each item of an old list the item of the new list that it became. */
import { canonical, type ItemTree, type ItemsTree, type Tree } from './tree.js';

export interface Pairs {
  readonly kept: readonly Pair[];
  /** Everything but the name is equal. */
  readonly renamed: readonly Pair[];
  readonly removed: readonly ItemTree[];
  readonly added: readonly ItemTree[];
}

export interface Pair {
  readonly was: ItemTree;
  readonly is: ItemTree;
}

/** Several items may share one name, as two keys in a rotation do. Of these, equal items are pairs first. */
export function pairItems(before: ItemsTree, after: ItemsTree): Pairs {
  const { identity } = after;
  const was = new Set(before.items);
  const is = new Set(after.items);
  const named = (keyOf: (item: ItemTree) => string | undefined) => (item: ItemTree) => {
    const key = keyOf(item);
    return key === undefined ? undefined : JSON.stringify([item.name, key]);
  };
  const kept = [
    ...takePairs(was, is, named(contentOf)),
    ...takePairs(
      was,
      is,
      named(({ tree }) => identityOf(tree, identity)),
    ),
    ...takePairs(was, is, ({ name }) => name),
  ];
  const renamed = takePairs(was, is, contentOf);
  return { kept, renamed, removed: [...was], added: [...is] };
}

/** Whether two of the pairs are in another order. */
export function isReordered({ kept, renamed }: Pairs, before: ItemsTree, after: ItemsTree): boolean {
  const next = new Map([...kept, ...renamed].map(({ was, is }) => [was, is]));
  const places = new Map(after.items.map((item, at) => [item, at]));
  const order = before.items.flatMap((item) => {
    const is = next.get(item);
    return is ? [places.get(is) ?? 0] : [];
  });
  return order.some((place, at) => place < (order[at - 1] ?? -1));
}

/** Removes the pairs from both sets. */
function takePairs(
  was: Set<ItemTree>,
  is: Set<ItemTree>,
  keyOf: (item: ItemTree) => string | undefined,
): readonly Pair[] {
  if (was.size === 0 || is.size === 0) return [];
  const free = new Map<string, ItemTree[]>();
  for (const item of is) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const known = free.get(key);
    if (known) known.push(item);
    else free.set(key, [item]);
  }
  return [...was].flatMap((item): Pair[] => {
    const key = keyOf(item);
    const other = key === undefined ? undefined : free.get(key)?.shift();
    if (!other) return [];
    was.delete(item);
    is.delete(other);
    return [{ was: item, is: other }];
  });
}

function contentOf({ tree }: ItemTree): string {
  return canonical(tree);
}

function identityOf(tree: Tree, identity: string | undefined): string | undefined {
  if (identity === undefined || !('members' in tree)) return undefined;
  const member = tree.members[identity];
  return member && 'equal' in member ? member.equal : undefined;
}
