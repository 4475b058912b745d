/** The host functions of a plugin: which exist, buffers, clock and log, and the rules for its allocator. */
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { A, B, HOST_FUNCTIONS, NOW, openProbe, type Probe } from './probe.js';

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));
const ok = (status: number): void => expect(status).toBe(Status.Ok);

test('all functions of ABI 0.2.1 and older ones exist, and an unknown one answers UNIMPLEMENTED', () => {
  expect(HOST_FUNCTIONS).toHaveLength(43);
  expect(probe.call('proxy_something_new', 0)).toBe(Status.Unimplemented);
  expect(probe.said).toEqual([{ level: 'warn', words: expect.stringContaining('proxy_something_new') as string }]);
});

describe('buffers', () => {
  const bytes = (type: number, start = 0, most = 1_000): number =>
    probe.call('proxy_get_buffer_bytes', type, start, most, A, B);

  test.each([
    ['the VM configuration', 6, 'vm'],
    ['the plugin configuration', 7, '{"a":1}'],
  ])('%s is read', (_what, type, text) => {
    ok(bytes(type));
    expect(probe.given(A, B).toString()).toBe(text);
    ok(probe.call('proxy_get_buffer_status', type, A, B));
    expect([probe.u32(A), probe.u32(B)]).toEqual([text.length, 0]);
  });

  test('a part is read, a start after the end is empty, a sum over 32 bits is BAD_ARGUMENT', () => {
    ok(bytes(7, 2, 3));
    expect(probe.given(A, B).toString()).toBe('a":');
    ok(bytes(7, 100, 3));
    expect(probe.u32(B)).toBe(0);
    expect(bytes(7, 1, -1)).toBe(Status.BadArgument);
  });

  test.each([[0], [1], [2], [3], [4], [5], [8]])('buffer %d is NOT_FOUND if it is empty', (type) => {
    expect(bytes(type)).toBe(Status.NotFound);
    expect(probe.call('proxy_get_buffer_status', type, A, B)).toBe(Status.NotFound);
  });

  test('a buffer that does not exist is BAD_ARGUMENT', () => {
    expect(bytes(9)).toBe(Status.BadArgument);
    expect(probe.call('proxy_get_buffer_status', 9, A, B)).toBe(Status.BadArgument);
  });

  test('the body of the request is read-only', async () => {
    probe = await openProbe({ request: { body: Buffer.from('hello'), hasBody: true } });
    ok(bytes(0));
    expect(probe.given(A, B).toString()).toBe('hello');
    expect(probe.call('proxy_set_buffer_bytes', 0, 0, 5, ...probe.put('x'))).toBe(Status.Unimplemented);
    expect(probe.call('proxy_set_buffer_bytes', 1, 0, 5, ...probe.put('x'))).toBe(Status.NotFound);
  });

  test('the body of a response is readable only during its callback', () => {
    const response = { pairs: [], body: Buffer.from('yes'), trailers: [] };
    probe.answering(response, () => ok(bytes(4)));
    expect(probe.given(A, B).toString()).toBe('yes');
    expect(bytes(4)).toBe(Status.NotFound);
  });

  test('get_configuration of ABI 0.1.0 is the plugin configuration', () => {
    ok(probe.call('proxy_get_configuration', A, B));
    expect(probe.given(A, B).toString()).toBe('{"a":1}');
  });
});

describe('log, clock and ticks', () => {
  test('lines of a valid level, above the threshold, are logged, and long ones are cut', () => {
    ok(probe.call('proxy_log', 3, ...probe.put('careful')));
    ok(probe.call('proxy_log', 1, ...probe.put('not important')));
    expect(probe.call('proxy_log', 6, ...probe.put('x'))).toBe(Status.BadArgument);
    expect(probe.call('proxy_log', 2, 0, 0x7fff_ffff)).toBe(Status.Ok);
    expect(probe.said.filter(({ level }) => level === 'warn').at(-1)?.words).toBe('careful');
    expect(probe.said.at(-1)?.words).toHaveLength(LIMITS.logBytes);
    ok(probe.call('proxy_get_log_level', A));
    expect(probe.u32(A)).toBe(2);
  });

  test('the time is in nanoseconds', () => {
    ok(probe.call('proxy_get_current_time_nanoseconds', A));
    expect(probe.linked.memory.read(A, 8).readBigUInt64LE()).toBe(NOW);
    expect(probe.call('proxy_get_current_time_nanoseconds', -1)).toBe(Status.InvalidMemoryAccess);
  });

  test('a tick has a minimum, and 0 stops it', () => {
    ok(probe.call('proxy_set_tick_period_milliseconds', 1));
    ok(probe.call('proxy_set_tick_period_milliseconds', 500));
    ok(probe.call('proxy_set_tick_period_milliseconds', 0));
    expect(probe.ticks).toEqual([LIMITS.tickMs, 500, 0]);
  });

  test('a tick is at most the longest timer, because a longer one would fire at once', () => {
    ok(probe.call('proxy_set_tick_period_milliseconds', -1));
    expect(probe.ticks).toEqual([LIMITS.longestTickMs]);
  });
});

describe('an allocator', () => {
  const heads = (functions: string): Promise<Probe> => openProbe({ allocator: functions });

  test('that returns 0 is INVALID_MEMORY_ACCESS', async () => {
    probe = await heads('(func (export "malloc") (param i32) (result i32) (i32.const 0))');
    expect(probe.call('proxy_get_configuration', A, B)).toBe(Status.InvalidMemoryAccess);
  });

  test('that returns an address outside memory is INVALID_MEMORY_ACCESS', async () => {
    probe = await heads('(func (export "malloc") (param i32) (result i32) (i32.const -8))');
    expect(probe.call('proxy_get_configuration', A, B)).toBe(Status.InvalidMemoryAccess);
  });

  test('with its other name works too', async () => {
    probe = await heads('(func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 2048))');
    ok(probe.call('proxy_get_configuration', A, B));
  });

  test('that calls the host ends the VM, unless it only logs', async () => {
    const calling = (call: string): string =>
      `(func (export "malloc") (param i32) (result i32) (drop ${call}) (i32.const 2048))`;
    probe = await heads(calling('(call $proxy_clear_route_cache)'));
    expect(() => probe.call('proxy_get_configuration', A, B)).toThrow(/while allocating/);
    probe = await heads(calling('(call $proxy_log (i32.const 2) (i32.const 0) (i32.const 1))'));
    ok(probe.call('proxy_get_configuration', A, B));
  });
});
