/** The keys of a block as bytes: a digest and a name for each key, found by the digest. A file may have 100,000 keys. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKeyOptions, ConfiguredKey } from './options.js';

/** What few keys have. A name is here only if UTF-8 cannot hold it. */
type Conditions = Pick<ConfiguredKey, 'rate_limit' | 'expires' | 'allowed_ips' | 'name'>;

/** Plain data, so that threads can exchange it and comparisons are fast. Keys are numbered in the order of the file. */
export interface KeyTable {
  readonly size: number;
  /** 32 bytes for each key. */
  readonly digests: Uint8Array;
  /** Open addressing by the first bytes of the digest: the number of a key plus one, or 0. */
  readonly slots: Uint32Array;
  /** UTF-8. A key without a name has no bytes. */
  readonly names: Uint8Array;
  /** The end of each name. */
  readonly ends: Uint32Array;
  readonly conditions: ReadonlyMap<number, Conditions>;
}

/** A key of the table, without the key itself. */
export interface KeyEntry extends Conditions {
  readonly digest: Buffer;
}

/** The options of a file, or of a plan that runs, which keeps only the digests of its keys. */
export type KeyedOptions = Omit<ApiKeyOptions, 'keys'> & { readonly keys?: ApiKeyOptions['keys'] | KeyTable };

/** The keys as the file has them. A plan that runs was checked before. */
export function configuredKeys({ keys }: KeyedOptions): readonly ConfiguredKey[] | undefined {
  return keys && isKeyTable(keys) ? [] : keys;
}

const DIGEST_BYTES = 32;
const NO_DIGEST = Buffer.alloc(DIGEST_BYTES);

/** The SHA-256 digest of a key, in hex. */
export function digestOf({ key, key_hash }: Pick<ConfiguredKey, 'key' | 'key_hash'>): string {
  return key === undefined ? (key_hash ?? '').slice('sha256:'.length) : hash('sha256', key);
}

/** The name of a key without a name begins its digest, in hex. */
export function subjectOf(name: string | undefined, digest: string): string {
  return name ?? `key-${digest.slice(0, 12)}`;
}

function isKeyTable(keys: readonly ConfiguredKey[] | KeyTable): keys is KeyTable {
  return 'slots' in keys;
}

export function keyTableOf(keys: readonly ConfiguredKey[]): KeyTable {
  const digests = Buffer.alloc(keys.length * DIGEST_BYTES);
  const slots = new Uint32Array(slotsFor(keys.length));
  const names = keys.map(({ name = '' }) => Buffer.from(name.isWellFormed() ? name : ''));
  const ends = new Uint32Array(keys.length);
  const conditions = new Map<number, Conditions>();
  let end = 0;
  for (const [number, key] of keys.entries()) {
    digests.write(digestOf(key), number * DIGEST_BYTES, 'hex');
    slots[freeSlot(slots, digests.readUInt32LE(number * DIGEST_BYTES))] = number + 1;
    ends[number] = end += (names[number] as Buffer).length;
    const { rate_limit, expires, allowed_ips, name } = key;
    const own = {
      ...(name === undefined || name.isWellFormed() ? {} : { name }),
      ...(rate_limit === undefined ? {} : { rate_limit }),
      ...(expires === undefined ? {} : { expires }),
      ...(allowed_ips === undefined ? {} : { allowed_ips }),
    };
    if (Object.keys(own).length > 0) conditions.set(number, own);
  }
  // Not a Buffer: in a message between threads a Buffer becomes a Uint8Array, and comparisons see the difference.
  return { size: keys.length, digests: bytes(digests), slots, names: bytes(Buffer.concat(names)), ends, conditions };
}

const bytes = (buffer: Buffer): Uint8Array => new Uint8Array(buffer);

/** At most half of the slots are taken. */
function slotsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, count * 2)));
}

function freeSlot(slots: Uint32Array, prefix: number): number {
  let at = prefix & (slots.length - 1);
  while (slots[at] !== 0) at = (at + 1) & (slots.length - 1);
  return at;
}

/**
 * Returns the number of the key with this digest. There is one full comparison, in constant time, for a near miss and for
 * a random guess.
 */
export function findKey({ slots, digests }: KeyTable, digest: Buffer): number | undefined {
  const view = viewOf(digests);
  const prefix = digest.readUInt32LE(0);
  let near: number | undefined;
  for (
    let at = prefix & (slots.length - 1);
    slots[at] !== 0 && near === undefined;
    at = (at + 1) & (slots.length - 1)
  ) {
    const number = (slots[at] as number) - 1;
    const start = number * DIGEST_BYTES;
    // Two digests with the same 64 bits do not occur.
    if (view.readUInt32LE(start) === prefix && view.readUInt32LE(start + 4) === digest.readUInt32LE(4)) near = number;
  }
  const known = near === undefined ? NO_DIGEST : view.subarray(near * DIGEST_BYTES, (near + 1) * DIGEST_BYTES);
  return timingSafeEqual(digest, known) ? near : undefined;
}

export function keyAt({ digests, names, ends, conditions }: KeyTable, number: number): KeyEntry {
  const name = viewOf(names).toString('utf8', ends[number - 1] ?? 0, ends[number]);
  const digest = Buffer.from(digests.subarray(number * DIGEST_BYTES, (number + 1) * DIGEST_BYTES));
  return { digest, ...(name !== '' && { name }), ...conditions.get(number) };
}

const subjects = new WeakMap<KeyTable, ReadonlySet<string>>();

/** Every route with a narrowing asks for them. */
export function subjectsOf(table: KeyTable): ReadonlySet<string> {
  let known = subjects.get(table);
  if (known) return known;
  const all = Array.from({ length: table.size }, (_each, number) => {
    const { name, digest } = keyAt(table, number);
    return subjectOf(name, digest.toString('hex'));
  });
  subjects.set(table, (known = new Set(all)));
  return known;
}

function viewOf(array: Uint8Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

const tables = new WeakMap<readonly ConfiguredKey[], KeyTable>();
const NO_KEYS = keyTableOf([]);

export function tableOf({ keys }: Pick<KeyedOptions, 'keys'>): KeyTable {
  if (!keys) return NO_KEYS;
  if (isKeyTable(keys)) return keys;
  let table = tables.get(keys);
  if (!table) tables.set(keys, (table = keyTableOf(keys)));
  return table;
}

/** The options with a list of keys, each by its hash. */
export function expanded(options: KeyedOptions): KeyedOptions {
  const { keys } = options;
  if (!keys || !isKeyTable(keys)) return options;
  const list = Array.from({ length: keys.size }, (_each, number): ConfiguredKey => {
    const { digest, ...others } = keyAt(keys, number);
    return { key_hash: `sha256:${digest.toString('hex')}`, ...others };
  });
  return { ...options, keys: list };
}
