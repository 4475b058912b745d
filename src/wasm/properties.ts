/** Properties of a request as proxy-wasm names and encodes them: paths of segments, values with Envoy's types. */
import { encodePairs, type Pair } from './header-map.js';

/** A number is a whole one; durations and times are in nanoseconds. */
export type PropertyValue = string | number | boolean | readonly Pair[];

/** By the dotted path: `request.path`, `source.address`, `route.id`. */
export type Properties = Readonly<Record<string, PropertyValue>>;

/** Segments are joined by NUL, and C++ puts one behind the last; AssemblyScript sends a plain name. */
export function propertyPath(bytes: string): readonly string[] {
  return bytes.replace(/\0$/, '').split('\0');
}

/** Strings in UTF-8, where latin1 would make another name's letters of those of a certificate; integers as 8 bytes little-endian, a boolean as one byte, a map as pairs. */
export function encodeProperty(value: PropertyValue): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0]);
  if (typeof value === 'object') return encodePairs(value);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(Math.round(value))));
  return bytes;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined where the bytes are no UTF-8: to put a sign for what is wrong in them would make one name of two. */
export function decodedText(bytes: Uint8Array): string | undefined {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whose paths a plugin may not set, so that what it reads there is always the host's word. */
const RESERVED = new Set([
  'request',
  'response',
  'source',
  'destination',
  'connection',
  'upstream',
  'route',
  'route_name',
  'plugin_name',
  'plugin_root_id',
  'plugin_vm_id',
]);

export function isReserved([root = '']: readonly string[]): boolean {
  return RESERVED.has(root);
}
