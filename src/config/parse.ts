/** The only user of the `yaml` package: one text into one tree, with everything refused that would mean something else. */
import { createRequire } from 'node:module';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Alias,
  type ErrorCode as YamlErrorCode,
  type Node as YamlNode,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { DocumentNode } from './document.js';
import type { ErrorCode } from './diagnostic-codes.js';
import type { ReportEntry } from './report.js';
import type * as Indentation from './indentation.js';
import type * as SyntaxWords from './syntax-words.js';
import { positionIn, textFault } from './text.js';

export { Lexer } from 'yaml';

const require = createRequire(import.meta.url);

/** Something wrong at an offset of the text. */
export interface SyntaxFault extends ReportEntry<ErrorCode> {
  readonly offset: number;
}

export interface Parsed {
  readonly root?: DocumentNode;
  readonly faults: readonly SyntaxFault[];
  readonly position: (offset: number) => { readonly line: number; readonly column: number };
}

/** Nodes that aliases may add: an "aliases bomb" stops here. */
const MOST_ALIASED_NODES = 10_000;
const DEEPEST = 64;

/** Complete: every code of the parser has words. They load only for a text with a mistake. */
const wordsOf = (code: YamlErrorCode): string =>
  (require('./syntax-words.js') as typeof SyntaxWords).SYNTAX_WORDS[code];

export function parseText(text: string): Parsed {
  const lines = new LineCounter();
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const hidden = textFault(body);
  if (hidden) return { faults: [fault(hidden.offset, hidden.code, hidden.message)], position: positionIn(body) };
  try {
    return { ...read(body, lines), position };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { faults: [fault(0, 'too_deep', 'the file is too deeply nested')], position };
  }
}

function fault(offset: number, code: ErrorCode, message: string): SyntaxFault {
  return { offset, path: [], code, message };
}

const PARSING = {
  version: '1.2',
  schema: 'core',
  merge: false,
  intAsBigInt: true,
  prettyErrors: false,
  resolveKnownTags: false,
  // Its own search for duplicates is quadratic; `#entries` finds them.
  uniqueKeys: false,
  logLevel: 'silent',
} as const;

const codeOf = (code: YamlErrorCode) => code.toLowerCase() as Lowercase<YamlErrorCode>;

/** Errors that a line with the wrong indentation causes, there and on other lines. */
const LAYOUT: ReadonlySet<YamlErrorCode> = new Set([
  'BAD_INDENT',
  'BLOCK_AS_IMPLICIT_KEY',
  'MULTILINE_IMPLICIT_KEY',
  'UNEXPECTED_TOKEN',
  'MISSING_CHAR',
  'IMPOSSIBLE',
]);

/** A tab, or too many brackets, cause the errors of `LAYOUT` around them as well. */
const CAUSES: ReadonlySet<YamlErrorCode> = new Set(['TAB_AS_INDENT', 'RESOURCE_EXHAUSTION']);

/** One error for each line with the wrong indentation. If no line explains the errors, the first of them. */
function layoutFaults(
  text: string,
  errors: readonly { readonly code: YamlErrorCode; readonly pos: readonly number[] }[],
) {
  const layout = errors.filter(({ code }) => LAYOUT.has(code));
  const [first] = layout;
  if (!first) return [];
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  const { findWrongIndents } = require('./indentation.js') as typeof Indentation;
  const wrong = findWrongIndents(text, (each) => {
    const counter = new LineCounter();
    const parsed = parseAllDocuments(each, { ...PARSING, lineCounter: counter });
    const found = (Array.isArray(parsed) ? parsed : []).flatMap((document) => document.errors);
    const offsets = found.flatMap(({ code, pos }) => (LAYOUT.has(code) ? [pos[0]] : []));
    return offsets.length === 0 ? undefined : counter.linePos(Math.min(...offsets)).line;
  });
  if (wrong.length === 0) return [fault(first.pos[0] ?? 0, codeOf(first.code), wordsOf(first.code))];
  return wrong.map(({ line, has, fits }) => {
    const spaces = (count: number): string => (count === 1 ? '1 space' : `${count} spaces`);
    const message = `this line is indented by ${spaces(has)}; ${spaces(fits)} would fit the lines around it`;
    return fault((starts[line - 1] ?? 0) + has, 'bad_indent', message);
  });
}

function read(text: string, lineCounter: LineCounter): { root?: DocumentNode; faults: SyntaxFault[] } {
  const documents = parseAllDocuments(text, { ...PARSING, lineCounter });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (!document?.contents) return { faults: [fault(0, 'empty', 'the file is empty')] };
  if (second) return { faults: [fault(second.range[0], 'several_documents', 'the file holds several documents')] };
  const others = document.errors.filter(({ code }) => !LAYOUT.has(code));
  const faults = [...others, ...document.warnings].map(({ code, pos }) => fault(pos[0], codeOf(code), wordsOf(code)));
  if (!others.some(({ code }) => CAUSES.has(code))) faults.push(...layoutFaults(text, document.errors));
  if (document.directives?.yaml.version === '1.1')
    faults.push(fault(0, 'yaml_1_1', 'YAML 1.1 reads "yes" as true; drop the %YAML line'));
  if (document.errors.length > 0) return { faults };
  const reader = new TreeReader(faults);
  const root = reader.node(document.contents, { depth: 0, offset: 0 });
  if (root.kind !== 'map') faults.push(fault(root.offset, 'wrong_type', 'the file must be a mapping'));
  return root.kind === 'map' ? { root, faults } : { faults };
}

