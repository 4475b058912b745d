/** Numbers and clocks of limits, and the memory of clients that come once. */
import { MemoryLimiter } from '../../../src/limit/limiter.js';
import { MemoryStore } from '../../../src/limit/memory-store.js';
import { compile, errorsOf } from '../../config/files.js';

const START = 1_800_000_000_000;
const ROUTE = 'routes: [{path: /a, auth: none}]\n';

describe('RL-06 clocks and bursts', () => {
  test('ten thousand in a second, idle, and again: the burst and the refill', () => {
    let now = START;
    const limiter = new MemoryLimiter(() => now);
    const rate = { rate: 100, perMs: 1_000, burst: 200 };
    const flood = (): number => {
      let through = 0;
      for (let at = 0; at < 10_000; at++) {
        now += 0.1;
        if (limiter.take('a', rate).allowed) through++;
      }
      return through;
    };
    expect(flood()).toBeLessThanOrEqual(301);
    now += 3_600_000;
    expect(flood()).toBeLessThanOrEqual(301);
    now += 250;
    expect(flood()).toBeLessThanOrEqual(126);
    now -= 3_600_000;
    expect(flood()).toBeLessThanOrEqual(101);
    now += 3_600_000;
    expect(flood()).toBeLessThanOrEqual(301);
  });

  test('a quota holds on both sides of the edge of its window, and a clock set back opens no other', () => {
    const day = 86_400_000;
    const rate = { rate: 5, perMs: day, burst: 5, fixed: true };
    let now = Math.ceil(START / day) * day - 1;
    const limiter = new MemoryLimiter(() => now);
    const flood = (): number =>
      Array.from({ length: 20 }, () => limiter.take('a', rate)).filter((d) => d.allowed).length;
    expect(flood()).toBe(5);
    now += 1;
    expect(flood()).toBe(5);
    now += day - 1;
    expect(flood()).toBe(0);
    now -= day;
    expect(flood()).toBe(0);
    now += day + 1;
    expect(flood()).toBe(5);
    expect(limiter.take('a', rate)).toMatchObject({ allowed: false, retryAfterSeconds: day / 1_000 });
  });

  test.each(['0', '-1', '.inf', '-.inf', '.nan', '"100"', '1e308', 'true', '[]'])(
    'an invalid rate is an error of the file: %s',
    (rate) => {
      expect(errorsOf(`${ROUTE}rate_limit: {rate: ${rate}}\n`)[0]).toMatchObject({ path: 'rate_limit.rate' });
      expect(errorsOf(`routes: [{path: /a, auth: none, rate_limit: {rate: ${rate}}}]\n`)).not.toEqual([]);
    },
  );

  test.each(['0', '-1', '0.5', '.inf', '"5"'])('an invalid burst: %s', (burst) => {
    expect(errorsOf(`${ROUTE}rate_limit: {rate: 5, burst: ${burst}}\n`)[0]).toMatchObject({ path: 'rate_limit.burst' });
  });

  test('twin: half a request a second, and a burst below the rate, are exact', () => {
    expect(compile(`${ROUTE}rate_limit: {rate: 0.5}\n`).plan.rateLimit?.rate).toEqual({
      rate: 0.5,
      perMs: 1_000,
      burst: 1,
    });
    let now = START;
    const limiter = new MemoryLimiter(() => now);
    const { rate } = compile(`${ROUTE}rate_limit: {rate: 100, burst: 2}\n`).plan.rateLimit ?? {};
    const two = [1, 2, 3].map(() => limiter.take('a', rate as NonNullable<typeof rate>).allowed);
    expect(two).toEqual([true, true, false]);
    now += 10;
    expect(limiter.take('a', rate as NonNullable<typeof rate>).allowed).toBe(true);
  });
});

describe('RL-08 a client with a new identity each time', () => {
  const rate = { rate: 1, perMs: 3_600_000, burst: 3 };

  test('three hundred thousand keys leave as many buckets as fit', () => {
    const store = new MemoryStore(() => START);
    const limiter = new MemoryLimiter(() => START, store);
    for (let at = 0; at < 300_000; at++) limiter.take(`somebody ${at}`, rate);
    expect(store.size).toBe(100_000);
  });

  test('twin: who comes all the while keeps a bucket of his own', () => {
    const limiter = new MemoryLimiter(() => START, new MemoryStore(() => START, 1_000));
    let through = 0;
    for (let at = 0; at < 100_000; at++) {
      limiter.take(`somebody ${at}`, rate);
      if (at % 500 === 0 && limiter.take('regular', rate).allowed) through++;
    }
    expect(through).toBe(3);
  });
});
