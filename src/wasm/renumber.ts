/**
 * Copies the sections of a module. Every function index after the imports is one higher, and the code calls the host.
 */
import { leb, ModuleError, readLeb, type Section } from './binary.js';
import { skip, valueType } from './immediates.js';
import { isCostly, isException, isVector, LOOP, readInstruction, type Instruction } from './instructions.js';

/** Loops, calls and long code sequences between two reads of the clock. */
export const LAPS = 1_000;
/** Instructions without a loop or a call that count as one lap. A body may be megabytes long. */
const LONGEST_STRETCH = 1_000;
/** A function is compiled at its first call, and nothing can stop the compiler. */
const LONGEST_BODY = 262_144;
const TOO_LONG = `a function of more than ${LONGEST_BODY} bytes`;
export const FUNCTION = 0x00;
const END = 0x0b;

export type Bytes = Uint8Array | readonly number[];

/** Parts that are copied once, one after another. */
export function joined(parts: readonly Bytes[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The indexes of the new type, of the new imported function and of the new global. */
export interface Layout {
  readonly type: number;
  readonly tick: number;
  /** `undefined`: laps are not counted, and only costly instructions call the host. */
  readonly counter: number | undefined;
}

const NOTHING: Bytes = [];

/** Signed LEB of a small positive number. */
export function signed(value: number): readonly number[] {
  return value < 64 ? [value] : [(value % 128) + 128, ...signed(Math.floor(value / 128))];
}

const unmetered = (what: string): ModuleError =>
  new ModuleError(`${what}, which cannot be metered; isolate it in a worker`);

export class Renumbered {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly layout: Layout,
  ) {}

  index(at: number): { readonly bytes: Bytes; readonly next: number } {
    const { value, next } = readLeb(this.bytes, at);
    return { bytes: leb(value >= this.layout.tick ? value + 1 : value), next };
  }

  exports({ content }: Section): Bytes {
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const length = readLeb(this.bytes, at);
      const kindAt = length.next + length.value;
      parts.push(this.#raw(at, kindAt + 1));
      const isFunction = this.bytes[kindAt] === FUNCTION;
      const end = skip(this.bytes, kindAt + 1, 1);
      parts.push(isFunction ? this.index(kindAt + 1).bytes : this.#raw(kindAt + 1, end));
      at = end;
    }
    return joined(parts);
  }

  /** Each global has a type, a mutability and an expression. */
  expressions({ content, end }: Section): Uint8Array {
    if (content === end) return new Uint8Array(0);
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const from = valueType(this.bytes, at) + 1;
      const expression = this.expression(from);
      parts.push(this.#raw(at, from), expression.bytes);
      at = expression.next;
    }
    return joined(parts);
  }

  /** Copies an expression with its `end`. */
  expression(from: number): { readonly bytes: Bytes; readonly next: number } {
    const parts: Bytes[] = [];
    let at = from;
    for (;;) {
      const instruction = readInstruction(this.bytes, at);
      parts.push(...this.#copied(instruction, at));
      at = instruction.end;
      if (instruction.opcode === END) return { bytes: joined(parts), next: at };
    }
  }

  elements({ content }: Section): Bytes {
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const segment = this.#segment(at);
      parts.push(segment.bytes);
      at = segment.next;
    }
    return joined(parts);
  }

  /** Flags: 1 passive or declared, 2 with a table (or declared), 4 expressions instead of indexes. */
  #segment(from: number): { readonly bytes: Bytes; readonly next: number } {
    const { value: flags, next } = readLeb(this.bytes, from);
    const parts: Bytes[] = [leb(flags)];
    let at = next;
    const copy = (end: number): void => {
      parts.push(this.#raw(at, end));
      at = end;
    };
    if ((flags & 1) === 0) {
      if (flags & 2) copy(skip(this.bytes, at, 1));
      const offset = this.expression(at);
      parts.push(offset.bytes);
      at = offset.next;
    }
    // The kind or the type of the elements.
    if (flags & 3) copy(valueType(this.bytes, at));
    const items = readLeb(this.bytes, at);
    parts.push(leb(items.value));
    at = items.next;
    for (let left = items.value; left > 0; left -= 1) {
      const item = flags & 4 ? this.expression(at) : this.index(at);
      parts.push(item.bytes);
      at = item.next;
    }
    return { bytes: joined(parts), next: at };
  }

  code({ content }: Section): Bytes {
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const size = readLeb(this.bytes, at);
      if (this.layout.counter !== undefined && size.value > LONGEST_BODY) throw unmetered(`has ${TOO_LONG}`);
      const body = this.#body(size.next, size.next + size.value);
      parts.push(leb(body.length), body);
      at = size.next + size.value;
    }
    return joined(parts);
  }

  #body(from: number, end: number): Bytes {
    const locals = readLeb(this.bytes, from);
    let at = locals.next;
    for (let left = locals.value; left > 0; left -= 1) at = valueType(this.bytes, skip(this.bytes, at, 1));
    const lap = this.layout.counter === undefined ? NOTHING : this.#lap(this.layout.counter);
    const parts: Bytes[] = [this.#raw(from, at), lap];
    // Copies unchanged bytes in one piece, up to the next change or insertion.
    let [copied, stretch] = [at, 0];
    while (at < end) {
      const instruction = this.#read(at);
      const put = this.#before(instruction, stretch, lap);
      if (put) parts.push(this.#raw(copied, at), put);
      if (put) copied = at;
      stretch = put === lap ? 0 : stretch + 1;
      if (instruction.functionAt !== undefined || instruction.opcode === LOOP) {
        parts.push(...this.#copied(instruction, copied));
        copied = instruction.end;
      }
      if (instruction.opcode === LOOP) parts.push(lap);
      at = instruction.end;
    }
    if (at !== end) throw new ModuleError('has a function that ends inside an instruction');
    return joined([...parts, this.#raw(copied, at)]);
  }

  /** Metered code must not catch the error that the host throws to stop it. */
  #read(at: number): Instruction {
    const instruction = readInstruction(this.bytes, at);
    if (this.layout.counter === undefined) return instruction;
    if (isException(instruction)) throw unmetered('uses exceptions');
    if (isVector(instruction)) throw unmetered(`uses the instruction 0x${instruction.opcode.toString(16)}`);
    return instruction;
  }

  #before(instruction: Instruction, stretch: number, lap: Bytes): Bytes | undefined {
    // One instruction that moves megabytes needs its own check.
    if (isCostly(instruction)) return [0x10, ...leb(this.layout.tick)];
    return lap !== NOTHING && stretch >= LONGEST_STRETCH ? lap : undefined;
  }

  /** `counter -= 1; if (counter === 0) { counter = LAPS; tick() }` */
  #lap(global: number): Bytes {
    const counter = leb(global);
    const [get, set] = [
      [0x23, ...counter],
      [0x24, ...counter],
    ];
    const count = [...get, 0x41, 1, 0x6b, ...set];
    return [...count, ...get, 0x45, 0x04, 0x40, 0x41, ...signed(LAPS), ...set, 0x10, ...leb(this.layout.tick), END];
  }

  /** Includes the bytes between `from` and the index. */
  #copied({ end, functionAt }: Instruction, from: number): readonly Bytes[] {
    if (functionAt === undefined) return [this.#raw(from, end)];
    return [this.#raw(from, functionAt), this.index(functionAt).bytes];
  }

  #raw(from: number, to: number): Bytes {
    return this.bytes.subarray(from, to);
  }
}
