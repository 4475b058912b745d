/** Isolation: a request that breaks its thread fails alone. The others wait for at most one new thread. */
import type { PluginDecision } from '../../src/wasm/decision.js';
import { closeRunners, outcome, requestOf, run, start } from '../support/plugin-runner.js';
import { AT, callback, i32, LOOP, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import type { Parts } from '../support/wat.js';

afterEach(closeRunners);
const ALICE = 'x-authenticated-user=alice';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const plain = (kit: Kit): Parts => ({
  onRequest: `${kit.on('l', LOOP)} ${kit.on('p', `(return ${PAUSE})`)} ${kit.on('t', 'unreachable')} ${kit.grant()}`,
});

const counted = (decisions: readonly PluginDecision[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const each of decisions) counts[outcome(each)] = (counts[outcome(each)] ?? 0) + 1;
  return counts;
};

test('of two hundred requests with one loop, one is stopped and none is lost', async () => {
  const { ask } = await run(await made(plain), { isolation: 'worker', timeoutMs: 300 });
  const asked = Array.from({ length: 201 }, (_, at) => ask(at === 100 ? 'l' : 'n'));
  expect(counted(await Promise.all(asked))).toEqual({ [ALICE]: 200, timeout: 1 });
});

test.each([1, 2])('with %d threads, loops in a row fail alone', async (workers) => {
  const { ask, runner } = await run(await made(plain), { isolation: 'worker', timeoutMs: 300, workers });
  const asked = Array.from({ length: 105 }, (_, at) => ask(at % 21 === 10 ? 'l' : 'n'));
  expect(counted(await Promise.all(asked))).toEqual({ [ALICE]: 100, timeout: 5 });
  expect(runner.stats().restarts).toBe(5);
  expect(outcome(await ask())).toBe(ALICE);
});

test('the thread of the gateway stays responsive', async () => {
  const { ask } = await run(await made(plain), { isolation: 'worker', timeoutMs: 1_000 });
  const lags: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    lags.push(now - last - 5);
    last = now;
  }, 5);
  const looping = ask('l');
  await pause(20);
  lags.length = 0;
  expect(outcome(await looping)).toBe('timeout');
  clearInterval(timer);
  lags.sort((a, b) => a - b);
  // A loop on this thread would show one lag of its length. A busy machine shows a few short ones.
  expect(lags.length).toBeGreaterThan(10);
  expect(lags[Math.floor(lags.length * 0.9)]).toBeLessThan(100);
});

test('paused requests of a stopped thread are faults, not lost', async () => {
  const { ask } = await run(await made(plain), { isolation: 'worker', timeoutMs: 300, pauseTimeoutMs: 60_000 });
  const paused = [ask('p'), ask('p')];
  await pause(50);
  const looping = ask('l');
  expect(counted(await Promise.all([...paused, looping, ask()]))).toEqual({ [ALICE]: 1, timeout: 1, unavailable: 2 });
});

test('a pause without an end is ended, and delays no other request', async () => {
  const { ask } = await run(await made(plain), { isolation: 'worker', pauseTimeoutMs: 300 });
  const paused = ask('p');
  expect(outcome(await ask())).toBe(ALICE);
  expect(outcome(await paused)).toBe('pause_timeout');
});

test('a client that disconnects ends its request in the plugin', async () => {
  const bytes = await made((kit) => ({
    body: callback('proxy_on_delete', 1, kit.log('deleted'), false),
    onRequest: PAUSE,
  }));
  const { runner, said } = await run(bytes, { isolation: 'worker', pauseTimeoutMs: 60_000 });
  let abandon = (): void => undefined;
  const decision = new Promise<PluginDecision>((resolve) => (abandon = runner.judge(requestOf(), resolve)));
  await pause(50);
  abandon();
  expect(outcome(await decision)).toBe('closed');
  while (said.length === 0) await pause(10);
  expect(said).toEqual(['deleted']);
});

