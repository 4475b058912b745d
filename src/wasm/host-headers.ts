/** Host functions on header maps: those of the request, and those of a call's response during its callback. */
import { LAST_MAP_TYPE, LIMITS, MapType, Status, type AbiVersion } from './abi.js';
import type { HostFunctions, Turn } from './host.js';
import { decodePairs, encodePairs, HeaderMap, isField, type Pair } from './header-map.js';

export function headerFunctions(turn: Turn, abi: AbiVersion): HostFunctions {
  const missing = abi === '0.1.0' ? Status.Ok : Status.NotFound;
  const write = (type: number, change: (map: HeaderMap) => void): Status => {
    const map = type === MapType.RequestHeaders ? turn.stream()?.headers : undefined;
    if (!map) return Status.BadArgument;
    change(map);
    return Status.Ok;
  };
  const text = (pointer: number, size: number): string => turn.memory.text(pointer, size);
  return {
    proxy_get_header_map_pairs: (type: number, dataAt: number, sizeAt: number) => {
      if (!exists(type)) return Status.BadArgument;
      turn.memory.give(encodePairs(mapOf(turn, type)?.pairs ?? []), dataAt, sizeAt);
      return Status.Ok;
    },
    proxy_get_header_map_size: (type: number, sizeAt: number) => {
      if (!exists(type)) return Status.BadArgument;
      turn.memory.writeU32(sizeAt, encodePairs(mapOf(turn, type)?.pairs ?? []).length);
      return Status.Ok;
    },
    proxy_get_header_map_value: (type: number, key: number, keySize: number, dataAt: number, sizeAt: number) => {
      if (!exists(type)) return Status.BadArgument;
      const value = mapOf(turn, type)?.get(text(key, keySize));
      if (value === undefined && missing === Status.NotFound) return missing;
      turn.memory.give(Buffer.from(value ?? '', 'latin1'), dataAt, sizeAt);
      return Status.Ok;
    },
    proxy_add_header_map_value: (type: number, key: number, keySize: number, value: number, valueSize: number) => {
      const pair: Pair = [text(key, keySize), text(value, valueSize)];
      return allowed(turn, [pair]) ? write(type, (map) => map.add(...pair)) : Status.BadArgument;
    },
    proxy_replace_header_map_value: (type: number, key: number, keySize: number, value: number, valueSize: number) => {
      const pair: Pair = [text(key, keySize), text(value, valueSize)];
      return allowed(turn, [pair]) ? write(type, (map) => map.replace(...pair)) : Status.BadArgument;
    },
    proxy_remove_header_map_value: (type: number, key: number, keySize: number) => {
      const name = text(key, keySize);
      return write(type, (map) => map.remove(name));
    },
    proxy_set_header_map_pairs: (type: number, data: number, size: number) => {
      if (size >>> 0 > LIMITS.mapBytes) return Status.BadArgument;
      const pairs = decodePairs(turn.memory.read(data, size));
      if (!pairs) return Status.ParseFailure;
      if (!pairs.every(isField)) return Status.BadArgument;
      return write(type, (map) => map.setAll(pairs));
    },
  };
}

const exists = (type: number): boolean => type >>> 0 <= LAST_MAP_TYPE;

function mapOf(turn: Turn, type: number): HeaderMap | undefined {
  if (type === MapType.RequestHeaders) return turn.stream()?.headers;
  if (type === MapType.CallResponseHeaders) return readOnly(turn.response()?.pairs);
  if (type === MapType.CallResponseTrailers) return readOnly(turn.response()?.trailers);
  return undefined;
}

const readOnly = (pairs: readonly Pair[] | undefined): HeaderMap | undefined => pairs && new HeaderMap(pairs);

/** Rejects what would start another field, or make the map larger than the limits. */
function allowed(turn: Turn, more: readonly Pair[]): boolean {
  const pairs = turn.stream()?.headers.pairs ?? [];
  if (pairs.length + more.length > LIMITS.headerPairs) return false;
  const bytes = [...pairs, ...more].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return bytes <= LIMITS.mapBytes && more.every(isField);
}
