/** Readers of immediates: numbers, types and memory arguments. Each function returns the offset of the end. */
import { ModuleError, readLeb } from './binary.js';

/** `(ref …)` and `(ref null …)`: a heap type follows. */
const TYPED = new Set([0x63, 0x64]);
/** Flag of an alignment: a memory index follows. */
const OF_A_MEMORY = 0x40;

/** Skips a LEB number of any sign and width. The number ends at the byte without the high bit. */
export function skip(bytes: Uint8Array, from: number, numbers: number): number {
  if (from + numbers > bytes.length) throw new ModuleError('is cut short');
  let at = from;
  for (let left = numbers; left > 0; left -= 1) {
    while ((bytes[at] ?? 0) >= 0x80) at += 1;
    at += 1;
  }
  if (at > bytes.length) throw new ModuleError('is cut short');
  return at;
}

/** Skips a count and that many items. */
export function list(bytes: Uint8Array, from: number, item: (at: number) => number): number {
  const { value, next } = readLeb(bytes, from);
  // Check before the loop: a count of 32 bits would take minutes.
  if (next + value > bytes.length) throw new ModuleError('is cut short');
  let at = next;
  for (let left = value; left > 0; left -= 1) at = item(at);
  return at;
}

export function valueType(bytes: Uint8Array, at: number): number {
  return TYPED.has(bytes[at] ?? 0) ? skip(bytes, at + 1, 1) : skip(bytes, at, 1);
}

/** A block type: empty, a value type, or a type index. */
export const blockType = valueType;

/** An alignment and an offset. */
export function memoryAccess(bytes: Uint8Array, from: number): number {
  const align = readLeb(bytes, from);
  return skip(bytes, align.next, align.value >= OF_A_MEMORY ? 2 : 1);
}
