/** A bounded reader of DER (X.690) for certificates, which never reads past the end of its input. */

export interface DerValue {
  readonly tag: number;
  /** What the value contains, without tag and length. */
  readonly contents: Buffer;
  /** Tag, length and contents. */
  readonly encoded: Buffer;
}

export class DerError extends Error {
  override readonly name = 'DerError';
}

export const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, sequence: 0x30, set: 0x31 } as const;

function readAt(bytes: Buffer, offset: number): DerValue {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError('truncated');
  if ((tag & 0x1f) === 0x1f) throw new DerError('multi-byte tag');
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 3 || start + octets > bytes.length) throw new DerError('bad length');
    length = bytes.readUIntBE(start, octets);
    if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw new DerError('length not minimal');
    start += octets;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('truncated');
  return { tag, contents: bytes.subarray(start, end), encoded: bytes.subarray(offset, end) };
}

/** The consecutive values in the bytes. */
export function readAll(bytes: Buffer): readonly DerValue[] {
  const values: DerValue[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const value = readAt(bytes, offset);
    values.push(value);
    offset += value.encoded.length;
  }
  return values;
}

/** The single value in the bytes. */
export function readOne(bytes: Buffer): DerValue {
  const value = readAt(bytes, 0);
  if (value.encoded.length !== bytes.length) throw new DerError('trailing bytes');
  return value;
}

/** The members of a value that must have the tag. */
export function members(value: DerValue | undefined, tag: number): readonly DerValue[] {
  return readAll(expectTag(value, tag).contents);
}

export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag) throw new DerError(`tag ${tag} expected`);
  return value;
}

/** Arcs are big integers, and their cost grows with the square of their length. Usual identifiers are far shorter. */
const LONGEST_OID = 128;

/** An object identifier in dotted notation. */
export function readOid(value: DerValue | undefined): string {
  const { contents } = expectTag(value, TAG.oid);
  const fits = contents.length > 0 && contents.length <= LONGEST_OID;
  if (!fits || (contents.at(-1) as number) >= 0x80) throw new DerError('bad object identifier');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of contents) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [head = 0n, ...rest] = arcs;
  const root = head < 40n ? 0n : head < 80n ? 1n : 2n;
  return [root, head - root * 40n, ...rest].join('.');
}
