/** The host functions on stored state: properties, shared data, queues, metrics. */
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { encodePairs } from '../../src/wasm/header-map.js';
import { A, B, C, openProbe, type Probe } from './probe.js';

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));
const ok = (status: number): void => expect(status).toBe(Status.Ok);

describe('properties', () => {
  const property = (...segments: string[]): number =>
    probe.call('proxy_get_property', ...probe.put(segments.join('\0')), A, B);
  const set = (path: string, value: string): number =>
    probe.call('proxy_set_property', ...probe.put(path), ...probe.put(value));

  test.each([
    ['a text', ['request', 'method'], Buffer.from('GET')],
    ['a number, as 8 bytes', ['source', 'port'], Buffer.from([0x67, 0x12, 0, 0, 0, 0, 0, 0])],
    ['a boolean, as one byte', ['connection', 'mtls'], Buffer.from([1])],
    ['a header', ['request', 'headers', 'X-API-Key'], Buffer.from('one')],
    ['its own name', ['plugin_name'], Buffer.from('probe')],
    ['its root id', ['plugin_root_id'], Buffer.from('root-of-probe')],
    ['its VM id', ['plugin_vm_id'], Buffer.from('vm-of-probe')],
    ['a path with a trailing NUL, as in C++', ['request', 'method', ''], Buffer.from('GET')],
  ])('%s', (_what, path, value) => {
    ok(property(...path));
    expect(probe.given(A, B)).toEqual(value);
  });

  test('the map of headers is pairs', () => {
    ok(property('request', 'headers'));
    expect(probe.given(A, B)).toEqual(encodePairs(probe.stream.headers.pairs));
  });

  test.each([[['request', 'nothing']], [['']], [['__proto__']], [['request', 'headers', 'none']], [['constructor']]])(
    '%j is NOT_FOUND',
    (path) => expect(property(...path)).toBe(Status.NotFound),
  );

  test('a set property can be read; host properties cannot be set', () => {
    ok(set('auth\0subject', 'ada'));
    ok(property('auth', 'subject'));
    expect(probe.given(A, B).toString()).toBe('ada');
    expect(set('request\0method', 'POST')).toBe(Status.BadArgument);
    expect(set('source\0address', '127.0.0.1')).toBe(Status.BadArgument);
    expect(set('plugin_name', 'other')).toBe(Status.BadArgument);
    expect(set('', 'x')).toBe(Status.BadArgument);
  });

  test('the number of properties is bounded', () => {
    const statuses = Array.from({ length: LIMITS.properties + 5 }, (_, at) => set(`a\0${at}`, 'b'));
    expect(statuses.filter((status) => status === Status.Ok)).toHaveLength(LIMITS.properties);
    expect(set('a\u00000', 'x'.repeat(LIMITS.propertyBytes))).toBe(Status.BadArgument);
  });
});

describe('shared data', () => {
  const set = (key: string, value: string, cas = 0): number =>
    probe.call('proxy_set_shared_data', ...probe.put(key), ...probe.put(value), cas);
  const get = (key: string): number => probe.call('proxy_get_shared_data', ...probe.put(key), A, B, C);

  test('is stored with a number that is never 0, and swapped only with that number', () => {
    expect(get('k')).toBe(Status.NotFound);
    ok(set('k', 'one'));
    ok(get('k'));
    const cas = probe.u32(C);
    expect(cas).not.toBe(0);
    ok(set('k', 'two', cas));
    expect(set('k', 'three', cas)).toBe(Status.CasMismatch);
    ok(get('k'));
    expect(probe.given(A, B).toString()).toBe('two');
    ok(set('k', 'four'));
  });

  test('is bounded', () => {
    probe.linked.memory.writeBytes(40_000, Buffer.alloc(60_000, 'x'));
    const big = (key: number): number => {
      probe.linked.memory.writeU32(A, key);
      return probe.call('proxy_set_shared_data', A, 4, 40_000, 60_000, 0);
    };
    const statuses = Array.from({ length: 300 }, (_, at) => big(at));
    const kept = statuses.filter((status) => status === Status.Ok).length;
    expect(kept).toBe(Math.floor(LIMITS.sharedBytes / 60_004));
    expect(statuses.at(-1)).toBe(Status.BadArgument);
    // Existing values may still be replaced.
    ok(big(0));
  });

  test('a value that is too long is BAD_ARGUMENT before any byte is read', () => {
    expect(probe.call('proxy_set_shared_data', ...probe.put('k'), 0, LIMITS.itemBytes + 1, 0)).toBe(Status.BadArgument);
    expect(probe.call('proxy_set_shared_data', ...probe.put('k'), 0, -1, 0)).toBe(Status.BadArgument);
    // Within the limit it is read, and is outside the memory.
    expect(probe.call('proxy_set_shared_data', ...probe.put('k'), 0, LIMITS.itemBytes, 0)).toBe(
      Status.InvalidMemoryAccess,
    );
  });
});

