/** The host functions on header maps: each status, each returned byte, and each refusal. */
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { decodePairs, encodePairs, type Pair } from '../../src/wasm/header-map.js';
import { A, B, openProbe, type Probe } from './probe.js';

const [REQUEST, RESPONSE, CALL_HEADERS, CALL_TRAILERS, NO_MAP] = [0, 2, 6, 7, 8];

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));

const get = (type: number, name: string): number =>
  probe.call('proxy_get_header_map_value', type, ...probe.put(name), A, B);
const write = (what: 'add' | 'replace', name: string, value: string, type = REQUEST): number =>
  probe.call(`proxy_${what}_header_map_value`, type, ...probe.put(name), ...probe.put(value));
const remove = (name: string, type = REQUEST): number =>
  probe.call('proxy_remove_header_map_value', type, ...probe.put(name));
const pairs = (type = REQUEST): readonly Pair[] | undefined => {
  expect(probe.call('proxy_get_header_map_pairs', type, A, B)).toBe(Status.Ok);
  return decodePairs(probe.given(A, B));
};

describe('one value', () => {
  test.each([
    ['a pseudo-header', ':path', '/a?x=1'],
    ['host, which is :authority', 'Host', 'gw'],
    ['a name in another case', 'X-API-Key', 'one'],
    ['an empty value', 'empty', ''],
  ])('is read: %s', (_what, name, value) => {
    expect(get(REQUEST, name)).toBe(Status.Ok);
    expect(probe.given(A, B).toString()).toBe(value);
  });

  test('of a missing name is NOT_FOUND', () => expect(get(REQUEST, 'x-missing')).toBe(Status.NotFound));

  test('of a missing name was empty in ABI 0.1.0', async () => {
    probe = await openProbe({ abi: '0.1.0' });
    expect(get(REQUEST, 'x-missing')).toBe(Status.Ok);
    expect(probe.given(A, B)).toHaveLength(0);
  });

  test('of a map that is empty here is NOT_FOUND, of a map that does not exist BAD_ARGUMENT', () => {
    expect(get(RESPONSE, ':status')).toBe(Status.NotFound);
    expect(get(NO_MAP, ':status')).toBe(Status.BadArgument);
    expect(get(-1, ':status')).toBe(Status.BadArgument);
  });

  test('of a pointer out of memory is INVALID_MEMORY_ACCESS, and so is a result that cannot be written', () => {
    expect(probe.call('proxy_get_header_map_value', REQUEST, 0x7fff_fff0, 4, A, B)).toBe(Status.InvalidMemoryAccess);
    expect(probe.call('proxy_get_header_map_value', REQUEST, -4, 8, A, B)).toBe(Status.InvalidMemoryAccess);
    expect(probe.call('proxy_get_header_map_value', REQUEST, 0, -1, A, B)).toBe(Status.InvalidMemoryAccess);
    const [name, size] = probe.put('empty');
    expect(probe.call('proxy_get_header_map_value', REQUEST, name, size, -2, B)).toBe(Status.InvalidMemoryAccess);
    expect(probe.call('proxy_get_header_map_value', REQUEST, name, size, A, 0x2_0000)).toBe(Status.InvalidMemoryAccess);
  });
});

describe('writing', () => {
  test('adds after the existing values, and the first value is still the one that is read', () => {
    expect(write('add', 'X-API-Key', 'three')).toBe(Status.Ok);
    expect(
      pairs()
        ?.filter(([name]) => name === 'x-api-key')
        .map(([, value]) => value),
    ).toEqual(['one', 'two', 'three']);
    get(REQUEST, 'x-api-key');
    expect(probe.given(A, B).toString()).toBe('one');
  });

  test('replaces all values by one, at the position of the first', () => {
    expect(write('replace', 'X-Api-Key', 'three')).toBe(Status.Ok);
    expect(
      pairs()
        ?.map(([name, value]) => `${name}=${value}`)
        .slice(3),
    ).toEqual(['x-api-key=three', 'empty=']);
  });

  test('replaces a missing value by adding it', () => {
    expect(write('replace', 'x-new', 'value')).toBe(Status.Ok);
    expect(pairs()?.at(-1)).toEqual(['x-new', 'value']);
  });

  test('removes all values, and ignores a missing name', () => {
    expect([remove('X-API-KEY'), remove('x-api-key'), remove('never')]).toEqual([0, 0, 0]);
    expect(pairs()?.map(([name]) => name)).not.toContain('x-api-key');
  });

  test.each([
    ['a line break in a value', 'x-a', 'b\r\nx-user-id: admin'],
    ['a lone CR in a value', 'x-a', 'b\rc'],
    ['a NUL in a value', 'x-a', 'b\0c'],
    ['a line break in a name', 'x-a\r\nx-b', 'c'],
    ['a space in a name', 'x a', 'c'],
    ['a colon in a name', 'x:a', 'c'],
    ['an empty name', '', 'c'],
    ['bytes beyond ASCII in a name', 'x-\xe9', 'c'],
  ])('refuses %s', (_what, name, value) => {
    const before = pairs();
    expect(write('add', name, value)).toBe(Status.BadArgument);
    expect(write('replace', name, value)).toBe(Status.BadArgument);
    expect(pairs()).toEqual(before);
  });

  test.each([RESPONSE, CALL_HEADERS, CALL_TRAILERS, NO_MAP])('refuses map %d, which is read-only here', (type) => {
    expect(write('add', 'x-a', 'b', type)).toBe(Status.BadArgument);
    expect(write('replace', 'x-a', 'b', type)).toBe(Status.BadArgument);
    expect(remove('x-a', type)).toBe(Status.BadArgument);
    expect(probe.call('proxy_set_header_map_pairs', type, ...probe.put(encodePairs([])))).toBe(Status.BadArgument);
  });

  test('refuses more fields than the limit', () => {
    const [name, size] = probe.put('x-many');
    const statuses = Array.from({ length: LIMITS.headerPairs }, () =>
      probe.call('proxy_add_header_map_value', REQUEST, name, size, name, size),
    );
    expect(new Set(statuses)).toEqual(new Set([Status.Ok, Status.BadArgument]));
    expect(pairs()).toHaveLength(LIMITS.headerPairs);
  });
});

