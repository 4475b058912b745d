import fc from 'fast-check';
import { rateLimitHeaders } from '../../src/limit/headers.js';
import { MemoryLimiter } from '../../src/limit/limiter.js';
import { MemoryStore } from '../../src/limit/memory-store.js';
import { cases } from '../support/fast-check-runs.js';

const START = 1_800_000_000_000;
const RATE = { rate: 10, perMs: 1_000, burst: 2 };

test('never more than burst + rate * t + 1 are admitted, whatever the times', () => {
  const rates = fc.record({
    rate: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
    perMs: fc.constantFrom(1_000, 60_000),
    burst: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 300 }), (rate, steps) => {
      let now = START;
      const limiter = new MemoryLimiter(() => now);
      const admitted = steps.filter((step) => {
        now += step;
        return limiter.take('a', rate).allowed;
      }).length;
      expect(admitted).toBeLessThanOrEqual(rate.burst + ((now - START) * rate.rate) / rate.perMs + 1);
    }),
    cases(100, { cost: 200 }),
  );
});

test('the burst passes, the next waits, and a token comes back with time', () => {
  let now = START;
  const limiter = new MemoryLimiter(() => now);
  expect([1, 2, 3].map(() => limiter.take('a', RATE).allowed)).toEqual([true, true, false]);
  expect(limiter.take('b', RATE).allowed).toBe(true);
  now += 100;
  expect(limiter.take('a', RATE).allowed).toBe(true);
});

test('a clock that is set back by an hour does not lock a client out for an hour', () => {
  let now = START;
  const limiter = new MemoryLimiter(() => now);
  [1, 2, 3].forEach(() => limiter.take('a', RATE));
  now -= 3_600_000;
  expect(limiter.take('a', RATE).allowed).toBe(false);
  now += 100;
  expect(limiter.take('a', RATE).allowed).toBe(true);
});

test('of two buckets both give a token or neither does', () => {
  const limiter = new MemoryLimiter(() => START);
  const wide = { key: 'wide', rate: { ...RATE, burst: 3 } };
  const tight = { key: 'tight', rate: { ...RATE, burst: 1 } };
  expect(limiter.takeAll([wide, tight])).toMatchObject({ allowed: true, limit: 1, remaining: 0 });
  expect(limiter.takeAll([wide, tight])).toMatchObject({ allowed: false, limit: 1 });
  expect(limiter.take('wide', wide.rate).remaining).toBe(1);
});

test('the store is bounded', () => {
  const store = new MemoryStore(() => START, 10);
  const limiter = new MemoryLimiter(() => START, store);
  for (let i = 0; i < 1_000; i += 1) limiter.take(String(i), RATE);
  expect(store.size).toBe(10);
});

test('the headers say what is left and when it is full, and when to come back', () => {
  const limiter = new MemoryLimiter(() => START);
  const rate = { rate: 1, perMs: 10_000, burst: 1 };
  const allowed = {
    RateLimit: '"default";r=0;t=10',
    'RateLimit-Policy': '"default";q=1;w=10',
    'X-RateLimit-Limit': '1',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(START / 1_000 + 10),
  };
  expect(rateLimitHeaders(limiter.take('a', rate))).toEqual(allowed);
  expect(rateLimitHeaders(limiter.take('a', rate))).toEqual({ ...allowed, 'Retry-After': '10' });
});
