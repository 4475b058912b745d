/** Compares two trees and lists each difference with its class. */
import { CHANGE_CLASSES, type ChangeClass } from '../lib/change-classes.js';
import { isReordered, pairItems } from './pair-items.js';
import type { ItemsTree, ItemTree, LeafTree, MembersTree, Tree } from './tree.js';

export interface Difference {
  readonly class: ChangeClass;
  /** `upstreams[backend].retry.max_retries`, or `/orders/*` for the requests of a path. */
  readonly where: string;
  /** `renamed` and `reordered` only occur where names and order are known. */
  readonly change: 'changed' | 'added' | 'removed' | 'renamed' | 'reordered';
  /** The option of a route. Absent: `where` is the option. */
  readonly option?: string;
  /** Absent for a secret, the content of a file, and a thing that is added. */
  readonly before?: string;
  /** Absent for a secret, the content of a file, and a thing that is removed. */
  readonly after?: string;
  /** The value is not shown. `content`: of a file. */
  readonly hidden?: 'secret' | 'content';
  /** False: no caller sees the change. */
  readonly seen: boolean;
}

export function compareTrees(before: Tree | undefined, after: Tree | undefined, where: string): readonly Difference[] {
  if (!before || !after) return oneSided(before, after, where);
  if ('equal' in before && 'equal' in after) return compareLeaves(before, after, where);
  if ('members' in before && 'members' in after) return compareMembers(before, after, where);
  if ('items' in before && 'items' in after) return compareItems(before, after, where);
  // Another kind of value, such as a mapping in place of `false`.
  return [...oneSided(before, undefined, where), ...oneSided(undefined, after, where)];
}

function compareLeaves(before: LeafTree, after: LeafTree, where: string): readonly Difference[] {
  if (before.equal === after.equal) return [];
  const { hide } = after;
  const values = hide ? { hidden: hide } : { before: before.shown ?? '', after: after.shown ?? '' };
  return after.in.map((each) => ({ class: each, where, change: 'changed', ...values, seen: after.unseen !== true }));
}

function compareMembers(before: MembersTree, after: MembersTree, where: string): readonly Difference[] {
  const names = [...new Set([...Object.keys(before.members), ...Object.keys(after.members)])];
  return names.flatMap((name) =>
    compareTrees(memberOf(before, name), memberOf(after, name), where === '' ? name : `${where}.${name}`),
  );
}

/** The name of a member may be `constructor`, which every object has. */
function memberOf({ members }: MembersTree, name: string): Tree | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function compareItems(before: ItemsTree, after: ItemsTree, where: string): readonly Difference[] {
  const pairs = pairItems(before, after);
  const own = { class: after.in, seen: true };
  const seen = after.nameUnseen !== true;
  const at = ({ name }: ItemTree): string => (after.dotted ? `${where}.${name}` : `${where}[${name}]`);
  const order = { ...own, where, change: 'reordered', before: namesOf(before), after: namesOf(after) } as const;
  return [
    ...pairs.kept.flatMap(({ was, is }) => compareTrees(was.tree, is.tree, at(is))),
    ...pairs.removed.flatMap((item) => withOwnLine({ ...own, where: at(item), change: 'removed' }, item.tree)),
    ...pairs.added.flatMap((item) => withOwnLine({ ...own, where: at(item), change: 'added' }, item.tree)),
    ...pairs.renamed.map(({ was, is }): Difference => {
      return { ...own, seen, where: at(was), change: 'renamed', before: was.name, after: is.name };
    }),
    ...(after.ordered && isReordered(pairs, before, after) ? [order] : []),
  ];
}

const namesOf = ({ items }: ItemsTree): string => items.map(({ name }) => name).join(', ');

/** The line of the item itself, and a line for each other class that its options concern. */
function withOwnLine(own: Difference, tree: Tree): readonly Difference[] {
  const lines = own.change === 'removed' ? oneSided(tree, undefined, own.where) : oneSided(undefined, tree, own.where);
  const described = lines.find((line) => line.class === own.class);
  return [described ? { ...described, seen: own.seen } : own, ...lines.filter((line) => line.class !== own.class)];
}

const LONGEST = 200;

/** One line for each class of the options that a new or removed thing has, without those with the usual value. */
function oneSided(before: Tree | undefined, after: Tree | undefined, where: string): readonly Difference[] {
  const tree = before ?? after;
  if (!tree) return [];
  const leaves = leavesOf(tree, '').filter(({ leaf }) => leaf.usual !== true);
  return CHANGE_CLASSES.flatMap((each): readonly Difference[] => {
    const own = leaves.filter(({ leaf }) => leaf.in.includes(each));
    if (own.length === 0) return [];
    const words = own.flatMap(({ name, leaf }) => (leaf.shown === undefined ? [] : [`${name} ${leaf.shown}`.trim()]));
    const text = words.join('; ');
    const shown = text === '' ? {} : { [before ? 'before' : 'after']: shortened(text) };
    const seen = own.some(({ leaf }) => leaf.unseen !== true);
    const only = own.length === 1 ? own[0]?.leaf.hide : undefined;
    const hidden = only === undefined ? {} : { hidden: only };
    return [{ class: each, where, change: before ? 'removed' : 'added', ...shown, ...hidden, seen }];
  });
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function leavesOf(tree: Tree, name: string): readonly { readonly name: string; readonly leaf: LeafTree }[] {
  if ('equal' in tree) return [{ name, leaf: tree }];
  if ('members' in tree) {
    return Object.entries(tree.members).flatMap(([key, each]) => leavesOf(each, name === '' ? key : `${name}.${key}`));
  }
  return tree.items.flatMap((item) => leavesOf(item.tree, `${name}[${item.name}]`));
}
