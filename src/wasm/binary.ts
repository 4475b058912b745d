/** Reads the sections of a WebAssembly module that a host needs, and bounds its memory before it runs. */
import { PAGE_BYTES } from './abi.js';

/** The module cannot be used. The message is for the operator. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';

  /** Replaces unprintable characters: a name in a module may hold line breaks, which would forge lines of the log. */
  constructor(words: string, options?: ErrorOptions) {
    super(words.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_WORDS), options);
  }
}

const LONGEST_WORDS = 500;
/** Compilers write about a dozen sections, and some more for debuggers. */
const MOST_SECTIONS = 1_000;

export interface Section {
  readonly id: number;
  /** Offsets of the section id, of the first byte of its content, and of its end. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 0x01;

/** Lists the sections in order. */
export function sectionsOf(bytes: Uint8Array): readonly Section[] {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) throw new ModuleError('is not a WebAssembly module (version 1)');
  const sections: Section[] = [];
  let at = MAGIC.length;
  while (at < bytes.length) {
    const size = readLeb(bytes, at + 1);
    const end = size.next + size.value;
    if (end > bytes.length) throw new ModuleError('is cut short');
    if (sections.length >= MOST_SECTIONS) throw new ModuleError(`has more than ${MOST_SECTIONS} sections`);
    sections.push({ id: bytes[at] as number, start: at, content: size.next, end });
    at = end;
  }
  return sections;
}

export interface MemoryLimits {
  readonly initialPages: number;
  readonly maximumPages?: number;
}

/** Reads the limits of the module's only memory. */
export function memoryOf(bytes: Uint8Array): MemoryLimits {
  const section = sectionsOf(bytes).find(({ id }) => id === MEMORY_SECTION);
  if (!section) throw new ModuleError('has no memory of its own');
  const { flags, initial, maximum } = readMemory(bytes, section);
  if (flags > HAS_MAXIMUM) throw new ModuleError('has a shared or 64-bit memory');
  return { initialPages: initial, ...(maximum !== undefined && { maximumPages: maximum }) };
}

/**
 * Returns the same module with at most `limitBytes` of memory. SDKs export their memory without a maximum, so the host
 * cannot provide a memory. `resourceLimits` of a worker do not count WebAssembly memory.
 *
 * @throws ModuleError if the module starts with more memory, or has no memory that can be bounded
 */
export function clampMemory(bytes: Uint8Array, limitBytes: number): Uint8Array<ArrayBuffer> {
  const limit = Math.floor(limitBytes / PAGE_BYTES);
  const { initialPages, maximumPages = Infinity } = memoryOf(bytes);
  if (initialPages > limit) {
    throw new ModuleError(`starts with ${initialPages * PAGE_BYTES} bytes of memory, more than its limit`);
  }
  const section = sectionsOf(bytes).find(({ id }) => id === MEMORY_SECTION) as Section;
  const content = [1, HAS_MAXIMUM, ...leb(initialPages), ...leb(Math.min(limit, maximumPages))];
  const whole = [MEMORY_SECTION, ...leb(content.length), ...content];
  const clamped = new Uint8Array(bytes.length - (section.end - section.start) + whole.length);
  clamped.set(bytes.subarray(0, section.start));
  clamped.set(whole, section.start);
  clamped.set(bytes.subarray(section.end), section.start + whole.length);
  return clamped;
}

function readMemory(bytes: Uint8Array, { content }: Section) {
  const count = readLeb(bytes, content);
  if (count.value !== 1) throw new ModuleError(`has ${count.value} memories`);
  const flags = bytes[count.next] as number;
  const initial = readLeb(bytes, count.next + 1);
  const maximum = flags & HAS_MAXIMUM ? readLeb(bytes, initial.next).value : undefined;
  return { flags, initial: initial.value, maximum };
}

/** Unsigned LEB128 of at most 32 bits. */
export function readLeb(bytes: Uint8Array, from: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let at = from, shift = 0; shift < 35; at += 1, shift += 7) {
    const byte = bytes[at];
    if (byte === undefined) throw new ModuleError('is cut short');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      if (value > 0xffff_ffff) break;
      return { value, next: at + 1 };
    }
  }
  throw new ModuleError('has a number larger than 32 bits');
}

export function leb(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}
