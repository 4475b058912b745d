/** A trap ends an instance anywhere. Its request is a fault, and the next request gets a fresh instance. */
import { ModuleError } from '../../src/wasm/binary.js';
import { closeRunners, ISOLATIONS, outcome, run, start, type Isolation } from '../support/plugin-runner.js';
import type { Kit } from '../support/wat-plugin.js';
import { callback, CONTINUE, i32, made, PAUSE, AT } from '../support/wat-plugin.js';
import type { Parts } from '../support/wat.js';

afterEach(closeRunners);

/** The ways in which a module can end itself. None may grant access. */
const ENDS: Readonly<Record<string, string>> = {
  unreachable: 'unreachable',
  'division by zero': '(drop (i32.div_u (i32.const 1) (i32.const 0)))',
  'integer overflow': '(drop (i32.trunc_f64_s (f64.const 1e300)))',
  'a wild load': '(drop (i32.load (i32.const -4)))',
  'a wild store': '(i32.store (i32.const -4) (i32.const 1))',
  'a call of a null reference': '(call_indirect (i32.const 0))',
  'a call of the wrong type': '(drop (call_indirect (param i64) (result i64) (i64.const 0) (i32.const 1)))',
  'endless recursion': '(call $deeper)',
  'all available memory': '(if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))',
  abort: '(call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))',
  'exit with 0': '(call $exit (i32.const 0))',
  'exit with 1': '(call $exit (i32.const 1))',
};

const IMPORTS = `
  (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`;
const COMMON = '(table 2 funcref) (elem (i32.const 1) $deeper) (func $deeper (call $deeper))';

/** `x-do: t` traps in this callback. Every other request passes as alice. */
function endsIn(place: string, end: string): (kit: Kit) => Parts {
  return (kit) => {
    const trap = kit.on('t', end);
    const body = [COMMON];
    if (place === 'on_request_headers') return { imports: IMPORTS, body: COMMON, onRequest: `${trap} ${kit.grant()}` };
    if (place === 'on_context_create') body.push(callback('proxy_on_context_create', 2, trap, false));
    if (place === 'on_request_body') body.push(callback('proxy_on_request_body', 3, `${trap} ${CONTINUE}`));
    return { imports: IMPORTS, body: body.join('\n'), onRequest: kit.grant() };
  };
}

describe.each(ISOLATIONS)('%s:', (isolation) => {
  test.each(Object.keys(ENDS))('%s in on_request_headers', async (end) => {
    const { ask, runner } = await run(await made(endsIn('on_request_headers', ENDS[end] as string)), { isolation });
    expect(outcome(await ask())).toBe('x-authenticated-user=alice');
    expect(outcome(await ask('t'))).toBe('trap');
    expect(outcome(await ask())).toBe('x-authenticated-user=alice');
    expect(outcome(await ask('t'))).toBe('trap');
    expect(outcome(await ask())).toBe('x-authenticated-user=alice');
    if (isolation === 'inline') expect(runner.stats().restarts).toBe(2);
  });

  test.each(['on_context_create', 'on_request_body'])('unreachable in %s', async (place) => {
    const { ask } = await run(await made(endsIn(place, 'unreachable')), { isolation });
    const body = Buffer.from('body');
    const withBody = (letter: string) => ask({ pairs: [['x-do', letter]], body, hasBody: true });
    expect(outcome(await withBody('t'))).toBe('trap');
    expect(outcome(await withBody('n'))).toBe('x-authenticated-user=alice');
  });
});

/** The decision of the first request has been made. The trap affects only the next request. */
test.each(['proxy_on_done', 'proxy_on_log', 'proxy_on_delete'])('a trap in %s changes no decision', async (name) => {
  const build = (kit: Kit): Parts => ({
    body: callback(name, 1, 'unreachable', name === 'proxy_on_done'),
    onRequest: kit.grant(),
  });
  const { ask, runner } = await run(await made(build));
  for (let count = 0; count < 3; count += 1) expect(outcome(await ask())).toBe('x-authenticated-user=alice');
  expect(runner.stats().restarts).toBe(2);
});

const REFUSALS: Readonly<Record<string, (kit: Kit) => Parts>> = {
  'a trap in on_vm_start': () => ({ body: callback('proxy_on_vm_start', 2, 'unreachable') }),
  'on_vm_start says no': () => ({ body: callback('proxy_on_vm_start', 2, i32(0)) }),
  'a trap in on_configure': () => ({ body: callback('proxy_on_configure', 2, 'unreachable') }),
  'on_configure says no': () => ({ body: callback('proxy_on_configure', 2, i32(0)) }),
  'a trap in the root context': () => ({ body: callback('proxy_on_context_create', 2, 'unreachable', false) }),
  'a trap in _initialize': () => ({ body: '(func (export "_initialize") unreachable)' }),
  'a trap in main': () => ({
    body: '(func (export "_initialize")) (func (export "main") (param i32 i32) (result i32) unreachable)',
  }),
  'a trap in _start': () => ({ body: '(func (export "_start") unreachable)' }),
  '_start that exits with 1': () => ({
    imports: IMPORTS,
    body: '(func (export "_start") (call $exit (i32.const 1)))',
  }),
  'a trap in the start section': () => ({ body: '(start $go) (func $go unreachable)' }),
  'a host call in the start section': (kit) => ({ body: `(start $go) (func $go ${kit.set('a', 'b')})` }),
  'a host call in _initialize': (kit) => ({
    body: `(func (export "_initialize") ${kit.do('proxy_set_tick_period_milliseconds', i32(10))})`,
  }),
  'an allocator that calls back': (kit) => ({
    allocator: `(func (export "malloc") (param i32) (result i32) ${kit.set('a', 'b')} (i32.const 1024))`,
    body: callback('proxy_on_configure', 2, `${configuration(kit)} ${i32(1)}`),
  }),
  'a recursive start': () => ({ body: '(func (export "_initialize") (call $deeper)) (func $deeper (call $deeper))' }),
};