describe('the whole map', () => {
  test('is read in order with duplicates, and its size is the number of its bytes', () => {
    const all = pairs();
    expect(all?.map(([name]) => name)).toEqual([':method', ':path', ':authority', 'x-api-key', 'x-api-key', 'empty']);
    expect(probe.call('proxy_get_header_map_size', REQUEST, A)).toBe(Status.Ok);
    expect(probe.u32(A)).toBe(encodePairs(all ?? []).length);
  });

  test('of no fields is no bytes', () => {
    expect(pairs(RESPONSE)).toEqual([]);
    expect(probe.u32(B)).toBe(0);
    expect(probe.call('proxy_get_header_map_size', RESPONSE, A)).toBe(Status.Ok);
    expect(probe.u32(A)).toBe(0);
    expect(probe.call('proxy_get_header_map_pairs', NO_MAP, A, B)).toBe(Status.BadArgument);
    expect(probe.call('proxy_get_header_map_size', NO_MAP, A)).toBe(Status.BadArgument);
  });

  test('is set in one call', () => {
    const wanted: Pair[] = [
      [':path', '/b'],
      ['X-A', 'b'],
      ['x-a', 'c'],
    ];
    expect(probe.call('proxy_set_header_map_pairs', REQUEST, ...probe.put(encodePairs(wanted)))).toBe(Status.Ok);
    expect(pairs()).toEqual([
      [':path', '/b'],
      ['x-a', 'b'],
      ['x-a', 'c'],
    ]);
  });

  const good = encodePairs([['x-a', 'b']]);
  test.each([
    ['cut short', good.subarray(0, -1)],
    ['with bytes after it', Buffer.concat([good, Buffer.from([0])])],
    ['without its NUL', Buffer.from(good).fill(0x41, 15, 16)],
    ['with a count larger than its content', Buffer.from(good).fill(9, 0, 1)],
    ['of too many pairs', Buffer.from([0xff, 0xff, 0, 0])],
  ])('%s is PARSE_FAILURE and changes nothing', (_what, bytes) => {
    const before = pairs();
    expect(probe.call('proxy_set_header_map_pairs', REQUEST, ...probe.put(bytes))).toBe(Status.ParseFailure);
    expect(pairs()).toEqual(before);
  });

  test('with a field that starts another is BAD_ARGUMENT', () => {
    const bytes = encodePairs([['x-a', 'b\r\nc: d']]);
    expect(probe.call('proxy_set_header_map_pairs', REQUEST, ...probe.put(bytes))).toBe(Status.BadArgument);
    expect(probe.call('proxy_set_header_map_pairs', REQUEST, 0, 0x7fff_ffff)).toBe(Status.BadArgument);
  });
});

test('the response to a call is readable only during its callback', () => {
  const response = { pairs: [[':status', '200'] as const], body: Buffer.alloc(0), trailers: [['x-t', 'u'] as const] };
  probe.answering(response, () => {
    expect(pairs(CALL_HEADERS)).toEqual([[':status', '200']]);
    expect(get(CALL_HEADERS, ':status')).toBe(Status.Ok);
    expect(pairs(CALL_TRAILERS)).toEqual([['x-t', 'u']]);
  });
  expect(get(CALL_HEADERS, ':status')).toBe(Status.NotFound);
  expect(pairs(CALL_TRAILERS)).toEqual([]);
});

test('in the root context there are no request headers', () => {
  probe.contexts.effective = 1;
  expect(get(REQUEST, ':path')).toBe(Status.NotFound);
  expect(pairs()).toEqual([]);
  expect(write('add', 'x-a', 'b')).toBe(Status.BadArgument);
});
