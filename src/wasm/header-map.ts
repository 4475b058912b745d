/** An ordered multimap of header fields, and its encoding in proxy-wasm. Names are in lower case, values are latin1. */
import { LIMITS } from './abi.js';

export type Pair = readonly [name: string, value: string];

/** The pairs of a list that has each name before its value. */
export function pairsOf(texts: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) pairs.push([texts[at] as string, texts[at + 1] as string]);
  return pairs;
}

export class HeaderMap {
  /** Never changed in place, so a map without writes needs no copy. */
  #pairs: readonly Pair[];
  #touched: Set<string> | undefined;

  /** Names must be in lower case. */
  constructor(pairs: readonly Pair[] = []) {
    this.#pairs = pairs;
  }

  get pairs(): readonly Pair[] {
    return this.#pairs;
  }

  /** Names that were written, whatever their values are now. */
  get touched(): ReadonlySet<string> | undefined {
    return this.#touched;
  }

  /** Returns the first value, as the ABI requires. */
  get(name: string): string | undefined {
    const wanted = alias(name);
    return this.#pairs.find(([each]) => each === wanted)?.[1];
  }

  add(name: string, value: string): void {
    this.#write([alias(name)], [...this.#pairs, [alias(name), value]]);
  }

  /** Replaces the first field of that name. Without one, appends the field. */
  replace(name: string, value: string): void {
    const wanted = alias(name);
    const at = this.#pairs.findIndex(([each]) => each === wanted);
    if (at === -1) return this.add(name, value);
    const pairs = this.#pairs.flatMap((pair, index): Pair[] => {
      if (index === at) return [[wanted, value]];
      return pair[0] === wanted ? [] : [pair];
    });
    this.#write([wanted], pairs);
  }

  remove(name: string): void {
    const wanted = alias(name);
    this.#write(
      [wanted],
      this.#pairs.filter(([each]) => each !== wanted),
    );
  }

  setAll(given: readonly Pair[]): void {
    const pairs = given.map(([name, value]): Pair => [alias(name), value]);
    this.#write(
      [...this.#pairs, ...pairs].map(([name]) => name),
      pairs,
    );
  }

  #write(names: readonly string[], pairs: readonly Pair[]): void {
    this.#touched ??= new Set();
    for (const name of names) this.#touched.add(name);
    this.#pairs = pairs;
  }
}

/** `host` is not listed. It is read and written as `:authority`, as in Envoy. */
function alias(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'host' ? ':authority' : lower;
}

/**
 * Encodes a u32le count, then the two lengths of each pair, then name NUL value NUL. Without pairs there are no bytes.
 */
export function encodePairs(pairs: readonly Pair[]): Buffer {
  if (pairs.length === 0) return Buffer.alloc(0);
  const head = Buffer.alloc(4 + pairs.length * 8);
  head.writeUInt32LE(pairs.length, 0);
  pairs.forEach(([name, value], at) => {
    head.writeUInt32LE(name.length, 4 + at * 8);
    head.writeUInt32LE(value.length, 8 + at * 8);
  });
  const text = pairs.map(([name, value]) => `${name}\0${value}\0`).join('');
  return Buffer.concat([head, Buffer.from(text, 'latin1')]);
}

/** Returns `undefined` if the bytes are not a map, or the map is larger than the limits. */
export function decodePairs(bytes: Uint8Array): readonly Pair[] | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0 || (buffer.length === 1 && buffer[0] === 0)) return [];
  if (buffer.length < 4 || buffer.length > LIMITS.mapBytes) return undefined;
  const count = buffer.readUInt32LE(0);
  if (count > LIMITS.headerPairs || buffer.length < 4 + count * 8) return undefined;
  const pairs: Pair[] = [];
  let at = 4 + count * 8;
  for (let index = 0; index < count; index += 1) {
    const name = take(buffer, at, buffer.readUInt32LE(4 + index * 8));
    if (name === undefined) return undefined;
    at += name.length + 1;
    const value = take(buffer, at, buffer.readUInt32LE(8 + index * 8));
    if (value === undefined) return undefined;
    at += value.length + 1;
    pairs.push([name, value]);
  }
  return at === buffer.length ? pairs : undefined;
}

function take(buffer: Buffer, from: number, length: number): string | undefined {
  return buffer[from + length] === 0 ? buffer.toString('latin1', from, from + length) : undefined;
}

const NAME = /^(?::[a-z]+|[!#$%&'*+.^_`|~0-9a-z-]+)$/i;
const LINE_BREAK = /[\0\r\n]/;

/**
 * Accepts a token or a pseudo-header as name, and a value without CR, LF and NUL. Other characters could start a field.
 */
export function isField([name, value]: Pair): boolean {
  return NAME.test(name) && !LINE_BREAK.test(value);
}
