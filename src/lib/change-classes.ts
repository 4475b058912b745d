/** Assigns each member of a data type to a class of changes, so that a new member without a class does not compile. */

/** In the order of the output. */
export const CHANGE_CLASSES = [
  'access',
  'limits',
  'headers',
  'cors',
  'routing',
  'upstreams',
  'timeouts',
  'operations',
] as const;

/** What a change concerns. */
export type ChangeClass = (typeof CHANGE_CLASSES)[number];

/** A value that belongs to one class as a whole. The members of an object are compared one by one. */
export interface Leaf {
  readonly in: ChangeClass | readonly ChangeClass[];
  /** The name in the file. Default: the name of the member in snake case. */
  readonly as?: string;
  /** The value as text. The value is then compared as a whole. */
  readonly show?: (value: never) => string;
  /** Equal for equal values. Default: the value itself. */
  readonly equal?: (value: never) => string;
  /** The value is not shown. `content` is the content of a file. */
  readonly hide?: 'secret' | 'content';
  /** A list whose order has no effect. */
  readonly unordered?: true;
  /** No caller sees the change. */
  readonly unseen?: true;
  /** The value of a file that does not write the option. */
  readonly default?: unknown;
}

/** A member that another member, or another comparison, already covers. */
export interface Covered {
  readonly by: string;
}

type KeysOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
type ItemOf<T> = T extends readonly (infer Item)[] ? Item : never;

/** An object, member by member. */
export interface Members<T> {
  readonly members: { readonly [K in KeysOf<T>]-?: Shape<NonNullable<ValueOf<T, K>>> };
  readonly as?: string;
}

/** A list of items with names. */
export interface Items<T> {
  readonly items: Shape<ItemOf<T>>;
  readonly name: (item: ItemOf<T>) => string;
  /** The class of an item that is added, removed or renamed. */
  readonly in: ChangeClass;
  readonly as?: string;
  /** The order has an effect. */
  readonly ordered?: true;
  /** The member that identifies one of several items with the same name. */
  readonly identity?: string;
  /** No caller sees another name. */
  readonly nameUnseen?: true;
  /** The items are a mapping in the file: `auth.jwt`, not `auth[jwt]`. */
  readonly dotted?: true;
}

export type Shape<T> = Leaf | Covered | Members<T> | Items<T>;

/** The shape of any data, for code that walks it. */
export type AnyShape = Shape<never>;

/** @example durationText(90_000) // '90s' */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const [unit, word] = (
    [
      [86_400_000, 'd'],
      [3_600_000, 'h'],
      [60_000, 'm'],
      [1_000, 's'],
      [1, 'ms'],
    ] as const
  ).find(([size]) => ms % size === 0) ?? [1, 'ms'];
  return `${ms / unit}${word}`;
}

/** A leaf with a duration in milliseconds. */
export const time = (as: string, fallback?: number): Leaf => ({
  in: 'timeouts',
  as,
  show: durationText,
  ...(fallback !== undefined && { default: fallback }),
});

/** The content of a file. A secret part of it is not shown either. */
export const content = (inClass: ChangeClass, as?: string): Leaf => ({
  in: inClass,
  hide: 'content',
  ...(as !== undefined && { as }),
});

/** A value that is never shown. */
export const secret = (inClass: ChangeClass, as?: string): Leaf => ({
  in: inClass,
  hide: 'secret',
  ...(as !== undefined && { as }),
});
