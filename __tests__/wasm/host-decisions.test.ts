/** The host functions that decide, and those that call upstreams: responses, continuing, contexts, calls. */
import { LIMITS, Status } from '../../src/wasm/abi.js';
import { encodePairs, type Pair } from '../../src/wasm/header-map.js';
import { A, B, C, openProbe, type Probe } from './probe.js';

let probe: Probe;
beforeEach(async () => (probe = await openProbe()));
const ok = (status: number): void => expect(status).toBe(Status.Ok);

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

  test('a response of the plugin is the decision, and a second one changes nothing', () => {
    ok(respond(401, [['content-type', 'text/plain']], 'no'));
    ok(respond(200, [], 'yes'));
    const response = { status: 401, headers: [['content-type', 'text/plain']], body: Buffer.from('no') };
    expect(probe.decisions).toEqual([{ kind: 'respond', response, details: 'why' }]);
  });

  test.each([99, 100, 101, 199, 600, 700, 0, -1])('the status %d is not valid: a fault', (status) => {
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

  test('closing the stream is no decision', () => {
    ok(probe.call('proxy_close_stream', 0));
    expect(probe.decisions).toMatchObject([{ kind: 'fault', fault: 'closed' }]);
  });

  test('continuing affects only the request', () => {
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

  test('the effective context must exist; the root context decides nothing', () => {
    expect(probe.call('proxy_set_effective_context', 99)).toBe(Status.BadArgument);
    ok(probe.call('proxy_set_effective_context', 1));
    expect(respond(401)).toBe(Status.BadArgument);
    expect(probe.call('proxy_continue_stream', 0)).toBe(Status.BadArgument);
    ok(probe.call('proxy_set_effective_context', probe.stream.id));
    ok(respond(401));
  });

  test('done is NOT_FOUND if the context is not pending', () => {
    expect(probe.call('proxy_done')).toBe(Status.NotFound);
    probe.contexts.waitForDone(probe.stream.id);
    ok(probe.call('proxy_done'));
    expect(probe.call('proxy_done')).toBe(Status.NotFound);
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

  test('to an upstream that the file allows start, and get a token', () => {
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

  test('over the limits of the host are INTERNAL_FAILURE', async () => {
    const statuses = Array.from({ length: LIMITS.callsPerStream + 1 }, () => ask('authz'));
    expect(statuses.at(-1)).toBe(Status.InternalFailure);
    expect(probe.calls).toHaveLength(LIMITS.callsPerStream);
    probe = await openProbe({ acceptsCalls: false });
    expect(ask('authz')).toBe(Status.InternalFailure);
  });

  test('of the root context are limited, and release their slots', () => {
    ok(probe.call('proxy_set_effective_context', 1));
    const asked = Array.from({ length: LIMITS.callsOfRoot + 1 }, () => ask('authz'));
    expect(asked.filter((status) => status === Status.Ok)).toHaveLength(LIMITS.callsOfRoot);
    expect(asked.at(-1)).toBe(Status.InternalFailure);
    expect(probe.contexts.answered(probe.calls[0]?.token ?? 0)).toBe(true);
    ok(ask('authz'));
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

  test('of other kinds do not exist', () => {
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