describe('queues', () => {
  test('return the items, first in, first out', () => {
    ok(probe.call('proxy_register_shared_queue', ...probe.put('q'), A));
    const token = probe.u32(A);
    ok(probe.call('proxy_resolve_shared_queue', ...probe.put('vm-of-probe'), ...probe.put('q'), A));
    expect(probe.u32(A)).toBe(token);
    expect(probe.call('proxy_dequeue_shared_queue', token, A, B)).toBe(Status.Empty);
    ok(probe.call('proxy_enqueue_shared_queue', token, ...probe.put('one')));
    ok(probe.call('proxy_enqueue_shared_queue', token, ...probe.put('two')));
    ok(probe.call('proxy_dequeue_shared_queue', token, A, B));
    expect(probe.given(A, B).toString()).toBe('one');
  });

  test('that are not registered, or belong to another VM, are NOT_FOUND', () => {
    expect(probe.call('proxy_resolve_shared_queue', ...probe.put('other'), ...probe.put('q'), A)).toBe(Status.NotFound);
    expect(probe.call('proxy_enqueue_shared_queue', 9, ...probe.put('x'))).toBe(Status.NotFound);
    expect(probe.call('proxy_dequeue_shared_queue', 9, A, B)).toBe(Status.NotFound);
  });

  test('are bounded in number, in their names and in each item', () => {
    const register = (name: string): number => probe.call('proxy_register_shared_queue', ...probe.put(name), A);
    const tokens = ['a', 'b'].map((name) => {
      ok(register(name));
      return probe.u32(A);
    });
    expect(register('n'.repeat(LIMITS.queueName + 1))).toBe(Status.BadArgument);
    const put = (token: number, size: number): number => probe.call('proxy_enqueue_shared_queue', token, 0, size);
    expect(put(tokens[0] as number, LIMITS.itemBytes + 1)).toBe(Status.InternalFailure);
    const statuses = Array.from({ length: 400 }, (_, at) => put(tokens[at % 2] as number, 60_000));
    const kept = statuses.filter((status) => status === Status.Ok).length;
    expect(kept).toBe(Math.floor(LIMITS.queueBytes / 60_000));
  });
});

describe('metrics', () => {
  const define = (type: number, name: string): number => probe.call('proxy_define_metric', type, ...probe.put(name), A);

  test('count up, and a gauge also down; the same name is the same metric', () => {
    ok(define(0, 'hits'));
    const id = probe.u32(A);
    ok(define(0, 'hits'));
    expect(probe.u32(A)).toBe(id);
    ok(probe.call('proxy_increment_metric', id, 3n));
    expect(probe.call('proxy_increment_metric', id, -1n)).toBe(Status.BadArgument);
    ok(probe.call('proxy_get_metric', id, A));
    expect(probe.linked.memory.read(A, 8).readBigUInt64LE()).toBe(3n);
    ok(define(1, 'level'));
    const gauge = probe.u32(A);
    ok(probe.call('proxy_record_metric', gauge, 5n));
    ok(probe.call('proxy_increment_metric', gauge, -2n));
    expect(probe.metrics.all.map(({ name, value }) => [name, value])).toEqual([
      ['hits', 3n],
      ['level', 3n],
    ]);
  });

  test('of another type, or without a definition, are refused', () => {
    expect(define(3, 'x')).toBe(Status.BadArgument);
    expect(probe.call('proxy_increment_metric', 9, 1n)).toBe(Status.NotFound);
    expect(probe.call('proxy_record_metric', 0, 1n)).toBe(Status.NotFound);
    expect(probe.call('proxy_get_metric', 9, A)).toBe(Status.NotFound);
  });
});
