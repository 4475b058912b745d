/** Turns a value with a shape into a tree of plain data that can be compared, and sent, without its secrets. */
import { createHash } from 'node:crypto';
import type { AnyShape, ChangeClass, Items, Leaf, Members } from '../lib/change-classes.js';

export interface LeafTree {
  readonly in: readonly ChangeClass[];
  /** Equal for equal values. For a hidden value, a keyed digest. */
  readonly equal: string;
  /** Absent: the value is hidden. */
  readonly shown?: string;
  readonly hide?: 'secret' | 'content';
  readonly unseen?: true;
  /** The file need not write the value. */
  readonly usual?: true;
}

export interface MembersTree {
  readonly members: Readonly<Record<string, Tree>>;
}

export interface ItemTree {
  readonly name: string;
  readonly tree: Tree;
}

export interface ItemsTree {
  readonly items: readonly ItemTree[];
  readonly in: ChangeClass;
  readonly ordered?: true;
  readonly identity?: string;
  readonly nameUnseen?: true;
  readonly dotted?: true;
}

export type Tree = LeafTree | MembersTree | ItemsTree;

/** Returns a keyed digest of a hidden value. Both sides of a comparison need the same function. */
export type Conceal = (hidden: string) => string;

/** @returns Undefined for a value that is absent, or that another member covers. */
export function treeOf(value: unknown, shape: AnyShape, conceal: Conceal): Tree | undefined {
  if (value === undefined || value === null || 'by' in shape) return undefined;
  if ('members' in shape) return membersOf(value, shape, conceal);
  if ('items' in shape) return itemsOf(value as readonly never[], shape, conceal);
  return leafOf(value, shape, conceal);
}

function membersOf(value: unknown, { members }: Members<never>, conceal: Conceal): MembersTree {
  const shapes = members as Readonly<Record<string, AnyShape>>;
  const trees = namesOf(value as object).flatMap((name): [string, Tree][] => {
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    // A member without a shape is never lost: it is a hidden part of access.
    const tree = treeOf((value as Record<string, unknown>)[name], shape ?? UNKNOWN, conceal);
    return tree ? [[(shape && 'as' in shape ? shape.as : undefined) ?? snakeCase(name), tree]] : [];
  });
  return { members: Object.fromEntries(trees) };
}

const UNKNOWN: Leaf = { in: 'access', hide: 'secret' };

/** A property that is not enumerable is a secret, and is compared too. */
function namesOf(value: object): readonly string[] {
  return Object.getOwnPropertyNames(value);
}

function itemsOf(list: readonly never[], shape: Items<readonly never[]>, conceal: Conceal): ItemsTree {
  const { in: inClass, ordered, identity, nameUnseen, dotted } = shape;
  const items = list.map((item) => ({
    name: shape.name(item),
    tree: treeOf(item, shape.items as AnyShape, conceal) ?? { members: {} },
  }));
  return {
    items,
    in: inClass,
    ...(ordered && { ordered }),
    ...(identity !== undefined && { identity }),
    ...(nameUnseen && { nameUnseen }),
    ...(dotted && { dotted }),
  };
}

function leafOf(value: unknown, leaf: Leaf, conceal: Conceal): Tree {
  if (isMapping(value) && !leaf.show && leaf.hide === undefined) return mappingOf(value, leaf, conceal);
  const { hide, unordered, unseen } = leaf;
  const text = textOf(value, leaf);
  const base = {
    in: typeof leaf.in === 'string' ? [leaf.in] : leaf.in,
    ...(unseen && { unseen }),
    ...(leaf.default !== undefined && text === textOf(leaf.default, leaf) && { usual: true as const }),
  };
  if (hide !== undefined) return { ...base, equal: conceal(text), hide };
  const shown = leaf.show ? leaf.show(value as never) : wordsOf(value, unordered === true);
  return { ...base, equal: text, shown };
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The members of a mapping have the class of the mapping. A member that is not enumerable is a secret. */
function mappingOf(value: object, { in: inClass, unordered, unseen }: Leaf, conceal: Conceal): MembersTree {
  const inherited: Leaf = { in: inClass, ...(unordered && { unordered }), ...(unseen && { unseen }) };
  const trees = namesOf(value).flatMap((name): [string, Tree][] => {
    const isSecret = !Object.prototype.propertyIsEnumerable.call(value, name);
    const own: Leaf = isSecret ? { ...inherited, hide: 'secret' } : inherited;
    const tree = treeOf((value as Record<string, unknown>)[name], own, conceal);
    return tree ? [[snakeCase(name), tree]] : [];
  });
  return { members: Object.fromEntries(trees) };
}

function textOf(value: unknown, { equal, unordered }: Leaf): string {
  if (equal) return equal(value as never);
  return canonical(unordered && Array.isArray(value) ? sorted(value) : value);
}

function sorted(list: readonly unknown[]): readonly string[] {
  return list.map(canonical).sort();
}

/** JSON with sorted names, and with bytes and maps, which JSON does not have. */
export function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${createHash('sha256').update(value).digest('hex')}`;
  if (value instanceof Map) return canonical([...(value as Map<unknown, unknown>)]);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const names = [...namesOf(value)].sort();
  const members = names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`);
  return `{${members.join()}}`;
}

function wordsOf(value: unknown, unordered: boolean): string {
  if (!Array.isArray(value)) return typeof value === 'string' ? value : canonical(value);
  const words = value.map((each) => (typeof each === 'string' ? each : canonical(each)));
  return (unordered ? words.sort() : words).join(', ') || 'none';
}

/** @example snakeCase('allowEncodedSlash') // 'allow_encoded_slash' */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
