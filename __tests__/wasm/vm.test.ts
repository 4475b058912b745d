/**
 * One instance from its start to the end of its requests: the order of its callbacks, its pauses, and late decisions.
 */
import type { PluginDecision, PluginRequest } from '../../src/wasm/decision.js';
import type { VmHost } from '../../src/wasm/host.js';
import { PluginMetrics } from '../../src/wasm/metrics.js';
import { loadModule } from '../../src/wasm/module.js';
import { Queues } from '../../src/wasm/queues.js';
import { SharedData } from '../../src/wasm/shared-data.js';
import { PluginVm } from '../../src/wasm/vm.js';
import { OPTIONS, outcome, requestOf } from '../support/plugin-runner.js';
import { callback, CONTINUE, i32, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import { fromWat, pluginWat, type Parts } from '../support/wat.js';

interface Opened {
  readonly vm: PluginVm;
  readonly said: string[];
  readonly calls: number[];
  readonly decisions: PluginDecision[];
  readonly begin: (request?: string | Partial<PluginRequest>) => ReturnType<PluginVm['begin']>;
}

const open = async (build: (kit: Kit) => Parts): Promise<Opened> => start(await made(build));

function start(bytes: Uint8Array): Opened {
  const { module, facts } = loadModule(bytes, OPTIONS.memoryLimitBytes);
  const [said, calls, decisions]: [string[], number[], PluginDecision[]] = [[], [], []];
  let depth = 0;
  const host: VmHost = {
    ...{ shared: new SharedData(), queues: new Queues(), metrics: new PluginMetrics() },
    log: (_level, words) => void said.push(words),
    ...{ now: () => 0n, monotonic: () => 0n, random: (size) => Buffer.alloc(size) },
    call: ({ token }) => calls.push(token) > 0,
    ...{ tick: () => undefined, check: () => undefined, queued: () => undefined },
    running: (on) => {
      depth += on ? 1 : -1;
      expect([0, 1]).toContain(depth);
    },
  };
  const vm = new PluginVm({ module, facts, options: { ...OPTIONS, config: Buffer.from('{}') }, host });
  const begin = (request: string | Partial<PluginRequest> = {}) =>
    vm.begin(requestOf(request), (decision) => decisions.push(decision));
  return { vm, said, calls, decisions, begin };
}

/** Logs its name, its context and its size argument. */
const saying = (kit: Kit, name: string, parameters: number, more: string, result: boolean): string =>
  callback(`proxy_${name}`, parameters, `${kit.log(name)} ${more}`, result);

/** All callbacks. Each logs its name. */
const loud =
  (onRequest: (kit: Kit) => string, onDone: (kit: Kit) => string = () => i32(1)) =>
  (kit: Kit): Parts => ({
    body: [
      `(func (export "_initialize") ${kit.log('_initialize')})`,
      `(func (export "main") (param i32 i32) (result i32) ${kit.log('main')} ${i32(0)})`,
      saying(kit, 'on_context_create', 2, '', false),
      saying(kit, 'on_vm_start', 2, i32(1), true),
      saying(kit, 'on_configure', 2, i32(1), true),
      saying(kit, 'on_request_body', 3, kit.on('b', `(return ${PAUSE})`) + CONTINUE, true),
      saying(
        kit,
        'on_http_call_response',
        5,
        `${kit.do('proxy_set_effective_context', i32(2))} ${kit.do('proxy_continue_stream', i32(0))}`,
        false,
      ),
      saying(kit, 'on_done', 1, onDone(kit), true),
      saying(kit, 'on_log', 1, '', false),
      saying(kit, 'on_delete', 1, '', false),
      saying(kit, 'on_tick', 1, kit.do('proxy_set_effective_context', i32(2)) + kit.do('proxy_done'), false),
      saying(kit, 'on_queue_ready', 2, '', false),
    ].join('\n'),
    onRequest: `${kit.log('on_request_headers')} ${onRequest(kit)}`,
  });

const START = ['_initialize', 'main', 'on_context_create', 'on_vm_start', 'on_configure'];
const END = ['on_done', 'on_log', 'on_delete'];

test('a request that is decided at once', async () => {
  const { begin, said, decisions, vm } = await open(loud((kit) => kit.grant()));
  expect(said.splice(0)).toEqual(START);
  begin();
  expect(decisions.map(outcome)).toEqual(['x-authenticated-user=alice']);
  expect(said.splice(0)).toEqual(['on_context_create', 'on_request_headers', ...END]);
  begin({ body: Buffer.from('x'), hasBody: true });
  expect(said.splice(0)).toEqual(['on_context_create', 'on_request_headers', 'on_request_body', ...END]);
  expect(vm.openStreams).toBe(0);
});

test('a request that waits for the response to a call', async () => {
  const { begin, said, decisions, calls, vm } = await open(loud((kit) => `(drop ${kit.call('authz')}) ${PAUSE}`));
  said.length = 0;
  begin({ body: Buffer.from('x'), hasBody: true });
  expect(said.splice(0)).toEqual(['on_context_create', 'on_request_headers']);
  expect([decisions, vm.isIdle]).toEqual([[], false]);
  const [token = 0] = calls;
  vm.answerCall(token);
  expect(said.splice(0)).toEqual(['on_http_call_response', 'on_request_body', ...END]);
  expect(decisions.map(outcome)).toEqual(['nobody']);
  // Each call has one response. A response without a call is ignored.
  vm.answerCall(token);
  vm.answerCall(4_711);
  expect(said).toEqual([]);
});

test('on_done returns false: the context stays until proxy_done', async () => {
  const { begin, said, decisions, vm } = await open(
    loud(
      (kit) => kit.grant(),
      () => i32(0),
    ),
  );
  said.length = 0;
  begin();
  // The decision does not wait for it.
  expect(decisions.map(outcome)).toEqual(['x-authenticated-user=alice']);
  expect([said.splice(0), vm.openStreams]).toEqual([['on_context_create', 'on_request_headers', 'on_done'], 1]);
  vm.tick();
  expect([said.splice(0), vm.openStreams]).toEqual([['on_tick', 'on_log', 'on_delete'], 0]);
  // proxy_done in a deleted context is NOT_FOUND, and there is no second on_delete.
  vm.tick();
  expect(said).toEqual(['on_tick']);
});

test('a queue is notified in the root context', async () => {
  const { vm, said } = await open(loud((kit) => kit.grant()));
  said.length = 0;
  vm.queueReady(1);
  expect(said).toEqual(['on_queue_ready']);
});

describe('the return value of a callback', () => {
  test.each([1, 2, 3, 4, -1, 0x7fff_ffff])('%d is a pause', async (action) => {
    const { begin, decisions, vm } = await open((kit) => ({ onRequest: `${kit.grant()} drop ${i32(action)}` }));
    begin();
    expect([decisions, vm.isIdle]).toEqual([[], false]);
  });

  test.each([
    ['an i64', '(result i64) (i64.const 0)'],
    ['nothing', ''],
    ['a reference', '(result externref) (ref.null extern)'],
  ])('%s is a pause too', async (_type, rest) => {
    const wat = pluginWat().replace('(param i32 i32 i32) (result i32) (i32.const 0)', `(param i32 i32 i32) ${rest}`);
    const { begin, decisions } = start(await fromWat(wat));
    begin();
    expect(decisions).toEqual([]);
  });
});

describe('the first decision counts', () => {
  const CASES: Readonly<Record<string, readonly [(kit: Kit) => string, string]>> = {
    'a response, then continue': [(kit) => `${kit.respond(403)} ${kit.grant()}`, '403'],
    'a response, then continue_stream': [
      (kit) => `${kit.respond(403)} ${kit.do('proxy_continue_stream', i32(0))} ${PAUSE}`,
      '403',
    ],
    'two answers': [(kit) => `${kit.respond(401)} ${kit.respond(200)} ${CONTINUE}`, '401'],
    'a close, then a response': [
      (kit) => `${kit.do('proxy_close_stream', i32(0))} ${kit.respond(200)} ${CONTINUE}`,
      'closed',
    ],
    'a close, then continue': [(kit) => `${kit.do('proxy_close_stream', i32(0))} ${kit.grant()}`, 'closed'],
    'an invalid response, then continue': [(kit) => `${kit.respond(99)} ${kit.grant()}`, 'bad_response'],
    'an invalid response, then a valid one': [
      (kit) => `${kit.respond(700)} ${kit.respond(200)} ${CONTINUE}`,
      'bad_response',
    ],
    'a response, then a trap': [(kit) => `${kit.respond(403)} unreachable`, '403'],
    'continue_stream, then a pause': [
      (kit) => `(drop ${kit.grant()}) ${kit.do('proxy_continue_stream', i32(0))} ${PAUSE}`,
      'x-authenticated-user=alice',
    ],
  };

  test.each(Object.keys(CASES))('%s', async (name) => {
    const [act, expected] = CASES[name] as (typeof CASES)[string];
    const { begin, decisions } = await open((kit) => ({ onRequest: act(kit) }));
    begin();
    expect(decisions.map(outcome)).toEqual([expected]);
  });

  test('a continue in the headers callback does not apply to the body', async () => {
    const { begin, decisions, vm } = await open(loud((kit) => `${kit.do('proxy_continue_stream', i32(0))} ${PAUSE}`));
    begin({ pairs: [['x-do', 'b']], body: Buffer.from('x'), hasBody: true });
    expect([decisions, vm.isIdle]).toEqual([[], false]);
  });
});

describe('another request', () => {
  test('may be continued, each once and with its own headers', async () => {
    const { begin, decisions, vm } = await open((kit) => ({
      body: callback(
        'proxy_on_tick',
        1,
        [2, 3, 2]
          .map((id) => kit.do('proxy_set_effective_context', i32(id)) + kit.do('proxy_continue_stream', i32(0)))
          .join(' '),
        false,
      ),
      onRequest: `${kit.on('a', kit.set('X-Authenticated-User', 'alice'))} ${kit.on('b', kit.set('X-Authenticated-User', 'bob'))} ${PAUSE}`,
    }));
    begin('a');
    begin('b');
    expect(decisions).toEqual([]);
    vm.tick();
    expect(decisions.map(outcome)).toEqual(['x-authenticated-user=alice', 'x-authenticated-user=bob']);
    vm.tick();
    expect(decisions).toHaveLength(2);
    expect(vm.openStreams).toBe(0);
  });

  test('that is over cannot be selected, and neither can the effective context of the previous callback', async () => {
    const { begin, decisions } = await open((kit) => ({
      // NOT the context of the first one, which is deleted: BAD_ARGUMENT.
      onRequest: `${kit.on('x', `(if (i32.ne ${kit.ask('proxy_set_effective_context', i32(2))} ${i32(2)}) (then unreachable))`)} ${kit.grant()}`,
    }));
    begin();
    begin('x');
    begin();
    expect(decisions.map(outcome)).toEqual(Array(3).fill('x-authenticated-user=alice'));
  });

  test('that is abandoned is ended, and the response to its call is ignored', async () => {
    const { begin, said, decisions, calls, vm } = await open(loud((kit) => `(drop ${kit.call('authz')}) ${PAUSE}`));
    const stream = begin();
    said.length = 0;
    vm.abandon(stream, { kind: 'fault', fault: 'closed', detail: 'gone' });
    expect([said.splice(0), vm.openStreams]).toEqual([END, 0]);
    vm.answerCall(calls[0] ?? 0);
    expect(said).toEqual(['on_http_call_response']);
    expect(decisions.map(outcome)).toEqual(['closed']);
  });
});
