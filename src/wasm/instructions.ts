/** How long each WebAssembly instruction is, and which of them name a function; what is not in the table is refused. */
import { ModuleError, readLeb } from './binary.js';

export interface Instruction {
  readonly opcode: number;
  /** Behind the 0xfc prefix. */
  readonly sub?: number;
  readonly start: number;
  readonly end: number;
  /** Where its function index stands, for those that have one. */
  readonly functionAt?: number;
}

export const LOOP = 0x03;
const CALL = 0x10;
const RETURN_CALL = 0x12;
const REF_FUNC = 0xd2;
const PREFIX = 0xfc;

/** Bulk operations touch any amount of memory in one instruction. */
const BULK = new Set([8, 10, 11, 12, 14, 15, 17]);

export const isBulk = ({ opcode, sub }: Instruction): boolean => opcode === PREFIX && BULK.has(sub ?? -1);

/** Immediates: how many LEB numbers follow. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  ...each([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1], 0),
  ...each(range(0x45, 0xc4), 0),
  // block, loop, if: a block type; br, br_if; call, return_call; local.*, global.*, table.get, table.set.
  ...each([0x02, 0x03, 0x04, 0x0c, 0x0d, CALL, RETURN_CALL, ...range(0x20, 0x26)], 1),
  // memory.size, memory.grow; i32.const, i64.const; ref.null, ref.func.
  ...each([0x3f, 0x40, 0x41, 0x42, 0xd0, REF_FUNC], 1),
  // call_indirect, return_call_indirect.
  ...each([0x11, 0x13], 2),
]);

const PREFIXED: ReadonlyMap<number, number> = new Map([
  ...each(range(0, 7), 0),
  ...each([9, 11, 13, 15, 16, 17], 1),
  ...each([8, 10, 12, 14], 2),
]);

/** The instruction at a place. */
export function readInstruction(bytes: Uint8Array, start: number): Instruction {
  const opcode = bytes[start];
  if (opcode === undefined) throw new ModuleError('is cut short');
  const from = start + 1;
  if (opcode === PREFIX) return prefixed(bytes, start);
  const numbers = NUMBERS.get(opcode);
  if (numbers !== undefined) {
    const functionAt = opcode === CALL || opcode === RETURN_CALL || opcode === REF_FUNC ? { functionAt: from } : {};
    return { opcode, start, end: skip(bytes, from, numbers), ...functionAt };
  }
  if (opcode >= 0x28 && opcode <= 0x3e) return { opcode, start, end: memoryAccess(bytes, from) };
  if (opcode === 0x43) return { opcode, start, end: from + 4 };
  if (opcode === 0x44) return { opcode, start, end: from + 8 };
  if (opcode === 0x0e) return { opcode, start, end: skip(bytes, list(bytes, from), 1) };
  if (opcode === 0x1c) return { opcode, start, end: list(bytes, from) };
  throw new ModuleError(
    `uses the instruction 0x${opcode.toString(16)}, which cannot be metered: isolate it in a worker`,
  );
}

function prefixed(bytes: Uint8Array, start: number): Instruction {
  const { value: sub, next } = readLeb(bytes, start + 1);
  const numbers = PREFIXED.get(sub);
  if (numbers === undefined) {
    throw new ModuleError(`uses the instruction 0xfc ${sub}, which cannot be metered: isolate it in a worker`);
  }
  return { opcode: PREFIX, sub, start, end: skip(bytes, next, numbers) };
}

function memoryAccess(bytes: Uint8Array, from: number): number {
  const align = readLeb(bytes, from);
  if (align.value >= 64) throw new ModuleError('has several memories, which cannot be metered: isolate it in a worker');
  return skip(bytes, align.next, 1);
}

/** A count, and so many numbers. */
function list(bytes: Uint8Array, from: number): number {
  const { value, next } = readLeb(bytes, from);
  return skip(bytes, next, value);
}

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

function each(opcodes: readonly number[], numbers: number): readonly (readonly [number, number])[] {
  return opcodes.map((opcode) => [opcode, numbers] as const);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
