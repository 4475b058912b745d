/** Properties of a request with the names and encodings of proxy-wasm: paths of segments, values with Envoy's types. */
import { encodePairs, type Pair } from './header-map.js';

/** A number is an integer. Durations and times are in nanoseconds. */
export type PropertyValue = string | number | boolean | readonly Pair[];

/** By dotted path: `request.path`, `source.address`, `route.id`. */
export type Properties = Readonly<Record<string, PropertyValue>>;

/** Segments are joined by NUL, and C++ appends a NUL. AssemblyScript sends a plain name. */
export function propertyPath(bytes: string): readonly string[] {
  return bytes.replace(/\0$/, '').split('\0');
}

/**
 * Strings are UTF-8, because latin1 would change the letters of names in certificates. Integers are 8 bytes
 * little-endian, a boolean is one byte, a map is pairs.
 */
export function encodeProperty(value: PropertyValue): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0]);
  if (typeof value === 'object') return encodePairs(value);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(Math.round(value))));
  return bytes;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns `undefined` if the bytes are not UTF-8. Replacement characters would make two names equal. */
export function decodedText(bytes: Uint8Array): string | undefined {
  try {
    return UTF_8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Prefixes that a plugin may not set, so that their values always come from the host. */
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
