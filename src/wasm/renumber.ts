/** Copies parts of a module in which every function behind the imports has a number one higher, and is metered. */
import { leb, ModuleError, readLeb, type Section } from './binary.js';
import { isBulk, LOOP, readInstruction, skip, type Instruction } from './instructions.js';

/** Loops and calls between two looks at the clock. */
export const LAPS = 1_000;
export const FUNCTION = 0x00;
const END = 0x0b;

export type Bytes = readonly number[];

/** What the new function and the new global are called by their numbers. */
export interface Layout {
  /** Of the new type, of the new imported function, of the new global. */
  readonly type: number;
  readonly tick: number;
  readonly counter: number;
}

/** Signed LEB of a small positive number. */
export function signed(value: number): Bytes {
  return value < 64 ? [value] : [(value % 128) + 128, ...signed(Math.floor(value / 128))];
}

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
    return parts.flat();
  }

  /** Globals: a type, a mutability and an expression each. */
  expressions({ content, end }: Section): Bytes {
    if (content === end) return [];
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const expression = this.expression(at + 2);
      parts.push(this.#raw(at, at + 2), expression.bytes);
      at = expression.next;
    }
    return parts.flat();
  }

  /** Up to and with its `end`. */
  expression(from: number): { readonly bytes: Bytes; readonly next: number } {
    const parts: Bytes[] = [];
    let at = from;
    for (;;) {
      const instruction = readInstruction(this.bytes, at);
      parts.push(this.#copied(instruction));
      at = instruction.end;
      if (instruction.opcode === END) return { bytes: parts.flat(), next: at };
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
    return parts.flat();
  }

  /** Flags: 1 passive or declared, 2 with a table (or declared), 4 expressions in place of indexes. */
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
    if (flags & 3) copy(at + 1);
    const items = readLeb(this.bytes, at);
    parts.push(leb(items.value));
    at = items.next;
    for (let left = items.value; left > 0; left -= 1) {
      const item = flags & 4 ? this.expression(at) : this.index(at);
      parts.push(item.bytes);
      at = item.next;
    }
    return { bytes: parts.flat(), next: at };
  }

  code({ content }: Section): Bytes {
    const { value: count, next } = readLeb(this.bytes, content);
    const parts: Bytes[] = [leb(count)];
    let at = next;
    for (let left = count; left > 0; left -= 1) {
      const size = readLeb(this.bytes, at);
      const body = this.#body(size.next, size.next + size.value);
      parts.push(leb(body.length), body);
      at = size.next + size.value;
    }
    return parts.flat();
  }

  #body(from: number, end: number): Bytes {
    const locals = readLeb(this.bytes, from);
    let at = locals.next;
    for (let left = locals.value; left > 0; left -= 1) at = skip(this.bytes, at, 1) + 1;
    const parts: Bytes[] = [this.#raw(from, at), this.#lap()];
    while (at < end) {
      const instruction = readInstruction(this.bytes, at);
      // One instruction that moves megabytes is worth a look at the clock of its own.
      if (isBulk(instruction)) parts.push([0x10, ...leb(this.layout.tick)]);
      parts.push(this.#copied(instruction));
      if (instruction.opcode === LOOP) parts.push(this.#lap());
      at = instruction.end;
    }
    if (at !== end) throw new ModuleError('has a function that ends in the middle of an instruction');
    return parts.flat();
  }

  /** `counter -= 1; if (counter === 0) { counter = LAPS; tick() }` */
  #lap(): Bytes {
    const counter = leb(this.layout.counter);
    const [get, set] = [
      [0x23, ...counter],
      [0x24, ...counter],
    ];
    const count = [...get, 0x41, 1, 0x6b, ...set];
    return [...count, ...get, 0x45, 0x04, 0x40, 0x41, ...signed(LAPS), ...set, 0x10, ...leb(this.layout.tick), END];
  }

  #copied({ start, end, functionAt }: Instruction): Bytes {
    if (functionAt === undefined) return this.#raw(start, end);
    return [...this.#raw(start, functionAt), ...this.index(functionAt).bytes];
  }

  #raw(from: number, to: number): Bytes {
    return Array.from(this.bytes.subarray(from, to));
  }
}
