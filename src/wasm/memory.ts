/**
 * The memory of one instance, read and written by the host. Every pointer is checked. No pointer is kept across calls.
 */
import { LIMITS, Status } from './abi.js';

/** A pointer or a length outside the module's memory, or an allocator that returned no memory. */
export class MemoryFault extends Error {
  override readonly name = 'MemoryFault';
  constructor(
    message: string,
    /** The status that the host function returns. */
    readonly status: Status = Status.InvalidMemoryAccess,
  ) {
    super(message);
  }
}

export type Allocate = (size: number) => unknown;

export class Memory {
  #bytes = Buffer.alloc(0);

  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly allocate: Allocate,
  ) {}

  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** Returns a copy, because the module may change its bytes when it runs again. */
  read(pointer: number, length: number): Buffer {
    const [from, size] = [pointer >>> 0, length >>> 0];
    const bytes = this.#current();
    if (from + size > bytes.length) throw new MemoryFault(`${size} bytes at ${from}`);
    return Buffer.from(bytes.subarray(from, from + size));
  }

  /** Latin1. Strings are in the JavaScript heap. A full heap ends the whole process, not only the thread. */
  text(pointer: number, length: number): string {
    const [from, size] = [pointer >>> 0, length >>> 0];
    const bytes = this.#current();
    if (from + size > bytes.length) throw new MemoryFault(`${size} bytes at ${from}`);
    if (size > LIMITS.mapBytes) throw new MemoryFault(`a text of ${size} bytes`, Status.BadArgument);
    return bytes.toString('latin1', from, from + size);
  }

  writeU32(pointer: number, value: number): void {
    this.#current().writeUInt32LE(value >>> 0, this.#place(pointer, 4));
  }

  writeU64(pointer: number, value: bigint): void {
    this.#current().writeBigUInt64LE(BigInt.asUintN(64, value), this.#place(pointer, 8));
  }

  writeBytes(pointer: number, bytes: Uint8Array): void {
    this.#current().set(bytes, this.#place(pointer, bytes.length));
  }

  /**
   * Copies bytes into memory from the module's allocator. Writes their address and their length to the two result
   * pointers.
   */
  give(bytes: Uint8Array, pointerAt: number, sizeAt: number): void {
    // Check before the module runs: a bad result pointer must not cost an allocation.
    this.#place(pointerAt, 4);
    this.#place(sizeAt, 4);
    let pointer = 0;
    if (bytes.length > 0) {
      pointer = Number(this.allocate(bytes.length)) >>> 0;
      if (pointer === 0) throw new MemoryFault(`the allocator returned no memory for ${bytes.length} bytes`);
      this.writeBytes(pointer, bytes);
    }
    this.writeU32(pointerAt, pointer);
    this.writeU32(sizeAt, bytes.length);
  }

  /** The buffer is replaced when the memory grows. */
  #current(): Buffer {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = Buffer.from(this.memory.buffer);
    return this.#bytes;
  }

  #place(pointer: number, length: number): number {
    const from = pointer >>> 0;
    if (from + length > this.#current().length) throw new MemoryFault(`${length} bytes at ${from}`);
    return from;
  }
}
