/** Reads a configuration that code passes as an object into the tree that a parsed file has. */
import type { ErrorCode } from './diagnostic-codes.js';
import type { DocumentNode } from './document.js';
import { isPlainObject, kindOf } from './given.js';
import type { Parsed, SyntaxFault } from './parse.js';
import type { Path } from './report.js';

const DEEPEST = 64;

/** An object has no lines. The path of a fault says where it is. */
export function parseObject(config: object): Parsed & { readonly root: DocumentNode } {
  const reader = new ObjectReader();
  const root = reader.node(config, []);
  return { root, faults: reader.faults, position: () => ({ line: 1, column: 1 }) };
}

class ObjectReader {
  readonly faults: SyntaxFault[] = [];
  /** The objects around the current value. */
  readonly #open = new Set<object>();

  /** Every value is read once: a getter cannot show the checks another value. */
  node(value: unknown, path: Path): DocumentNode {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return scalar(value);
    if (typeof value === 'number' && Number.isFinite(value)) return scalar(value);
    if (value === undefined) return this.#refuse(path, 'wrong_type', 'must not be undefined: leave the key out');
    if (!Array.isArray(value) && !isPlainObject(value)) {
      const message = `must be a string, number, boolean, null, list or object, not ${kindOf(value)}`;
      return this.#refuse(path, 'wrong_type', message);
    }
    if (this.#open.has(value)) return this.#refuse(path, 'cyclic_alias', 'this object contains itself');
    if (path.length > DEEPEST) return this.#refuse(path, 'too_deep', 'too deeply nested');
    this.#open.add(value);
    const children = Array.isArray(value) ? this.#items(value, path) : this.#entries(value, path);
    this.#open.delete(value);
    return { kind: Array.isArray(value) ? 'list' : 'map', value: undefined, offset: 0, children };
  }

  #items(list: readonly unknown[], path: Path): Map<string | number, DocumentNode> {
    // Array.from also visits the holes of a list.
    return new Map(Array.from(list, (item, at) => [at, this.node(item, [...path, at])]));
  }

  #entries(object: Readonly<Record<string, unknown>>, path: Path): Map<string | number, DocumentNode> {
    const children = new Map<string | number, DocumentNode>();
    for (const key of Reflect.ownKeys(object)) {
      if (typeof key === 'symbol') this.#refuse(path, 'wrong_key', 'a key must be a string, not a symbol');
      else if (key === '__proto__') this.#refuse(path, 'unknown_key', '"__proto__" is no key');
      else children.set(key, this.node(object[key], [...path, key]));
    }
    return children;
  }

  #refuse(path: Path, code: ErrorCode, message: string): DocumentNode {
    this.faults.push({ offset: 0, path, code, message });
    return scalar(null);
  }
}

function scalar(value: string | number | boolean | null): DocumentNode {
  return { kind: 'scalar', value, offset: 0 };
}
