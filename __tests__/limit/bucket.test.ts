import fc from 'fast-check';
import { msUntil, refilled, type Bucket } from '../../src/limit/bucket.js';
import { rateLimitHeaders } from '../../src/limit/headers.js';
import { MemoryLimiter } from '../../src/limit/limiter.js';
import { cases } from '../support/fast-check-runs.js';

const RATE = { rate: 2, perMs: 1_000, burst: 4 };

it('begins full and never holds more than the burst', () => {
  expect(refilled(undefined, RATE, 5)).toEqual({ tokens: 4, at: 5 });
  expect(refilled({ tokens: 3, at: 0 }, RATE, 1e12)).toEqual({ tokens: 4, at: 1e12 });
  expect(refilled({ tokens: 1, at: 0 }, RATE, 500)).toEqual({ tokens: 2, at: 500 });
});

it('gives as much in many looks as in one', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 50 });
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (times, tokens) => {
      let now = 0;
      let bucket: Bucket = { tokens, at: 0 };
      for (const step of times) bucket = refilled(bucket, RATE, (now += step));
      expect(bucket.tokens).toBeCloseTo(refilled({ tokens, at: 0 }, RATE, now).tokens, 6);
    }),
    cases(100),
  );
});

it('takes nothing and gives nothing for a clock set back', () => {
  expect(refilled({ tokens: 1, at: 10_000 }, RATE, 0)).toEqual({ tokens: 1, at: 0 });
});

it('says when there will be enough, or that there never will', () => {
  const bucket = { tokens: 1, at: 0 };
  expect(msUntil(1, bucket, RATE)).toBe(0);
  expect(msUntil(2, bucket, RATE)).toBe(500);
  expect(refilled(bucket, RATE, msUntil(3, bucket, RATE)).tokens).toBeCloseTo(3);
  expect(msUntil(5, bucket, RATE)).toBe(Infinity);
  expect(msUntil(2, bucket, { ...RATE, rate: 0 })).toBe(Infinity);
});

it('that never fills again still gives headers that clients can read', () => {
  const limiter = new MemoryLimiter(() => 1_800_000_000_000);
  const rate = { rate: 0, perMs: 1_000, burst: 1 };
  const [first, second] = [limiter.take('a', rate), limiter.take('a', rate)];
  expect([first.allowed, second.allowed]).toEqual([true, false]);
  const headers = rateLimitHeaders(second);
  for (const name of ['Retry-After', 'X-RateLimit-Reset', 'X-RateLimit-Limit', 'X-RateLimit-Remaining'])
    expect(headers[name]).toMatch(/^\d+$/);
  expect(headers['RateLimit']).toMatch(/^"default";r=0;t=\d+$/);
  expect(headers['RateLimit-Policy']).toBe('"default";q=1;w=1');
  expect(rateLimitHeaders(first)).not.toHaveProperty('Retry-After');
});

it('of several limits, the limit with the longest wait is reported, in any order', () => {
  const slow = { key: 'slow', rate: { rate: 1, perMs: 60_000, burst: 1 } };
  const fast = { key: 'fast', rate: { rate: 1, perMs: 1_000, burst: 1 } };
  for (const claims of [[slow, fast] as const, [fast, slow] as const]) {
    const limiter = new MemoryLimiter(() => 0);
    limiter.takeAll(claims);
    expect(limiter.takeAll(claims)).toMatchObject({ allowed: false, retryAfterSeconds: 60 });
  }
});
