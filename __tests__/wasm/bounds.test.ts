/**
 * What a plugin could do to its host: to the heap, the timers and the stack. Nothing ends the process or loses a
 * request.
 */
import type { PluginDecision } from '../../src/wasm/decision.js';
import { encodeProperty } from '../../src/wasm/properties.js';
import { Stream } from '../../src/wasm/stream.js';
import { closeRunners, ISOLATIONS, outcome, requestOf, run } from '../support/plugin-runner.js';
import { AT, callback, i32, made } from '../support/wat-plugin.js';

afterEach(closeRunners);
const ALICE = 'x-authenticated-user=alice';

describe.each(ISOLATIONS)('%s:', (isolation) => {
  test('a plugin that starts ticks and calls, and then fails to start again, ends no process', async () => {
    const bytes = await made((kit) => ({
      body: callback(
        'proxy_on_configure',
        2,
        `(if (i32.eqz ${kit.ask('proxy_get_shared_data', kit.text('once'), i32(AT.pointer), i32(AT.size), i32(AT.cas))}) (then
           ${kit.do('proxy_set_tick_period_milliseconds', i32(10))} (drop ${kit.call('authz')}) (return ${i32(0)})))
         ${i32(1)}`,
      ),
      onRequest: `${kit.on('t', `${kit.do('proxy_set_shared_data', kit.text('once'), kit.text('yes'), i32(0))} unreachable`)} ${kit.grant()}`,
    }));
    const tested = await run(bytes, { isolation });
    expect(outcome(await tested.ask())).toBe(ALICE);
    expect(outcome(await tested.ask('t'))).toBe('trap');
    expect(outcome(await tested.ask())).toBe('unavailable');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(outcome(await tested.ask())).toBe('unavailable');
  });

  test('a plugin that starts near its memory limit is not restarted for each request', async () => {
    const bytes = await made((kit) => ({ memory: '(memory (export "memory") 250)', onRequest: kit.grant() }));
    const tested = await run(bytes, { isolation });
    for (let at = 0; at < 3; at += 1) expect(outcome(await tested.ask())).toBe(ALICE);
    expect(tested.said).toEqual([]);
  });
});

test('a decision that could not be delivered does not count: the next one is delivered', () => {
  const told: PluginDecision[] = [];
  let stack = 0;
  const stream = new Stream(2, requestOf(), (decision) => {
    stack += 1;
    if (stack === 1) throw new RangeError('Maximum call stack size exceeded');
    told.push(decision);
  });
  const fault = { kind: 'fault', fault: 'trap', detail: 'no stack left' } as const;
  expect(() => stream.admit()).toThrow(RangeError);
  expect(stream.decided).toBe(false);
  stream.decide(fault);
  stream.admit();
  expect(told).toEqual([fault]);
});

test('a property with letters outside latin1 is not read as other letters', () => {
  // In latin1 the first letter would be an `a`.
  expect(encodeProperty('CN=\u0161dmin').toString()).toBe('CN=\u0161dmin');
});
