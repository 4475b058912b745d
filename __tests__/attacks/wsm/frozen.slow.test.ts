/**
 * What a plugin reads of its shared data while the gateway is blocked, and how long a request waits for a busy thread.
 */
import { isAfter } from '../../../src/wasm/channel.js';
import { closeRunners, outcome, run } from '../../support/plugin-runner.js';
import { AT, callback, CONTINUE, i32, made, type Kit } from '../../support/wat-plugin.js';

afterEach(closeRunners);

/** Sets as identity the value of the key whose length is the letter's position in the alphabet. */
const told = (kit: Kit, key: string): string =>
  kit.on(
    key,
    `(i32.store ${i32(AT.size)} ${i32(0)})
     ${kit.do('proxy_get_shared_data', kit.text(key), i32(AT.pointer), i32(AT.size), i32(AT.cas))}
     ${kit.do('proxy_replace_header_map_value', i32(0), kit.text('X-Authenticated-User'), kit.given)} (return ${CONTINUE})`,
  );

const sessions = (kit: Kit) => ({
  body: callback(
    'proxy_on_configure',
    2,
    `${kit.do('proxy_set_shared_data', kit.text('a'), kit.text('alice'), i32(0))}
     ${kit.do('proxy_set_shared_data', kit.text('b'), kit.text('bob'), i32(0))} ${i32(1)}`,
  ),
  onRequest: `${told(kit, 'a')} ${told(kit, 'b')} ${kit.grant('nobody')}`,
});

const freeze = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('a gateway that was blocked for seconds mixes up no identities afterwards', async () => {
  const { ask } = await run(await made(sessions), { isolation: 'worker' });
  const asked = ask('a');
  // The thread is woken at the end of this turn.
  await new Promise(setImmediate);
  freeze(5_300);
  // A request in that time has no decision, or the right one.
  expect(['trap', 'timeout', 'x-authenticated-user=alice']).toContain(outcome(await asked));
  for (let at = 0; at < 3; at += 1) {
    expect(outcome(await ask('a'))).toBe('x-authenticated-user=alice');
    expect(outcome(await ask('b'))).toBe('x-authenticated-user=bob');
  }
}, 20_000);

test('twin: one that was not blocked', async () => {
  const { ask } = await run(await made(sessions), { isolation: 'worker' });
  expect([outcome(await ask('a')), outcome(await ask('b'))]).toEqual([
    'x-authenticated-user=alice',
    'x-authenticated-user=bob',
  ]);
});

test('a queue that is refilled while it is emptied keeps no request waiting', async () => {
  const token = '(i32.load (i32.const 48))';
  const bytes = await made((kit) => {
    const around = `${kit.do('proxy_enqueue_shared_queue', token, kit.text('x'))}
      ${kit.do('proxy_dequeue_shared_queue', token, i32(AT.pointer), i32(AT.size))}`;
    return {
      body: `${callback('proxy_on_configure', 2, `${kit.do('proxy_register_shared_queue', kit.text('q'), i32(48))} ${i32(1)}`)}
        ${callback('proxy_on_queue_ready', 2, `${around} ${around}`, false)}`,
      onRequest: `${kit.on('q', around)} ${kit.grant()}`,
    };
  });
  const { ask } = await run(bytes, { isolation: 'worker' });
  await ask('q');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = performance.now();
  expect(outcome(await ask('n'))).toBe('x-authenticated-user=alice');
  expect(performance.now() - before).toBeLessThan(1_000);
}, 20_000);

test('a thread that is always busy leaves no request without an answer', async () => {
  // Each request takes its maximum time: the last one would wait for half a minute.
  const bytes = await made((kit) => ({
    onRequest: `(local $n i64) (local.set $n (i64.const 100000000))
      (loop $l (local.set $n (i64.sub (local.get $n) (i64.const 1))) (br_if $l (i64.gt_s (local.get $n) (i64.const 0))))
      ${kit.grant()}`,
  }));
  const { ask } = await run(bytes, { isolation: 'worker', timeoutMs: 5_000, pauseTimeoutMs: 1_000 });
  const before = performance.now();
  const outcomes = new Set((await Promise.all(Array.from({ length: 400 }, () => ask()))).map(outcome));
  expect(performance.now() - before).toBeLessThan(9_000);
  expect(outcomes).toContain('x-authenticated-user=alice');
  expect(outcomes).toContain('overloaded');
}, 40_000);

test('after four billion requests the next one still comes after the last', () => {
  for (const count of [1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 + 1, 2 ** 40]) {
    const [id, next, before] = Int32Array.of(count, count + 1, count - 1) as unknown as [number, number, number];
    expect([isAfter(id, id), isAfter(next, id), isAfter(before, id)]).toEqual([false, true, false]);
  }
});
