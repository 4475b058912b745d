/** A plugin that answers with hardly any stack left: its request has one decision, and its thread goes on. */
import { closeRunners, outcome, run } from '../../support/plugin-runner.js';
import { AT, i32, made } from '../../support/wat-plugin.js';

afterEach(closeRunners);

/** Calls itself as often as `x-do` says, and then answers 403. */
const deepAnswer = () =>
  made((kit) => ({
    body: `
      (func $asked (result i32) (local $at i32) (local $left i32) (local $value i32)
        (local.set $at (i32.load ${i32(AT.pointer)})) (local.set $left (i32.load ${i32(AT.size)}))
        (block $end (loop $digits (br_if $end (i32.eqz (local.get $left)))
          (local.set $value
            (i32.add (i32.mul (local.get $value) (i32.const 10)) (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $digits)))
        (local.get $value))
      (func $deep (param $left i32) (result i32)
        (if (i32.eqz (local.get $left)) (then ${kit.respond(403, 'deep')} (return (i32.const 1))))
        (i32.add (call $deep (i32.sub (local.get $left) (i32.const 1))) (i32.const 1)))`,
    onRequest: `${kit.header('x-do')} (drop (call $deep (call $asked))) ${kit.grant()}`,
  }));

test('G-34 an answer at any depth of the stack is the answer or a trap, and never ends the thread', async () => {
  const { ask, said } = await run(await deepAnswer(), { isolation: 'worker', timeoutMs: 10_000 });
  const outcomes = new Set<string>();
  // Each search ends where the stack is just enough for the module, and not for all that the host does for it.
  for (let search = 0; search < 40; search += 1) {
    let [low, high] = [0, 1_000_000 + search * 7_919];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const found = outcome(await ask(String(middle)));
      outcomes.add(found);
      if (found === '403') low = middle;
      else high = middle;
    }
  }
  expect([...outcomes].sort()).toEqual(['403', 'trap']);
  expect(outcome(await ask('9'))).toBe('403');
  const endings = said.filter((words) => !words.startsWith('the plugin trapped: Maximum call stack size exceeded'));
  expect(endings).toEqual([]);
}, 60_000);
