/**
 * A plugin that never returns, in every callback. It is stopped at its time limit. Its request is a fault; the next one
 * is decided.
 */
import { ModuleError } from '../../src/wasm/binary.js';
import { closeRunners, ISOLATIONS, outcome, run, start } from '../support/plugin-runner.js';
import { askedServer, json, type AskedServer } from '../tokens/introspection-server.js';
import { AT, callback, CONTINUE, i32, LOOP, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import type { Parts } from '../support/wat.js';

afterEach(closeRunners);
const ALICE = 'x-authenticated-user=alice';

/** Endless loops. The last ones loop in host functions. */
const LOOPS: Readonly<Record<string, (kit: Kit) => string>> = {
  'an empty loop': () => LOOP,
  'a loop that counts': () => '(loop $l (global.set $n (i32.add (global.get $n) (i32.const 1))) (br $l))',
  'a loop of calls': () => '(loop $l (call $nothing) (br $l))',
  'a tree of calls': () => '(call $twice (i32.const 60))',
  'a loop that moves memory': () => '(loop $l (memory.copy (i32.const 0) (i32.const 65536) (i32.const 65536)) (br $l))',
  'a loop that logs': (kit) => `(loop $l ${kit.log('again')} (br $l))`,
  'a loop that reads headers': (kit) => `(loop $l ${kit.header(':path')} (br $l))`,
  'a loop over large maps': (kit) =>
    `(loop $l ${kit.do('proxy_set_header_map_pairs', i32(0), i32(65_536), i32(1_000_000))} (br $l))`,
  'a loop over shared data': (kit) =>
    `(loop $l ${kit.do('proxy_get_shared_data', kit.text('key'), i32(AT.pointer), i32(AT.size), i32(AT.cas))} (br $l))`,
  'a loop that writes shared data': (kit) =>
    `(loop $l ${kit.do('proxy_set_shared_data', kit.text('key'), kit.text('value'), i32(0))} (br $l))`,
};

/** A thread that a busy machine does not run for so long has not begun its request, and the request gets another fault. */
const TIMEOUT_MS = 600;

const COMMON = `
  (global $n (mut i32) (i32.const 0))
  (func $nothing)
  (func $twice (param i32)
    (if (local.get 0) (then
      (call $twice (i32.sub (local.get 0) (i32.const 1)))
      (call $twice (i32.sub (local.get 0) (i32.const 1))))))`;

describe.each(ISOLATIONS)('%s:', (isolation) => {
  test.each(Object.keys(LOOPS))('%s', async (name) => {
    const bytes = await made((kit) => ({
      memory: '(memory (export "memory") 32)',
      body: COMMON,
      onRequest: `${kit.on('l', (LOOPS[name] as (kit: Kit) => string)(kit))} ${kit.grant()}`,
    }));
    const { ask } = await run(bytes, { isolation, timeoutMs: TIMEOUT_MS });
    expect(outcome(await ask())).toBe(ALICE);
    const before = performance.now();
    expect(outcome(await ask('l'))).toBe('timeout');
    // Never before the time limit, and soon after it.
    expect(performance.now() - before).toBeGreaterThan(TIMEOUT_MS - 20);
    expect(performance.now() - before).toBeLessThan(TIMEOUT_MS + 4_000);
    expect(outcome(await ask())).toBe(ALICE);
  });

  test('in on_request_body', async () => {
    const bytes = await made((kit) => ({
      body: callback('proxy_on_request_body', 3, `${kit.on('l', LOOP)} ${CONTINUE}`),
      onRequest: kit.grant(),
    }));
    const { ask } = await run(bytes, { isolation, timeoutMs: TIMEOUT_MS });
    const body = { body: Buffer.from('x'), hasBody: true };
    expect(outcome(await ask({ pairs: [['x-do', 'l']], ...body }))).toBe('timeout');
    expect(outcome(await ask({ pairs: [['x-do', 'n']], ...body }))).toBe(ALICE);
  });

  test('in the allocator', async () => {
    const bytes = await made((kit) => ({
      allocator: `(func (export "malloc") (param i32) (result i32) (if (i32.gt_u (local.get 0) (i32.const 100)) (then ${LOOP})) (i32.const 1024))`,
      onRequest: `${kit.header('x-long')} ${kit.grant()}`,
    }));
    const { ask } = await run(bytes, { isolation, timeoutMs: TIMEOUT_MS });
    expect(outcome(await ask())).toBe(ALICE);
    expect(outcome(await ask({ pairs: [['x-long', 'a'.repeat(200)]] }))).toBe('timeout');
    expect(outcome(await ask())).toBe(ALICE);
  });

  test.each(['proxy_on_done', 'proxy_on_log', 'proxy_on_delete'])('in %s, after its decision', async (name) => {
    const bytes = await made((kit) => ({
      body: callback(
        name,
        1,
        `${kit.on('l', LOOP)} ${name === 'proxy_on_done' ? i32(1) : ''}`,
        name === 'proxy_on_done',
      ),
      onRequest: kit.grant(),
    }));
    const { ask } = await run(bytes, { isolation, timeoutMs: TIMEOUT_MS });
    expect(outcome(await ask('l'))).toBe(ALICE);
    expect(outcome(await ask())).toBe(ALICE);
  });

  describe('in on_http_call_response', () => {
    let server: AskedServer;
    beforeAll(async () => (server = await askedServer(json({}))));
    afterAll(() => server.close());

    test('the request that waits for it is a fault', async () => {
      const bytes = await made((kit) => ({
        body: callback('proxy_on_http_call_response', 5, LOOP, false),
        onRequest: `${kit.on('c', `(drop ${kit.call('authz')}) (return ${PAUSE})`)} ${kit.grant()}`,
      }));
      const { ask } = await run(bytes, { isolation, timeoutMs: TIMEOUT_MS, port: Number(new URL(server.origin).port) });
      expect(['timeout', 'unavailable']).toContain(outcome(await ask('c')));
      expect(outcome(await ask())).toBe(ALICE);
    });
  });

  const STARTS: Readonly<Record<string, (kit: Kit) => Parts>> = {
    on_vm_start: () => ({ body: callback('proxy_on_vm_start', 2, `${LOOP} unreachable`) }),
    on_configure: () => ({ body: callback('proxy_on_configure', 2, `${LOOP} unreachable`) }),
    _initialize: () => ({ body: `(func (export "_initialize") ${LOOP})` }),
    'the start section': () => ({ body: `(start $go) (func $go ${LOOP})` }),
    'the allocator, for the configuration': (kit) => ({
      allocator: `(func (export "malloc") (param i32) (result i32) ${LOOP} unreachable)`,
      body: callback(
        'proxy_on_configure',
        2,
        `${kit.do('proxy_get_buffer_bytes', i32(7), i32(0), i32(9), i32(16), i32(24))} ${i32(1)}`,
      ),
    }),
  };
  // Each of them takes the second that a start may take.
  const places = isolation === 'inline' ? Object.keys(STARTS) : ['on_configure', 'the start section'];
  test.each(places)('in %s: it is not ready', async (name) => {
    const bytes = await made(STARTS[name] as (kit: Kit) => Parts);
    const { runner, ask } = start(bytes, { isolation, config: Buffer.from('{}') });
    await expect(runner.ready).rejects.toThrow(ModuleError);
    if (isolation === 'inline') expect(outcome(await ask())).toBe('unavailable');
  });

  test('in on_tick: requests are decided between ticks', async () => {
    const bytes = await made((kit) => ({
      body: [
        callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(50))} ${i32(1)}`),
        callback('proxy_on_tick', 1, LOOP, false),
      ].join('\n'),
      onRequest: kit.grant(),
    }));
    const { ask, runner } = await run(bytes, { isolation, timeoutMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(outcome(await ask())).toBe(ALICE);
    // A thread that only loops is not started repeatedly.
    expect(runner.stats().restarts).toBeLessThan(12);
  });
});
