/**
 * Bounds what a module holds in the JavaScript heap: limits its tables, and forbids objects. No memory limit counts
 * them. A full heap ends the whole process, whichever thread it belongs to.
 */
import { leb, ModuleError, readLeb, sectionsOf, type Section } from './binary.js';

const TYPE_SECTION = 1;
const TABLE_SECTION = 4;
const FUNCTION_TYPE = 0x60;
const REFERENCES = new Set([0x70, 0x6f]);
/** `(ref …)` and `(ref null …)`: a heap type follows. */
const TYPED = new Set([0x63, 0x64]);
const HAS_MAXIMUM = 0x01;

/** SDKs emit one table, as long as its list of functions. */
const MOST_TABLES = 8;
const MOST_ENTRIES = 65_536;

/**
 * Returns the same module with tables that cannot grow beyond a bound.
 *
 * @throws ModuleError if a table starts beyond the bound or is of an unknown kind, or the module defines object types
 */
export function clampTables(bytes: Uint8Array): Uint8Array {
  const sections = sectionsOf(bytes);
  const types = sections.find(({ id }) => id === TYPE_SECTION);
  if (types) refuseObjects(bytes, types);
  const tables = sections.find(({ id }) => id === TABLE_SECTION);
  if (!tables) return bytes;
  const content = clamped(bytes, tables);
  const parts = [bytes.subarray(0, tables.start), [TABLE_SECTION, ...leb(content.length), ...content]];
  return Buffer.concat([...parts, bytes.subarray(tables.end)].map((part) => Buffer.from(part)));
}

function clamped(bytes: Uint8Array, { content }: Section): readonly number[] {
  const { value: count, next } = readLeb(bytes, content);
  if (count > MOST_TABLES) throw new ModuleError(`has ${count} tables, more than ${MOST_TABLES}`);
  const parts: (readonly number[])[] = [leb(count)];
  let at = next;
  for (let left = count; left > 0; left -= 1) {
    const [type, flags] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    if (!REFERENCES.has(type) || flags > HAS_MAXIMUM) throw new ModuleError('has a table of an unknown kind');
    const initial = readLeb(bytes, at + 2);
    const maximum = flags & HAS_MAXIMUM ? readLeb(bytes, initial.next) : { value: Infinity, next: initial.next };
    if (initial.value > MOST_ENTRIES) throw new ModuleError(`has a table of more than ${MOST_ENTRIES} entries`);
    parts.push([type, HAS_MAXIMUM], leb(initial.value), leb(Math.min(maximum.value, MOST_ENTRIES)));
    at = maximum.next;
  }
  return parts.flat();
}

function refuseObjects(bytes: Uint8Array, { content }: Section): void {
  const { value: count, next } = readLeb(bytes, content);
  let at = next;
  for (let left = count; left > 0; left -= 1) {
    if (bytes[at] !== FUNCTION_TYPE) throw new ModuleError('defines object types, whose number cannot be bounded');
    at = valueTypes(bytes, valueTypes(bytes, at + 1));
  }
}

/** Returns the end of a list of tables. */
function valueTypes(bytes: Uint8Array, from: number): number {
  const { value: count, next } = readLeb(bytes, from);
  // Check before the loop: a count of 32 bits would take minutes.
  if (next + count > bytes.length) throw new ModuleError('is cut short');
  let at = next;
  for (let left = count; left > 0; left -= 1) at = TYPED.has(bytes[at] ?? 0) ? readLeb(bytes, at + 1).next : at + 1;
  return at;
}
