/**
 * Instructions that SDKs emit only on request: vectors, atomics, exceptions. The functions return `undefined` for
 * unknown opcodes.
 */
import { readLeb } from './binary.js';
import { blockType, list, memoryAccess, skip } from './immediates.js';

const SHUFFLE_BYTES = 16;
const LAST_RELAXED = 0x113;

/** After the prefix 0xfd. */
export function vector(bytes: Uint8Array, sub: number, next: number): number | undefined {
  if (sub <= 0x0b || sub === 0x5c || sub === 0x5d) return memoryAccess(bytes, next);
  // v128.const, i8x16.shuffle.
  if (sub === 0x0c || sub === 0x0d) return next + SHUFFLE_BYTES;
  // A lane of a vector, or a lane of a vector in memory.
  if (sub >= 0x15 && sub <= 0x22) return next + 1;
  if (sub >= 0x54 && sub <= 0x5b) return memoryAccess(bytes, next) + 1;
  return sub <= LAST_RELAXED ? next : undefined;
}

/** After the prefix 0xfe. */
export function atomic(bytes: Uint8Array, sub: number, next: number): number | undefined {
  // atomic.fence.
  if (sub === 0x03) return next + 1;
  return sub <= 0x02 || (sub >= 0x10 && sub <= 0x4e) ? memoryAccess(bytes, next) : undefined;
}

/** try, catch, throw, rethrow, throw_ref, delegate, catch_all, try_table. */
export function exceptional(bytes: Uint8Array, opcode: number, from: number): number | undefined {
  switch (opcode) {
    case 0x06:
      return blockType(bytes, from);
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x18:
      return skip(bytes, from, 1);
    case 0x0a:
    case 0x19:
      return from;
    case 0x1f:
      return list(bytes, blockType(bytes, from), (at) => clause(bytes, at));
    default:
      return undefined;
  }
}

/** `catch` and `catch_ref` name a tag and a label. `catch_all` and `catch_all_ref` name only a label. */
function clause(bytes: Uint8Array, at: number): number {
  const { value: kind, next } = readLeb(bytes, at);
  return skip(bytes, next, kind <= 1 ? 2 : 1);
}