const configuration = (kit: Kit): string =>
  kit.do('proxy_get_buffer_bytes', i32(7), i32(0), i32(100), i32(AT.pointer), i32(AT.size));

describe('a plugin that does not start is not ready, and decides no request:', () => {
  const config = Buffer.from('{}');
  test.each(Object.keys(REFUSALS))('%s', async (name) => {
    const bytes = await made(REFUSALS[name] as (kit: Kit) => Parts);
    const { runner, ask } = start(bytes, { config });
    await expect(runner.ready).rejects.toThrow(ModuleError);
    expect(outcome(await ask())).toBe('unavailable');
  });

  test.each(['a trap in on_configure', 'on_configure says no', 'a trap in the start section'])(
    '%s, in a worker',
    async (name) => {
      const { runner } = start(await made(REFUSALS[name] as (kit: Kit) => Parts), { config, isolation: 'worker' });
      await expect(runner.ready).rejects.toThrow(ModuleError);
    },
  );

  test('_start that exits with 0 has started', async () => {
    const bytes = await made((kit) => ({
      imports: IMPORTS,
      body: `(func (export "_start") ${kit.log('hello')} (call $exit (i32.const 0)))`,
      onRequest: kit.grant(),
    }));
    const { ask, said } = await run(bytes);
    expect(outcome(await ask())).toBe('x-authenticated-user=alice');
    expect(said).toEqual(['hello']);
  });
});

describe('an allocator', () => {
  const ALLOCATORS: Readonly<Record<string, string>> = {
    'that gives nothing': '(i32.const 0)',
    'that returns memory that does not exist': '(i32.const -16)',
    'that returns the end of memory': '(i32.const 131072)',
  };

  test.each(Object.keys(ALLOCATORS))('%s makes the host call fail', async (name) => {
    const bytes = await made((kit) => ({
      allocator: `(func (export "malloc") (param i32) (result i32) ${ALLOCATORS[name] ?? ''})`,
      // INVALID_MEMORY_ACCESS
      onRequest: `(if (i32.ne ${pathOf(kit)} (i32.const 6)) (then unreachable)) ${kit.grant()}`,
    }));
    expect(outcome(await (await run(bytes)).ask())).toBe('x-authenticated-user=alice');
  });

  const ENDS_OF_IT: Readonly<Record<string, (kit: Kit) => string>> = {
    'that traps': () => 'unreachable',
    'that calls back': (kit) => `${kit.respond(200)} (i32.const 1024)`,
    'that asks for the same': (kit) => `(drop ${pathOf(kit)}) (i32.const 1024)`,
  };

  test.each(Object.keys(ENDS_OF_IT))('%s ends the instance', async (name) => {
    const bytes = await made((kit) => ({
      allocator: `(func (export "malloc") (param i32) (result i32) ${ENDS_OF_IT[name]?.(kit) ?? ''})`,
      onRequest: `(drop ${pathOf(kit)}) ${kit.grant()}`,
    }));
    expect(outcome(await (await run(bytes)).ask())).toBe('trap');
  });

  test('that grows the memory is accepted', async () => {
    const bytes = await made((kit) => ({
      allocator: `(func (export "malloc") (param i32) (result i32) (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))`,
      onRequest: `${kit.header(':path')} (if (i32.ne (i32.load8_u (i32.load (i32.const 16))) (i32.const 47)) (then unreachable)) ${kit.grant()}`,
    }));
    const { ask } = await run(bytes);
    for (let count = 0; count < 50; count += 1) expect(outcome(await ask())).toBe('x-authenticated-user=alice');
  });

  const pathOf = (kit: Kit): string =>
    kit.ask('proxy_get_header_map_value', i32(0), kit.text(':path'), i32(AT.pointer), i32(AT.size));
});

test('a trap ends the paused requests of its instance, and no others', async () => {
  const bytes = await made((kit) => ({
    onRequest: `${kit.on('p', `(return ${PAUSE})`)} ${kit.on('t', 'unreachable')} ${kit.grant()}`,
  }));
  const { ask } = await run(bytes);
  const paused = [ask('p'), ask('p')];
  const trapped = ask('t');
  const after = ask();
  expect((await Promise.all([...paused, trapped, after])).map(outcome)).toEqual([
    'trap',
    'trap',
    'trap',
    'x-authenticated-user=alice',
  ]);
});

test.each<Isolation>(['worker', 'inline'])('memory over the limit is reported as such, %s', async (isolation) => {
  const bytes = await made((kit) => ({
    onRequest: `${kit.on('g', '(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable')} ${kit.grant()}`,
  }));
  const { ask } = await run(bytes, { isolation, memoryLimitBytes: 1_048_576 });
  expect(outcome(await ask('g'))).toBe('out_of_memory');
  expect(outcome(await ask())).toBe('x-authenticated-user=alice');
});
