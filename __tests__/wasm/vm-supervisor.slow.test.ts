/** A plugin survives leaks, contexts that never end, and a start that fails later. Ticks and logs are bounded. */
import { LIMITS } from '../../src/wasm/abi.js';
import { closeRunners, ISOLATIONS, outcome, run, type Run } from '../support/plugin-runner.js';
import { AT, callback, CONTINUE, i32, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import type { Parts } from '../support/wat.js';

afterEach(closeRunners);
const ALICE = 'x-authenticated-user=alice';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Leaks a page with each request, and traps when the memory is full. */
const leak = `(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))`;

describe.each(ISOLATIONS)('%s:', (isolation) => {
  test('a leaking instance is replaced before it traps', async () => {
    const { ask, runner, said } = await run(await made((kit) => ({ onRequest: `${leak} ${kit.grant()}` })), {
      ...{ isolation, memoryLimitBytes: 2_097_152 },
    });
    for (let count = 0; count < 200; count += 1) expect(outcome(await ask())).toBe(ALICE);
    expect(said.filter((words) => words.includes('near a limit')).length).toBeGreaterThan(3);
    expect(runner.stats().memoryBytes).toBeLessThanOrEqual(2 * 2_097_152);
  });

  test('a leaking instance that is never idle is replaced too; paused requests continue in the old instance', async () => {
    const bytes = await made((kit) => ({
      body: `(global $paused (mut i32) (i32.const 0)) ${callback(
        'proxy_on_tick',
        1,
        // All possible contexts, including ids that do not exist.
        `(local $id i32) (local.set $id (i32.const 2))
         (loop $next
           (if (i32.eqz ${kit.ask('proxy_set_effective_context', '(local.get $id)')})
             (then ${kit.set('X-Authenticated-User', 'late')} ${kit.do('proxy_continue_stream', i32(0))}))
           (local.set $id (i32.add (local.get $id) (i32.const 1)))
           (br_if $next (i32.lt_u (local.get $id) (i32.const 100))))`,
        false,
      )}
      ${callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(400))} ${i32(1)}`)}`,
      onRequest: `${leak} ${kit.on('p', `(return ${PAUSE})`)} ${kit.grant()}`,
    }));
    const { ask, said } = await run(bytes, { isolation, memoryLimitBytes: 2_097_152, pauseTimeoutMs: 20_000 });
    const paused = [ask('p')];
    for (let count = 0; count < 30; count += 1) expect(outcome(await ask())).toBe(ALICE);
    paused.push(ask('p'));
    expect((await Promise.all(paused)).map(outcome)).toEqual(Array(2).fill('x-authenticated-user=late'));
    expect(said.some((words) => words.includes('near a limit'))).toBe(true);
    expect(said.some((words) => words.includes('trapped'))).toBe(false);
  });
});

test('an instance that is as large from its start is not replaced', async () => {
  const bytes = await made((kit) => ({ memory: '(memory (export "memory") 31)', onRequest: kit.grant() }));
  const { ask, runner } = await run(bytes, { memoryLimitBytes: 2_097_152 });
  for (let count = 0; count < 5; count += 1) expect(outcome(await ask())).toBe(ALICE);
  expect(runner.stats().restarts).toBe(0);
});

test('contexts that never end do not fill an instance forever', async () => {
  const bytes = await made((kit) => ({ body: callback('proxy_on_done', 1, i32(0)), onRequest: kit.grant() }));
  const { ask, runner } = await run(bytes);
  for (let count = 0; count < LIMITS.openStreams + 50; count += 1) {
    const decision = outcome(await ask());
    if (decision !== ALICE) throw new Error(`request ${count}: ${decision}`);
  }
  expect(runner.stats().restarts).toBe(1);
});

test('paused requests are limited to two instances', async () => {
  const { ask } = await run(await made(() => ({ onRequest: PAUSE })), { pauseTimeoutMs: 3_000 });
  const asked = Array.from({ length: 2 * LIMITS.openStreams + 10 }, () => ask());
  const outcomes = new Map<string, number>();
  for (const decision of await Promise.all(asked)) {
    outcomes.set(outcome(decision), (outcomes.get(outcome(decision)) ?? 0) + 1);
  }
  expect([...outcomes]).toEqual([
    ['pause_timeout', 2 * LIMITS.openStreams],
    ['overloaded', 10],
  ]);
});

/** Starts if `flag` is not set in shared data, and sets it. */
const startsOnce = (kit: Kit, more = ''): Parts => ({
  body: callback(
    'proxy_on_configure',
    2,
    `${more} (if (i32.eqz ${kit.ask('proxy_get_shared_data', kit.text('flag'), i32(AT.pointer), i32(AT.size), i32(AT.cas))}) (then (return ${i32(0)})))
     ${kit.do('proxy_set_shared_data', kit.text('flag'), kit.text('set'), i32(0))} ${i32(1)}`,
  ),
  onRequest: `${kit.on('t', 'unreachable')} ${kit.grant()}`,
});

async function afterTrap({ ask }: Run): Promise<readonly string[]> {
  expect([outcome(await ask()), outcome(await ask('t'))]).toEqual([ALICE, 'trap']);
  const after: string[] = [];
  for (let count = 0; count < 50; count += 1) after.push(outcome(await ask()));
  return after;
}

test('a plugin that fails to start again lets no request pass, and is not started for each request', async () => {
  const once = await run(await made((kit) => startsOnce(kit)));
  expect(await afterTrap(once)).toEqual(Array(50).fill('unavailable'));
  expect(once.runner.stats().restarts).toBeLessThan(5);
});

test.each(['a tick', 'a call'])('%s of an instance that later failed to start have no effect', async (what) => {
  const act = (kit: Kit): string =>
    what === 'a tick' ? kit.do('proxy_set_tick_period_milliseconds', i32(10)) : `(drop ${kit.call('authz')})`;
  const once = await run(await made((kit) => startsOnce(kit, act(kit))));
  await afterTrap(once);
  await pause(200);
  expect(outcome(await once.ask())).toBe('unavailable');
});

test('ticks come at the requested period, at most every 10 ms, and stop on request', async () => {
  const bytes = await made((kit) => ({
    body: [
      '(global $ticks (mut i32) (i32.const 0))',
      callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(1))} ${i32(1)}`),
      callback(
        'proxy_on_tick',
        1,
        `${kit.log('tick')} (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
         (if (i32.eq (global.get $ticks) (i32.const 5)) (then ${kit.do('proxy_set_tick_period_milliseconds', i32(0))}))`,
        false,
      ),
    ].join('\n'),
    onRequest: kit.grant(),
  }));
  const since = performance.now();
  const { said } = await run(bytes);
  while (said.length < 5) await pause(10);
  expect(performance.now() - since).toBeGreaterThanOrEqual(49);
  await pause(150);
  expect(said).toHaveLength(5);
});

test('an instance that trapped has no ticks; its replacement has its own', async () => {
  const bytes = await made((kit) => ({
    body: [
      callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(20))} ${i32(1)}`),
      callback('proxy_on_tick', 1, `${kit.log('tick')} unreachable`, false),
    ].join('\n'),
    onRequest: kit.grant(),
  }));
  const { said, ask } = await run(bytes);
  await pause(300);
  expect(said).toEqual(['tick']);
  expect(outcome(await ask())).toBe(ALICE);
  await pause(300);
  expect(said.filter((words) => words === 'tick')).toHaveLength(2);
});

test('a callback writes a hundred lines, and one that reports the limit', async () => {
  const bytes = await made((kit) => ({
    body: '(global $n (mut i32) (i32.const 0))',
    onRequest: `(global.set $n (i32.const 1000))
      (loop $l ${kit.log('line')} (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $l (global.get $n)))
      ${kit.grant()} drop ${CONTINUE}`,
  }));
  const { said, ask } = await run(bytes);
  await ask();
  expect(said).toHaveLength(LIMITS.logLines + 1);
  await ask();
  expect(said).toHaveLength(2 * (LIMITS.logLines + 1));
});
