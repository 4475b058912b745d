/** What follows an opcode: numbers, types, places in memory; each function returns where it ends. */
import { ModuleError, readLeb } from './binary.js';

/** `(ref …)` and `(ref null …)`: what they refer to follows. */
const TYPED = new Set([0x63, 0x64]);
/** Of an alignment: the number of a memory follows. */
const OF_A_MEMORY = 0x40;

/** LEB numbers of any sign and width end where the high bit does. */
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

/** A count, and so many items. */
export function list(bytes: Uint8Array, from: number, item: (at: number) => number): number {
  const { value, next } = readLeb(bytes, from);
  // Before it counts: a number of four bytes would have it count for minutes.
  if (next + value > bytes.length) throw new ModuleError('is cut short');
  let at = next;
  for (let left = value; left > 0; left -= 1) at = item(at);
  return at;
}

export function valueType(bytes: Uint8Array, at: number): number {
  return TYPED.has(bytes[at] ?? 0) ? skip(bytes, at + 1, 1) : skip(bytes, at, 1);
}

/** None, a type of a value, or the number of a type. */
export const blockType = valueType;

/** An alignment and an offset. */
export function memoryAccess(bytes: Uint8Array, from: number): number {
  const align = readLeb(bytes, from);
  return skip(bytes, align.next, align.value >= OF_A_MEMORY ? 2 : 1);
}
