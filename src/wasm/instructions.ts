/** The length of each WebAssembly instruction, and whether it names a function. Unknown instructions are rejected. */
import { ModuleError, readLeb } from './binary.js';
import { atomic, exceptional, vector } from './instruction-families.js';
import { blockType, list, memoryAccess, skip, valueType } from './immediates.js';

export interface Instruction {
  readonly opcode: number;
  /** The opcode after the prefix. */
  readonly sub?: number;
  readonly start: number;
  readonly end: number;
  /** The offset of the function index, for instructions that have one. */
  readonly functionAt?: number;
}

export const LOOP = 0x03;
const CALL = 0x10;
const RETURN_CALL = 0x12;
const REF_FUNC = 0xd2;
const MEMORY_GROW = 0x40;
const PREFIX = 0xfc;
const VECTOR = 0xfd;
const ATOMIC = 0xfe;

/** memory.init, memory.copy, memory.fill, table.init, table.copy, table.grow, table.fill. */
const BULK = new Set([8, 10, 11, 12, 14, 15, 17]);
/** Instructions of both exception proposals. */
const EXCEPTIONS = new Set([0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f]);
/** throw, rethrow, throw_ref: each one unwinds the stack. */
const THROWS = new Set([0x08, 0x09, 0x0a]);
/** memory.atomic.notify, .wait32 and .wait64. */
const LAST_WAIT = 2;

/**
 * Whether the cost is not constant, or the instruction calls the host. V8 may run hundreds of thousands of iterations
 * before it ends a thread.
 */
export function isCostly({ opcode, sub = -1 }: Instruction): boolean {
  if (opcode === PREFIX) return BULK.has(sub);
  return opcode === MEMORY_GROW || THROWS.has(opcode) || (opcode === ATOMIC && sub <= LAST_WAIT);
}

export const isException = ({ opcode }: Instruction): boolean => EXCEPTIONS.has(opcode);
export const isVector = ({ opcode }: Instruction): boolean => opcode === VECTOR || opcode === ATOMIC;

/** The number of LEB immediates. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  ...each([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1], 0),
  ...each(range(0x45, 0xc4), 0),
  // br, br_if; call, return_call; local.*, global.*, table.get, table.set.
  ...each([0x0c, 0x0d, CALL, RETURN_CALL, ...range(0x20, 0x26)], 1),
  // memory.size, memory.grow; i32.const, i64.const; ref.null, ref.func.
  ...each([0x3f, MEMORY_GROW, 0x41, 0x42, 0xd0, REF_FUNC], 1),
  // call_indirect, return_call_indirect.
  ...each([0x11, 0x13], 2),
  // call_ref, return_call_ref; ref.eq, ref.as_non_null; br_on_null, br_on_non_null.
  ...each([0x14, 0x15, 0xd5, 0xd6], 1),
  ...each([0xd3, 0xd4], 0),
]);

const PREFIXED: ReadonlyMap<number, number> = new Map([
  ...each(range(0, 7), 0),
  ...each([9, 11, 13, 15, 16, 17], 1),
  ...each([8, 10, 12, 14], 2),
]);

/** Decodes the instruction at an offset. */
export function readInstruction(bytes: Uint8Array, start: number): Instruction {
  const opcode = bytes[start];
  if (opcode === undefined) throw new ModuleError('is cut short');
  const from = start + 1;
  if (opcode === PREFIX || opcode === VECTOR || opcode === ATOMIC) return prefixed(bytes, opcode, start);
  const numbers = NUMBERS.get(opcode);
  if (numbers !== undefined) {
    const functionAt = opcode === CALL || opcode === RETURN_CALL || opcode === REF_FUNC ? { functionAt: from } : {};
    return { opcode, start, end: skip(bytes, from, numbers), ...functionAt };
  }
  const end = EXCEPTIONS.has(opcode) ? exceptional(bytes, opcode, from) : endOf(bytes, opcode, from);
  if (end === undefined) throw unknown(`0x${opcode.toString(16)}`);
  return { opcode, start, end };
}

function endOf(bytes: Uint8Array, opcode: number, from: number): number | undefined {
  // block, loop, if.
  if (opcode >= 0x02 && opcode <= 0x04) return blockType(bytes, from);
  if (opcode >= 0x28 && opcode <= 0x3e) return memoryAccess(bytes, from);
  if (opcode === 0x43) return from + 4;
  if (opcode === 0x44) return from + 8;
  // br_table; select with a type.
  if (opcode === 0x0e)
    return skip(
      bytes,
      list(bytes, from, (at) => skip(bytes, at, 1)),
      1,
    );
  if (opcode === 0x1c) return list(bytes, from, (at) => valueType(bytes, at));
  return undefined;
}

function prefixed(bytes: Uint8Array, opcode: number, start: number): Instruction {
  const { value: sub, next } = readLeb(bytes, start + 1);
  const end = endBehind(bytes, { opcode, sub, next });
  if (end === undefined) throw unknown(`0x${opcode.toString(16)} ${sub}`);
  if (end > bytes.length) throw new ModuleError('is cut short');
  return { opcode, sub, start, end };
}

interface Prefixed {
  readonly opcode: number;
  readonly sub: number;
  readonly next: number;
}

function endBehind(bytes: Uint8Array, { opcode, sub, next }: Prefixed): number | undefined {
  if (opcode === VECTOR) return vector(bytes, sub, next);
  if (opcode === ATOMIC) return atomic(bytes, sub, next);
  const numbers = PREFIXED.get(sub);
  return numbers === undefined ? undefined : skip(bytes, next, numbers);
}

const unknown = (what: string): ModuleError =>
  new ModuleError(`uses the unknown instruction ${what}, which cannot be metered`);

function each(opcodes: readonly number[], numbers: number): readonly (readonly [number, number])[] {
  return opcodes.map((opcode) => [opcode, numbers] as const);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