test('a thread that only loops is not restarted at once', async () => {
  const bytes = await made((kit) => ({
    body: [
      callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(10))} ${i32(1)}`),
      callback('proxy_on_tick', 1, LOOP, false),
    ].join('\n'),
    onRequest: kit.grant(),
  }));
  const { runner } = await run(bytes, { isolation: 'worker', timeoutMs: 20 });
  await pause(2_000);
  // Without a delay there would be sixty.
  expect(runner.stats().restarts).toBeLessThan(12);
});

test('a plugin that does not start is retried with growing delays, and requests are faults', async () => {
  const bytes = await made(() => ({ body: callback('proxy_on_configure', 2, i32(0)) }));
  const { runner, ask } = start(bytes, { isolation: 'worker' });
  await expect(runner.ready).rejects.toThrow('on_configure');
  const early = ask();
  await pause(1_500);
  expect(runner.stats().restarts).toBeLessThan(8);
  await runner.close();
  expect(outcome(await early)).toBe('unavailable');
});

test('closed during start, run or pause, the pool answers every request', async () => {
  const bytes = await made(plain);
  const { runner, ask } = start(bytes, { isolation: 'worker', timeoutMs: 60_000, pauseTimeoutMs: 60_000 });
  const waiting = ask();
  await runner.close();
  expect(outcome(await waiting)).toBe('unavailable');
  expect(outcome(await ask())).toBe('unavailable');

  const second = await run(bytes, { isolation: 'worker', timeoutMs: 60_000, pauseTimeoutMs: 60_000 });
  const asked = [second.ask('p'), second.ask('l'), second.ask()];
  await pause(100);
  await second.runner.close();
  expect((await Promise.all(asked)).map(outcome)).toEqual(['unavailable', 'closed', 'unavailable']);
});

test('one thread that has used up its stack or heap stops no other', async () => {
  const bytes = await made((kit) => ({
    body: '(func $deeper (call $deeper))',
    onRequest: `${kit.on('r', '(call $deeper)')} ${kit.grant()}`,
  }));
  const { ask } = await run(bytes, { isolation: 'worker', workers: 2 });
  const asked = Array.from({ length: 40 }, (_, at) => ask(at % 2 ? 'r' : 'n'));
  expect(counted(await Promise.all(asked))).toEqual({ [ALICE]: 20, trap: 20 });
});

describe('the state that threads share', () => {
  /**
   * Adds one to the byte after `count` and repeats until no other thread changed it meanwhile. No value is a control
   * character.
   */
  const counter = (kit: Kit): Parts => {
    const places = [i32(AT.pointer), i32(AT.size), i32(AT.cas)];
    const [key, one] = [kit.text('count'), kit.text(new Uint8Array([1]))];
    const [from] = one.split(') ');
    return {
      onRequest: `(loop $again
        (i32.store (i32.const ${AT.pointer}) (i32.const 0)) (i32.store (i32.const ${AT.cas}) (i32.const 0))
        ${kit.do('proxy_get_shared_data', key, ...places)}
        (i32.store8 ${from}) (i32.or (i32.const 64) (i32.add (i32.load8_u (i32.load (i32.const ${AT.pointer}))) (i32.const 1))))
        (br_if $again (i32.eq (i32.const 8) ${kit.ask('proxy_set_shared_data', key, one, `(i32.load (i32.const ${AT.cas}))`)})))
      ${kit.do('proxy_replace_header_map_value', i32(0), kit.text('count'), one)}
      ${kit.on('l', LOOP)} ${kit.grant()}`,
    };
  };
  const countOf = (decision: PluginDecision): number =>
    decision.kind === 'continue' ? (decision.set.find(([name]) => name === 'count')?.[1].charCodeAt(0) ?? -1) : -1;

  test('compare-and-swap over two threads loses no step; a stopped thread loses no shared data', async () => {
    const { ask, runner } = await run(await made(counter), { isolation: 'worker', workers: 2, timeoutMs: 1_000 });
    // For a new key any number is accepted.
    expect(countOf(await ask())).toBe(64 + 1);
    const counts = (await Promise.all(Array.from({ length: 60 }, () => ask()))).map(countOf);
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, at) => 64 + at + 2));
    expect(outcome(await ask('l'))).toBe('timeout');
    expect(runner.stats().restarts).toBe(1);
    expect(countOf(await ask())).toBe(64 + 63);
  });

  test('a queue notifies each thread that registered it, in order', async () => {
    const places = [i32(AT.pointer), i32(AT.size)];
    const bytes = await made((kit) => ({
      body: [
        callback(
          'proxy_on_configure',
          2,
          `${kit.do('proxy_register_shared_queue', kit.text('jobs'), i32(AT.extra))} ${i32(1)}`,
        ),
        callback(
          'proxy_on_queue_ready',
          2,
          `(if (i32.eqz ${kit.ask('proxy_dequeue_shared_queue', '(local.get 1)', ...places)})
             (then ${kit.do('proxy_log', i32(2), kit.given)}))`,
          false,
        ),
      ].join('\n'),
      onRequest: `${kit.header('x-job')} ${kit.do('proxy_enqueue_shared_queue', i32(1), kit.given)} ${kit.grant()}`,
    }));
    const { ask, said } = await run(bytes, { isolation: 'worker', workers: 2 });
    for (let job = 0; job < 20; job += 1) await ask({ pairs: [['x-job', `job ${job}`]] });
    while (said.length < 20) await pause(10);
    expect([...said].sort()).toEqual(Array.from({ length: 20 }, (_, job) => `job ${job}`).sort());
  });

  test('metrics of all threads are added up', async () => {
    const bytes = await made((kit) => ({
      imports: '(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))',
      body: callback(
        'proxy_on_configure',
        2,
        `${kit.do('proxy_define_metric', i32(0), kit.text('asked'), i32(AT.extra))} ${i32(1)}`,
      ),
      onRequest: `(drop (call $increment (i32.load (i32.const ${AT.extra})) (i64.const 1))) ${kit.grant()}`,
    }));
    const { ask, runner } = await run(bytes, { isolation: 'worker', workers: 2 });
    await Promise.all(Array.from({ length: 50 }, () => ask()));
    for (let left = 100; left > 0 && runner.stats().metrics[0]?.value !== 50n; left -= 1) await pause(50);
    expect(runner.stats().metrics).toEqual([{ name: 'asked', type: 'counter', value: 50n }]);
  });
});