interface Place {
  readonly depth: number;
  readonly offset: number;
  readonly keyOffset?: number;
}

class TreeReader {
  #aliased = 0;
  #insideAlias = 0;
  readonly #open = new Set<unknown>();
  /** The latest node of each anchor. The library looks through the whole document for each alias. */
  readonly #anchored = new Map<string, YamlNode>();
  readonly #targets = new Map<Alias, YamlNode | undefined>();

  constructor(private readonly faults: SyntaxFault[]) {}

  node(node: unknown, place: Place): DocumentNode {
    const key = place.keyOffset === undefined ? {} : { keyOffset: place.keyOffset };
    const nothing: DocumentNode = { kind: 'scalar', value: null, offset: place.offset, ...key };
    if (this.#insideAlias > 0 && ++this.#aliased > MOST_ALIASED_NODES)
      return this.#refuse(nothing, 'too_many_aliases', 'aliases repeat too much');
    if (place.depth > DEEPEST) return this.#refuse(nothing, 'too_deep', 'too deeply nested');
    if (isAlias(node)) {
      const offset = this.#insideAlias > 0 ? place.offset : (node.range?.[0] ?? place.offset);
      return this.#alias(this.#targetOf(node), { ...place, offset }, nothing);
    }
    this.#anchor(node);
    const offset = this.#insideAlias > 0 ? place.offset : ((node as YamlNode | null)?.range?.[0] ?? place.offset);
    if (isScalar(node)) {
      const value = this.#scalar(node.value, offset);
      const plain = node.type === 'PLAIN' ? { plain: String(node.source ?? '') } : {};
      return { kind: 'scalar', value, offset, ...key, ...plain };
    }
    if (!isMap(node) && !isSeq(node)) return nothing;
    const children = isMap(node) ? this.#entries(node, place) : this.#items(node, place);
    return { kind: isMap(node) ? 'map' : 'list', value: undefined, offset, ...key, children };
  }

  /** Nodes are met in the order of the file, but an alias meets those of its target again. */
  #anchor(node: unknown): void {
    if (this.#insideAlias > 0 || !(isScalar(node) || isMap(node) || isSeq(node)) || node.anchor === undefined) return;
    this.#anchored.set(node.anchor, node);
  }

  /** What the anchor named at the place of the alias, however often the alias is met through others. */
  #targetOf(alias: Alias): YamlNode | undefined {
    if (this.#insideAlias === 0) this.#targets.set(alias, this.#anchored.get(alias.source));
    return this.#targets.get(alias);
  }

  #refuse(node: DocumentNode, code: ErrorCode, message: string): DocumentNode {
    if (!this.faults.some((each) => each.code === code)) this.faults.push(fault(node.offset, code, message));
    return node;
  }

  #alias(target: unknown, place: Place, nothing: DocumentNode): DocumentNode {
    if (this.#open.has(target)) return this.#refuse(nothing, 'cyclic_alias', 'an alias inside of what it names');
    if (target === undefined) return this.#refuse(nothing, 'bad_alias', wordsOf('BAD_ALIAS'));
    this.#insideAlias++;
    const node = this.node(target, place);
    this.#insideAlias--;
    return node;
  }

  #scalar(value: unknown, offset: number): DocumentNode['value'] {
    if (typeof value === 'bigint') {
      if (Number.isSafeInteger(Number(value))) return Number(value);
      this.faults.push(fault(offset, 'big_number', 'this number loses digits; quote it'));
      return 0;
    }
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value;
    this.faults.push(fault(offset, 'wrong_type', 'this kind of value is not known here'));
    return null;
  }

  #items(list: YAMLSeq, place: Place): Map<string | number, DocumentNode> {
    this.#open.add(list);
    const nodes = list.items.map(
      (item, at) => [at, this.node(item, { depth: place.depth + 1, offset: place.offset })] as const,
    );
    this.#open.delete(list);
    return new Map(nodes);
  }

  #entries(map: YAMLMap, place: Place): Map<string | number, DocumentNode> {
    const children = new Map<string | number, DocumentNode>();
    this.#open.add(map);
    for (const { key, value } of map.items) {
      const keyOffset = this.#insideAlias > 0 ? place.offset : ((key as YamlNode | null)?.range?.[0] ?? place.offset);
      this.#anchor(key);
      const name = this.#key(key, keyOffset);
      if (name === undefined) continue;
      if (children.has(name)) this.#repeated(keyOffset);
      children.set(name, this.node(value, { depth: place.depth + 1, offset: keyOffset, keyOffset }));
    }
    this.#open.delete(map);
    return children;
  }

  /** Inside an alias the repeated key was reported at its own place. */
  #repeated(offset: number): void {
    if (this.#insideAlias === 0) this.faults.push(fault(offset, 'duplicate_key', 'this key is here twice'));
  }

  #key(key: unknown, offset: number): string | undefined {
    const name = isScalar(key) ? key.value : undefined;
    if (name === '<<') this.faults.push(fault(offset, 'merge_key', '"<<" is not merged; write the keys out'));
    else if (name === '__proto__') this.faults.push(fault(offset, 'unknown_key', '"__proto__" is no key'));
    else if (typeof name === 'string') return name;
    else this.faults.push(fault(offset, 'wrong_key', 'a key must be a string; quote it'));
    return undefined;
  }
}
