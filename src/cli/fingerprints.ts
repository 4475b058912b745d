/** A text for each diagnostic that stays the same while other parts of the file change. */
import { hash } from 'node:crypto';
import type { Diagnostic } from '../config/diagnostics.js';
import { nodeAt, type DocumentNode } from '../config/document.js';
import { parseText } from '../config/parse.js';

/** Members that name an item of a list. None of them is a secret. */
const NAMES = ['id', 'name', 'username', 'path', 'issuer', 'address', 'host'];
const LENGTH = 16;

export class Fingerprints {
  readonly #root: DocumentNode | undefined;
  readonly #seen = new Map<string, number>();

  constructor(text: string) {
    this.#root = parseText(text).root;
  }

  /** Two diagnostics that differ by their place alone get different numbers, in the order of the calls. */
  of({ code, path, message }: Diagnostic): string {
    // A syntax error has no path.
    const place = path === '' ? message : JSON.stringify(partsOf(path).map((_, at, all) => this.#named(all, at)));
    const digest = hash('sha256', JSON.stringify([code, place])).slice(0, LENGTH);
    const number = (this.#seen.get(digest) ?? 0) + 1;
    this.#seen.set(digest, number);
    return `${digest}:${number}`;
  }

  /** The name of an item in place of its number in the list: an item above it may be added or removed. */
  #named(path: readonly (string | number)[], at: number): string | number {
    const part = path[at] as string | number;
    if (typeof part !== 'number' || !this.#root) return part;
    const { node, exact } = nodeAt(this.#root, path.slice(0, at + 1));
    if (!exact) return part;
    if (node.kind === 'scalar') return 'item';
    const names = NAMES.flatMap((name) => {
      const value = node.children?.get(name)?.value;
      return typeof value === 'string' ? [`${name}=${value}`] : [];
    });
    return names.length > 0 ? names.join() : part;
  }
}

/** Reads a path as `formatPath` writes it: `routes[2].auth["a b"]`. */
function partsOf(path: string): readonly (string | number)[] {
  return Array.from(path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g), ([, index, quoted, plain = '']) => {
    if (index !== undefined) return Number(index);
    return quoted === undefined ? plain : (JSON.parse(quoted) as string);
  });
}
