/** The budget of failed attempts of one auth method, for each client address. */
import type { IncomingMessage } from 'node:http';
import { FailureBudget } from '../../src/auth/failure-budget.js';
import { UnavailableError } from '../../src/auth/outcome.js';
import { requestStateOf } from '../../src/http/request-state.js';
import { NO_METRICS } from '../support/no-metrics.js';
import { quietLog } from '../support/quiet-log.js';

const from = (address: string): IncomingMessage => {
  const request = {} as IncomingMessage;
  requestStateOf(request).clientAddress = address;
  return request;
};
const THIEF = from('203.0.113.1');
const ALICE = from('203.0.113.200');

function budgetOf(failures: number) {
  const log = quietLog();
  const clock = { now: 1_000_000 };
  const counted: string[] = [];
  const metrics = { ...NO_METRICS, count: (name: string) => void counted.push(name) };
  const deps = { now: () => clock.now, log, metrics };
  return { budget: new FailureBudget('basic', { failures, per: 60_000 }, deps), log, clock, counted };
}

const failing = (request: IncomingMessage, user?: string) => ({
  request,
  ...(user !== undefined && { user }),
  work: () => Promise.resolve('wrong'),
  isFailure: (outcome: string) => outcome === 'wrong',
});
const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (outcome) => outcome,
    (error: unknown) => (error instanceof UnavailableError ? error.verdict : error),
  );

test('attempts above the budget are refused without work, with the rest of the window', async () => {
  const { budget, log, clock, counted } = budgetOf(2);
  expect([await budget.run(failing(THIEF)), await budget.run(failing(THIEF))]).toEqual(['wrong', 'wrong']);
  clock.now += 15_500;
  const work = jest.fn(() => Promise.resolve('right'));
  expect(await refusal(budget.run({ ...failing(THIEF), work }))).toMatchObject({
    kind: 'unavailable',
    reason: 'throttled',
    retryAfter: 45,
  });
  expect(work).not.toHaveBeenCalled();
  expect(budget.isSpent({ request: THIEF })).toBe(true);
  expect(counted).toEqual(['loom_throttled_total']);
  expect(log.entries.map(({ facts }) => facts)).toEqual([{ method: 'basic', client: '203.0.113.1' }]);
});

test('twin: another address, and the same address in the next window, are judged', async () => {
  const { budget, clock } = budgetOf(1);
  await budget.run(failing(THIEF));
  expect(await budget.run(failing(ALICE))).toBe('wrong');
  expect(budget.isSpent({ request: THIEF, user: 'another user' })).toBe(false);
  clock.now += 60_000;
  expect(await budget.run(failing(THIEF))).toBe('wrong');
});

test('work that throws is no failure and leaves the budget', async () => {
  const { budget } = budgetOf(1);
  const bug = new Error('a bug');
  expect(await refusal(budget.run({ ...failing(ALICE), work: () => Promise.reject(bug) }))).toBe(bug);
  expect(await budget.run(failing(ALICE))).toBe('wrong');
});

test('remembered credentials have a budget of their own, and never wait', async () => {
  const { budget, log } = budgetOf(2);
  const running = Array.from({ length: 5 }, () => budget.runKnown(failing(THIEF)));
  expect(await Promise.all(running)).toEqual(Array(5).fill('wrong'));
  expect(await refusal(budget.runKnown(failing(THIEF)))).toMatchObject({ reason: 'throttled' });
  expect(log.entries).toHaveLength(1);
  expect(budget.isSpent({ request: THIEF })).toBe(false);
  expect(await budget.runKnown({ ...failing(ALICE), work: () => Promise.resolve('right') })).toBe('right');
});

test('above the budget a remembered credential passes only from an address that it was accepted from', async () => {
  const { budget, clock } = budgetOf(1);
  budget.trust({ request: ALICE }, 'alice');
  for (const request of [ALICE, THIEF]) await budget.run(failing(request));
  expect([budget.passes({ request: ALICE }, 'alice'), budget.passes({ request: THIEF }, 'alice')]).toEqual([
    true,
    false,
  ]);
  expect(budget.passes({ request: ALICE }, 'bob')).toBe(false);
  clock.now += 30_000;
  expect(budget.passes({ request: ALICE }, 'alice')).toBe(true);
});

test('twin: below the budget it passes from any address, which is then remembered', async () => {
  const { budget } = budgetOf(1);
  expect(budget.passes({ request: THIEF }, 'alice')).toBe(true);
  await budget.run(failing(THIEF));
  expect(budget.passes({ request: THIEF }, 'alice')).toBe(true);
});

test('without limits every attempt is judged', async () => {
  const budget = new FailureBudget('basic', false, { now: () => 0, log: quietLog() });
  for (let at = 0; at < 5; at += 1) {
    expect([await budget.run(failing(THIEF)), await budget.runKnown(failing(THIEF))]).toEqual(['wrong', 'wrong']);
  }
  budget.trust({ request: THIEF }, 'alice');
  expect([budget.passes({ request: THIEF }, 'alice'), budget.isSpent({ request: THIEF })]).toEqual([true, false]);
});
