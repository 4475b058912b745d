/** What every step from the parsed file to the plan needs: the tree, where mistakes go, the files beside it. */
import { hasPath, nodeAt, eachScalar, valueOf, type DocumentNode } from './document.js';
import type { Reading } from './issues.js';
import type { Path, Report } from './report.js';
import type { Source } from './source.js';

/** `serve`: the file runs a gateway of its own; `middleware`: a host application owns the listeners. */
export type Mode = 'middleware' | 'serve';

export class Context implements Reading {
  readonly report: Report;
  readonly source: Source;
  readonly mode: Mode;
  /** Names of the host application's Passport strategies. */
  readonly strategies: readonly string[];
  readonly #root: DocumentNode;

  constructor(given: Pick<Context, 'report' | 'source' | 'mode' | 'strategies'> & { readonly root: DocumentNode }) {
    this.report = given.report;
    this.source = given.source;
    this.mode = given.mode;
    this.strategies = given.strategies;
    this.#root = given.root;
  }

  has(path: Path): boolean {
    return hasPath(this.#root, path);
  }

  /** The value at a path; undefined where the file says nothing. */
  value(path: Path): unknown {
    const { node, exact } = nodeAt(this.#root, path);
    return exact ? valueOf(node) : undefined;
  }

  /** Every scalar of the file, with its path. */
  scalars(): readonly (readonly [Path, DocumentNode['value']])[] {
    const found: [Path, DocumentNode['value']][] = [];
    eachScalar(this.#root, (path, { value }) => found.push([[...path], value]));
    return found;
  }

  /**
   * Turns the text of a variable into the number or boolean that it spells, where an option needs one. Returns a function
   * that restores the text. Undefined if the value is not the text of one reference, or spells neither.
   */
  retype(path: Path): (() => void) | undefined {
    const { node, exact } = nodeAt(this.#root, path);
    const text = node.value;
    if (!exact || node.reference !== 'resolved' || typeof text !== 'string') return undefined;
    if (!/^(?:true|false|-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?)$/.test(text)) return undefined;
    node.value = JSON.parse(text) as number | boolean;
    return () => void (node.value = text);
  }

  /** Whether the value is a reference that could not be resolved, which is reported. */
  isUnresolved(path: Path): boolean {
    const { node, exact } = nodeAt(this.#root, path);
    return exact && node.reference === 'unresolved';
  }

  /** Whether a variable or another file decides about the value. */
  isReference(path: Path): boolean {
    const { node, exact } = nodeAt(this.#root, path);
    return exact && node.reference !== undefined;
  }

  /** The keys of the mapping at a path, in the order of the file. */
  keys(path: Path): readonly string[] {
    const { node, exact } = nodeAt(this.#root, path);
    return exact && node.kind === 'map' ? [...(node.children?.keys() ?? [])].map(String) : [];
  }

  /** How many items the list at a path has; undefined if it is no list. */
  length(path: Path): number | undefined {
    const { node, exact } = nodeAt(this.#root, path);
    return exact && node.kind === 'list' ? (node.children?.size ?? 0) : undefined;
  }
}
