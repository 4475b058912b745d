import { Throttle, type Entrance } from '../../src/limit/throttle.js';

let clock = 1_700_000_000_000;
const throttle = (failures: number, max?: number) => new Throttle({ failures, per: 60_000 }, () => clock, max);

/** One attempt from start to end. */
async function attempt(on: Throttle, key: string, failed = true): Promise<Entrance['kind']> {
  const entrance = await on.enter(key);
  if (entrance.kind === 'entered') on.leave(key, failed);
  return entrance.kind;
}

async function attempts(on: Throttle, key: string, count: number): Promise<string[]> {
  const kinds: string[] = [];
  for (let at = 0; at < count; at++) kinds.push(await attempt(on, key));
  return kinds;
}

test('so many failures in a window, not one more; then a new window', async () => {
  const on = throttle(3);
  expect(await attempts(on, 'a', 5)).toEqual(['entered', 'entered', 'entered', 'spent', 'spent']);
  clock += 59_999;
  expect(await on.enter('a')).toEqual({ kind: 'spent', waitMs: 1 });
  clock += 1;
  expect(await attempts(on, 'a', 4)).toEqual(['entered', 'entered', 'entered', 'spent']);
});

test('what succeeds costs nothing, and gives nothing back', async () => {
  const on = throttle(2);
  for (let at = 0; at < 50; at++) expect(await attempt(on, 'a', false)).toBe('entered');
  expect(await attempt(on, 'a')).toBe('entered');
  for (let at = 0; at < 50; at++) expect(await attempt(on, 'a', false)).toBe('entered');
  expect(await attempts(on, 'a', 2)).toEqual(['entered', 'spent']);
});

test('one key’s failures are no other’s', async () => {
  const on = throttle(1);
  expect(await attempts(on, 'a', 2)).toEqual(['entered', 'spent']);
  expect(await attempts(on, 'b', 2)).toEqual(['entered', 'spent']);
});

test('the last failure of the budget is reported once', () => {
  const on = throttle(2);
  void on.enter('a');
  expect(on.leave('a', true)).toBe(false);
  void on.enter('a');
  expect(on.leave('a', true)).toBe(true);
});

test('a thousand at once start no more than the budget has, and the rest are refused with it', async () => {
  const on = throttle(20);
  const entrances = Array.from({ length: 1_000 }, () => on.enter('a'));
  const started = entrances.filter((each) => !(each instanceof Promise));
  expect(started).toHaveLength(20);
  started.forEach(() => on.leave('a', true));
  const kinds = (await Promise.all(entrances.map(async (each) => each))).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'spent')).toHaveLength(980);
  expect(on.size).toEqual({ windows: 1, waiting: 0, queues: 0 });
});

test('a thousand honest ones at once all pass, a few at a time', async () => {
  const on = throttle(20);
  let [running, most] = [0, 0];
  const kinds = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const { kind } = await on.enter('a');
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      on.leave('a', false);
      return kind;
    }),
  );
  expect([new Set(kinds), most]).toEqual([new Set(['entered']), 20]);
  expect(on.size).toEqual({ windows: 0, waiting: 0, queues: 0 });
});

describe('while those under way take too long', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('a request waits at most five seconds', async () => {
    const on = throttle(1);
    void on.enter('a');
    const waiting = on.enter('a');
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await waiting).toEqual({ kind: 'crowded' });
    on.leave('a', false);
    expect(on.size).toEqual({ windows: 0, waiting: 0, queues: 0 });
    expect(await attempt(on, 'a')).toBe('entered');
  });

  test('and no more than a few thousand wait', async () => {
    const on = throttle(1);
    void on.enter('a');
    const waiting = Array.from({ length: 5_000 }, () => on.enter('a'));
    expect(on.size.waiting).toBe(4_096);
    on.leave('a', true);
    const kinds = (await Promise.all(waiting.map(async (each) => each))).map(({ kind }) => kind);
    expect([kinds.filter((kind) => kind === 'spent').length, kinds.at(-1)]).toEqual([4_096, 'crowded']);
  });
});

test('however many keys there are, no more are remembered than fit', async () => {
  const on = throttle(20, 1_000);
  for (let at = 0; at < 20_000; at++) await attempt(on, `key ${at}`);
  expect(on.size).toEqual({ windows: 1_000, waiting: 0, queues: 0 });
});

test('a clock set back stretches no window', async () => {
  const on = throttle(1);
  expect(await attempts(on, 'a', 2)).toEqual(['entered', 'spent']);
  clock -= 3_600_000;
  expect(await attempts(on, 'a', 2)).toEqual(['entered', 'spent']);
});
