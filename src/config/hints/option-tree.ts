/** The options of a file as a tree, from its JSON Schema: which keys a mapping has, and where an option belongs. */
import type { Path } from '../report.js';

interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: unknown;
  readonly description?: string;
}

export class OptionTree {
  readonly #root: Schema;
  #homes: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(schema: Readonly<Record<string, unknown>>) {
    this.#root = schema;
  }

  /** The keys of the mapping at a path. Undefined if no mapping is expected there, or if it takes any key. */
  keysAt(path: Path): ReadonlySet<string> | undefined {
    const maps = this.#at(path).filter(({ properties }) => properties);
    const isOpen = maps.some(({ additionalProperties }) => additionalProperties !== false);
    if (maps.length === 0 || (isOpen && !isRouteAuth(path))) return undefined;
    return new Set(maps.flatMap(({ properties = {} }) => Object.keys(properties)));
  }

  /** Whether the mapping at a path takes keys of the author's choice, such as names of claims. */
  isOpenAt(path: Path): boolean {
    return this.#at(path).some(
      ({ type, properties, additionalProperties }) =>
        type === 'object' && !properties && additionalProperties !== false,
    );
  }

  /** The blocks that have an option of this name, as `middleware.auth.jwt`; the file itself is an empty text. */
  homesOf(key: string): readonly string[] {
    this.#homes ??= homesIn(this.#root);
    return this.#homes.get(key) ?? [];
  }

  #at(path: Path): readonly Schema[] {
    let level = branches(this.#root);
    for (const part of path)
      level = level.flatMap(({ items, properties }) =>
        branches(typeof part === 'number' ? items : own(properties, part)),
      );
    return level;
  }
}

/** A host may add auth methods to a route, so the schema allows any key there. */
function isRouteAuth(path: Path): boolean {
  return path.length === 3 && path[0] === 'routes' && path[2] === 'auth';
}

function own(properties: Schema['properties'], key: string): Schema | undefined {
  return properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

function branches(schema: Schema | undefined): readonly Schema[] {
  return schema ? [schema, ...(schema.anyOf ?? []).flatMap(branches)] : [];
}

const ALIAS = /^(?:The same as |Not built: )/;

function homesIn(root: Schema): ReadonlyMap<string, readonly string[]> {
  const homes = new Map<string, string[]>();
  const walk = (schema: Schema, path: string): void => {
    for (const { properties = {}, items } of branches(schema)) {
      if (items) walk(items, `${path}[]`);
      for (const [name, option] of Object.entries(properties)) {
        if (ALIAS.test(option.description ?? '')) continue;
        const known = homes.get(name) ?? [];
        if (!known.includes(path)) homes.set(name, [...known, path]);
        walk(option, path === '' ? name : `${path}.${name}`);
      }
    }
  };
  walk(root, '');
  return homes;
}
