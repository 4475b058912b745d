/** The host functions beside header maps: buffers, decisions, properties, stores, metrics, calls, clock and log. */
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { encodePairs, type Pair } from '../../src/wasm/header-map.js';
import { A, B, C, HOST_FUNCTIONS, NOW, openProbe, type Probe } from './probe.js';

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));
const ok = (status: number): void => expect(status).toBe(Status.Ok);

test('there are all functions of ABI 0.2.1 and those of older ones, and what is not known answers UNIMPLEMENTED', () => {
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

  test('a part is read, a start behind the end is empty, a sum beyond 32 bits is BAD_ARGUMENT', () => {
    ok(bytes(7, 2, 3));
    expect(probe.given(A, B).toString()).toBe('a":');
    ok(bytes(7, 100, 3));
    expect(probe.u32(B)).toBe(0);
    expect(bytes(7, 1, -1)).toBe(Status.BadArgument);
  });

  test.each([[0], [1], [2], [3], [4], [5], [8]])('buffer %d is NOT_FOUND where there is none', (type) => {
    expect(bytes(type)).toBe(Status.NotFound);
    expect(probe.call('proxy_get_buffer_status', type, A, B)).toBe(Status.NotFound);
  });

  test('a buffer that does not exist is BAD_ARGUMENT', () => {
    expect(bytes(9)).toBe(Status.BadArgument);
    expect(probe.call('proxy_get_buffer_status', 9, A, B)).toBe(Status.BadArgument);
  });

  test('the body of the request is read and not written', async () => {
    probe = await openProbe({ request: { body: Buffer.from('hello'), hasBody: true } });
    ok(bytes(0));
    expect(probe.given(A, B).toString()).toBe('hello');
    expect(probe.call('proxy_set_buffer_bytes', 0, 0, 5, ...probe.put('x'))).toBe(Status.Unimplemented);
    expect(probe.call('proxy_set_buffer_bytes', 1, 0, 5, ...probe.put('x'))).toBe(Status.NotFound);
  });

  test('the body of an answer is read while it is told', () => {
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

describe('decisions', () => {
  const respond = (status: number, headers: readonly Pair[] = [], body = ''): number =>
    probe.call(
      'proxy_send_local_response',
      status,
      ...probe.put('why'),
      ...probe.put(body),
      ...probe.put(encodePairs(headers)),
      -1,
    );

  test('a response of its own is the decision, and a second one changes nothing', () => {
    ok(respond(401, [['content-type', 'text/plain']], 'no'));
    ok(respond(200, [], 'yes'));
    const response = { status: 401, headers: [['content-type', 'text/plain']], body: Buffer.from('no') };
    expect(probe.decisions).toEqual([{ kind: 'respond', response, details: 'why' }]);
  });

  test.each([99, 100, 101, 199, 600, 700, 0, -1])('the status %d is no answer: a fault', (status) => {
    expect(respond(status)).toBe(Status.BadArgument);
    expect(probe.decisions).toMatchObject([{ kind: 'fault', fault: 'bad_response' }]);
  });

  test('headers that would start others are refused, and nothing is decided', () => {
    expect(respond(401, [['x-a', 'b\r\nset-cookie: c']])).toBe(Status.BadArgument);
    expect(probe.call('proxy_send_local_response', 401, 0, 0, 0, 0, ...probe.put('xyzxyz'), 0)).toBe(
      Status.ParseFailure,
    );
    expect(probe.call('proxy_send_local_response', 401, 0, 0, 0, -1, 0, 0, 0)).toBe(Status.BadArgument);
    expect(probe.decisions).toEqual([]);
  });

  test('closing the stream decides that nothing was decided', () => {
    ok(probe.call('proxy_close_stream', 0));
    expect(probe.decisions).toMatchObject([{ kind: 'fault', fault: 'closed' }]);
  });

  test('continuing concerns the request alone', () => {
    ok(probe.call('proxy_continue_stream', 0));
    ok(probe.call('proxy_continue_request'));
    expect(probe.stream.resumed).toBe(true);
    expect([1, 2, 3].map((type) => probe.call('proxy_continue_stream', type))).toEqual([12, 12, 12]);
    expect([1, 2, 3].map((type) => probe.call('proxy_close_stream', type))).toEqual([12, 12, 12]);
    expect(probe.call('proxy_continue_stream', 4)).toBe(Status.BadArgument);
    expect(probe.call('proxy_close_stream', -1)).toBe(Status.BadArgument);
    expect(probe.call('proxy_continue_response')).toBe(Status.Unimplemented);
    ok(probe.call('proxy_clear_route_cache'));
  });

  test('the effective context is one that there is; the root context decides nothing', () => {
    expect(probe.call('proxy_set_effective_context', 99)).toBe(Status.BadArgument);
    ok(probe.call('proxy_set_effective_context', 1));
    expect(respond(401)).toBe(Status.BadArgument);
    expect(probe.call('proxy_continue_stream', 0)).toBe(Status.BadArgument);
    ok(probe.call('proxy_set_effective_context', probe.stream.id));
    ok(respond(401));
  });

  test('done is NOT_FOUND where nobody waits for it', () => {
    expect(probe.call('proxy_done')).toBe(Status.NotFound);
    probe.contexts.waitForDone(probe.stream.id);
    ok(probe.call('proxy_done'));
    expect(probe.call('proxy_done')).toBe(Status.NotFound);
  });
});

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
    ['a path with a NUL behind it, as C++ has it', ['request', 'method', ''], Buffer.from('GET')],
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

  test('what it sets it reads again; what the host says it cannot set', () => {
    ok(set('auth\0subject', 'ada'));
    ok(property('auth', 'subject'));
    expect(probe.given(A, B).toString()).toBe('ada');
    expect(set('request\0method', 'POST')).toBe(Status.BadArgument);
    expect(set('source\0address', '127.0.0.1')).toBe(Status.BadArgument);
    expect(set('plugin_name', 'other')).toBe(Status.BadArgument);
    expect(set('', 'x')).toBe(Status.BadArgument);
  });

  test('it keeps no more than its share', () => {
    const statuses = Array.from({ length: LIMITS.properties + 5 }, (_, at) => set(`a\0${at}`, 'b'));
    expect(statuses.filter((status) => status === Status.Ok)).toHaveLength(LIMITS.properties);
    expect(set('a\u00000', 'x'.repeat(LIMITS.propertyBytes))).toBe(Status.BadArgument);
  });
});

describe('shared data', () => {
  const set = (key: string, value: string, cas = 0): number =>
    probe.call('proxy_set_shared_data', ...probe.put(key), ...probe.put(value), cas);
  const get = (key: string): number => probe.call('proxy_get_shared_data', ...probe.put(key), A, B, C);

  test('is kept, with a number that is never 0, and swapped only against that number', () => {
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
    // What is there may still be written over.
    ok(big(0));
  });
});

describe('queues', () => {
  test('give what was put, first in, first out', () => {
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

  test('that nobody registered, or of another VM, are NOT_FOUND', () => {
    expect(probe.call('proxy_resolve_shared_queue', ...probe.put('other'), ...probe.put('q'), A)).toBe(Status.NotFound);
    expect(probe.call('proxy_enqueue_shared_queue', 9, ...probe.put('x'))).toBe(Status.NotFound);
    expect(probe.call('proxy_dequeue_shared_queue', 9, A, B)).toBe(Status.NotFound);
  });
});

describe('metrics', () => {
  const define = (type: number, name: string): number => probe.call('proxy_define_metric', type, ...probe.put(name), A);

  test('count up, and a gauge down as well; the same name is the same metric', () => {
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

  test('of another type, or that nobody defined, are refused', () => {
    expect(define(3, 'x')).toBe(Status.BadArgument);
    expect(probe.call('proxy_increment_metric', 9, 1n)).toBe(Status.NotFound);
    expect(probe.call('proxy_record_metric', 0, 1n)).toBe(Status.NotFound);
    expect(probe.call('proxy_get_metric', 9, A)).toBe(Status.NotFound);
  });
});

describe('calls', () => {
  const HEADERS: readonly Pair[] = [
    [':method', 'GET'],
    [':path', '/check'],
    [':authority', 'authz'],
  ];
  const ask = (upstream: string, headers = HEADERS, timeoutMs = 100): number =>
    probe.call(
      'proxy_http_call',
      ...probe.put(upstream),
      ...probe.put(encodePairs(headers)),
      ...probe.put('body'),
      0,
      0,
      timeoutMs,
      A,
    );

  test('to an upstream that the file allows start, under a token', () => {
    ok(ask('authz'));
    expect(probe.u32(A)).not.toBe(0);
    expect(probe.calls).toEqual([
      { token: probe.u32(A), upstream: 'authz', pairs: HEADERS, body: Buffer.from('body'), timeoutMs: 100 },
    ]);
  });

  test.each([
    ['an upstream that it does not allow', () => ask('169.254.169.254')],
    ['no upstream', () => ask('')],
    ['no :path', () => ask('authz', HEADERS.slice(0, 1))],
    ['a field that starts another', () => ask('authz', [...HEADERS, ['x', 'a\r\nb: c']])],
  ])('to %s are BAD_ARGUMENT, and nothing is sent', (_what, call) => {
    expect(call()).toBe(Status.BadArgument);
    expect(probe.calls).toEqual([]);
  });

  test('more than the host takes are INTERNAL_FAILURE', async () => {
    const statuses = Array.from({ length: LIMITS.callsPerStream + 1 }, () => ask('authz'));
    expect(statuses.at(-1)).toBe(Status.InternalFailure);
    expect(probe.calls).toHaveLength(LIMITS.callsPerStream);
    probe = await openProbe({ acceptsCalls: false });
    expect(ask('authz')).toBe(Status.InternalFailure);
  });

  test('whose token cannot be written are not sent', () => {
    const status = probe.call(
      'proxy_http_call',
      ...probe.put('authz'),
      ...probe.put(encodePairs(HEADERS)),
      0,
      0,
      0,
      0,
      100,
      -1,
    );
    expect(status).toBe(Status.InvalidMemoryAccess);
    expect(probe.calls).toEqual([]);
  });

  test('of other kinds there are none', () => {
    expect(probe.call('proxy_grpc_call', ...Array<number>(12).fill(0))).toBe(Status.InternalFailure);
    expect(probe.call('proxy_grpc_stream', ...Array<number>(9).fill(0))).toBe(Status.InternalFailure);
    expect(probe.call('proxy_grpc_send', 1, 0, 0, 0)).toBe(Status.NotFound);
    expect(probe.call('proxy_grpc_cancel', 1)).toBe(Status.NotFound);
    expect(probe.call('proxy_grpc_close', 1)).toBe(Status.NotFound);
    expect(probe.call('proxy_call_foreign_function', 0, 0, 0, 0, A, B)).toBe(Status.NotFound);
    ok(probe.call('proxy_get_status', A, B, C));
    expect([probe.u32(A), probe.u32(C)]).toEqual([0, 0]);
  });
});

describe('log, clock and ticks', () => {
  test('lines of a level that there is, above the threshold, are logged, cut where they are long', () => {
    ok(probe.call('proxy_log', 3, ...probe.put('careful')));
    ok(probe.call('proxy_log', 1, ...probe.put('nobody wants to know')));
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

  test('a tick has a floor, and 0 ends it', () => {
    ok(probe.call('proxy_set_tick_period_milliseconds', 1));
    ok(probe.call('proxy_set_tick_period_milliseconds', 500));
    ok(probe.call('proxy_set_tick_period_milliseconds', 0));
    expect(probe.ticks).toEqual([LIMITS.tickMs, 500, 0]);
  });
});

describe('an allocator', () => {
  const heads = (functions: string): Promise<Probe> => openProbe({ allocator: functions });

  test('that gives nothing is INVALID_MEMORY_ACCESS', async () => {
    probe = await heads('(func (export "malloc") (param i32) (result i32) (i32.const 0))');
    expect(probe.call('proxy_get_configuration', A, B)).toBe(Status.InvalidMemoryAccess);
  });

  test('that gives what is out of memory is INVALID_MEMORY_ACCESS', async () => {
    probe = await heads('(func (export "malloc") (param i32) (result i32) (i32.const -8))');
    expect(probe.call('proxy_get_configuration', A, B)).toBe(Status.InvalidMemoryAccess);
  });

  test('by its other name does as well', async () => {
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
