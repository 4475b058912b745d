/** When a circuit opens, how it is tried, and what closes it. */
import { Breaker, type BreakerPlan, type BreakerState, type BreakerCall } from '../../src/lib/circuit-breaker.js';

function breaker(plan: Partial<BreakerPlan> = {}) {
  const clock = { now: 1_000_000 };
  const states: BreakerState[] = [];
  const made = new Breaker(
    { failureThreshold: 3, successThreshold: 2, timeoutMs: 1_000, ...plan },
    { now: () => clock.now, changed: (state) => states.push(state) },
  );
  const fail = (times: number): void => {
    for (let n = 0; n < times; n++) made.failed(made.enter());
  };
  return { made, clock, states, fail };
}

test('opens after failures in a row, and a success among them begins the count anew', () => {
  const { made, fail, states } = breaker();
  fail(2);
  made.succeeded(made.enter());
  fail(2);
  expect([made.state, made.admits]).toEqual(['closed', true]);
  fail(1);
  expect([made.state, made.admits, states]).toEqual(['open', false, ['open']]);
});

test('admits no call while open, and as many probes as it needs after the open time', () => {
  const { made, clock, fail } = breaker();
  fail(3);
  clock.now += 999;
  expect(made.admits).toBe(false);
  clock.now += 1;
  expect([made.admits, made.state]).toEqual([true, 'half_open']);
  const probes = [made.enter(), made.enter()];
  expect(made.admits).toBe(false);
  made.succeeded(probes[0] as BreakerCall);
  // One probe succeeded and one probe is in progress: a third probe is not needed.
  expect(made.admits).toBe(false);
  made.leave(probes[1] as BreakerCall);
  expect(made.admits).toBe(true);
});

test('closes after enough successes', () => {
  const { made, clock, states, fail } = breaker();
  fail(3);
  clock.now += 1_000;
  for (let n = 0; n < 2; n++) {
    expect(made.admits).toBe(true);
    made.succeeded(made.enter());
  }
  expect([made.state, states]).toEqual(['closed', ['open', 'half_open', 'closed']]);
  fail(2);
  expect(made.state).toBe('closed');
});

test('opens again with the first probe that fails, for as long as before', () => {
  const { made, clock, states, fail } = breaker();
  fail(3);
  clock.now += 1_000;
  expect(made.admits).toBe(true);
  const [first, second] = [made.enter(), made.enter()];
  made.failed(first);
  expect(made.admits).toBe(false);
  // The other probe is of a term that is over.
  made.succeeded(second);
  expect([made.state, states]).toEqual(['open', ['open', 'half_open', 'open']]);
  clock.now += 999;
  expect(made.admits).toBe(false);
  clock.now += 1;
  expect(made.admits).toBe(true);
});

test('hears nothing of requests that began before it opened', () => {
  const { made, clock, fail } = breaker();
  const late = Array.from({ length: 10 }, () => made.enter());
  fail(3);
  clock.now += 1_000;
  expect(made.admits).toBe(true);
  made.failed(late[0] as BreakerCall);
  made.leave(late[1] as BreakerCall);
  made.succeeded(late[2] as BreakerCall);
  made.succeeded(late[3] as BreakerCall);
  expect([made.state, made.admits]).toEqual(['half_open', true]);
  made.enter();
  made.enter();
  expect(made.admits).toBe(false);
});

test('is not held open by a clock that was set back', () => {
  const { made, clock, fail } = breaker();
  fail(3);
  clock.now -= 3_600_000;
  expect([made.admits, made.state]).toEqual([true, 'half_open']);
});

test('gives the place of a probe that takes too long to another, and still hears what the first comes to', () => {
  const { made, clock, fail } = breaker({ successThreshold: 1 });
  fail(3);
  clock.now += 1_000;
  expect(made.admits).toBe(true);
  const slow = made.enter();
  clock.now += 999;
  expect(made.admits).toBe(false);
  clock.now += 1;
  expect(made.admits).toBe(true);
  const other = made.enter();
  expect(made.admits).toBe(false);
  made.leave(slow);
  expect(made.admits).toBe(false);
  made.leave(other);
  expect([made.admits, made.state]).toEqual([true, 'half_open']);
  made.succeeded(slow);
  expect(made.state).toBe('closed');
});

test('stays open twice as long after each failed probe, up to its limit, and starts anew once it closed', () => {
  const { made, clock, fail } = breaker({ successThreshold: 1, longestTimeoutMs: 3_000 });
  fail(3);
  for (const ms of [1_000, 2_000, 3_000, 3_000]) {
    expect(made.waitMs).toBe(ms);
    clock.now += ms - 1;
    expect([made.admits, made.waitMs]).toEqual([false, 1]);
    clock.now += 1;
    expect([made.admits, made.waitMs]).toEqual([true, 0]);
    fail(1);
  }
  clock.now += 3_000;
  expect(made.admits).toBe(true);
  const probe = made.enter();
  expect(made.waitMs).toBe(3_000);
  made.succeeded(probe);
  fail(3);
  expect(made.waitMs).toBe(1_000);
});
