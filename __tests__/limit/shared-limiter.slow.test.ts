import { Limiters } from '../../src/runtime/limiters.js';
import type { Limiter, RateLimitDecision } from '../../src/limit/limiter.js';
import type { Claim } from '../../src/limit/store.js';
import type { RedisOptions } from '../../src/redis/redis.js';
import { quietLog } from '../support/quiet-log.js';
import { RedisServer } from '../support/redis-server.js';

/** Forty milliseconds are no time on a busy machine, and here it is the counts that matter. */
const PATIENT = 400;

let redis: RedisServer;
const closers: (() => Promise<unknown>)[] = [];
beforeAll(async () => void (redis = await RedisServer.start()));
afterAll(() => redis.close());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await redis.ask('FLUSHALL');
});

async function limiter(more: Partial<RedisOptions> = {}): Promise<Limiter> {
  const limiters = new Limiters({ now: Date.now, log: quietLog(), deadlineMs: PATIENT });
  const addresses = [{ host: '127.0.0.1', port: redis.port, tls: false }] as const;
  const options: RedisOptions = { type: 'redis', addresses: [...addresses], keyPrefix: 'test:', ...more };
  const lease = limiters.lease({ redis: options, onStoreError: 'deny' });
  closers.push(() => lease.release());
  await lease.limiter.ready;
  return lease.limiter;
}

const SLOW = { rate: 1, perMs: 3_600_000, burst: 3 };
const claim = (key: string, rate: Claim['rate'] = SLOW): Claim => ({ key, rate });

const take = async (from: Limiter, ...claims: Claim[]): Promise<RateLimitDecision> =>
  (await from.takeAll(claims as unknown as readonly [Claim])) as RateLimitDecision;

const allowed = async (from: Limiter, count: number, ...claims: Claim[]): Promise<number> => {
  const all = await Promise.all(Array.from({ length: count }, () => take(from, ...claims)));
  return all.filter((each) => each.allowed).length;
};

test('two instances draw from one bucket, at once as well, and a token comes back with time', async () => {
  const [a, b] = [await limiter(), await limiter()];
  const rate = { rate: 4, perMs: 1_000, burst: 20 };
  const [first, second] = await Promise.all([allowed(a, 50, claim('k', rate)), allowed(b, 50, claim('k', rate))]);
  expect(first + second).toBeGreaterThanOrEqual(20);
  // Four more for each second that the fifty of each took.
  expect(first + second).toBeLessThan(40);
  expect(await take(b, claim('k', rate))).toMatchObject({ allowed: false, remaining: 0, retryAfterSeconds: 1 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await take(a, claim('k', rate))).toMatchObject({ allowed: true });
});

test('of several buckets each gives a token or none does', async () => {
  const shared = await limiter();
  const tight = claim('tight', { ...SLOW, burst: 1 });
  expect(await take(shared, claim('wide'), tight)).toMatchObject({ allowed: true, limit: 1, remaining: 0 });
  expect(await take(shared, claim('wide'), tight)).toMatchObject({ allowed: false, limit: 1 });
  expect(await take(shared, claim('wide'))).toMatchObject({ allowed: true, remaining: 1 });
});

test('a quota gives nothing back within its window, and all of it in the next', async () => {
  const shared = await limiter();
  const quota = claim('q', { rate: 3, perMs: 2_000, burst: 3, fixed: true });
  // From the beginning of a window, by the clock that this machine and its Redis have in common.
  await new Promise((resolve) => setTimeout(resolve, 2_000 - (Date.now() % 2_000) + 20));
  expect(await allowed(shared, 10, quota)).toBe(3);
  const over = await take(shared, quota);
  if (Date.now() % 2_000 > 100) expect(over).toMatchObject({ allowed: false, remaining: 0 });
  await new Promise((resolve) => setTimeout(resolve, 2_000 - (Date.now() % 2_000) + 20));
  expect(await allowed(shared, 3, quota)).toBe(3);
});

test('Redis keeps nothing of a bucket that is full again, and never who it belongs to', async () => {
  const shared = await limiter();
  const subject = 'a:b*{c}\r\nFLUSHALL\r\n';
  await redis.ask('SET kept 1');
  await allowed(shared, 2, claim(subject, { rate: 100, perMs: 1_000, burst: 2 }), claim('x'.repeat(1e6)));
  const keys = await redis.ask('KEYS test:*');
  expect(keys.match(/test:\{[\w-]{43}\}\r/g)).toHaveLength(2);
  expect(keys).not.toContain('FLUSHALL');
  expect(await redis.ask('GET kept')).toContain('$1');
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  // The slow one is still there, the fast one is not.
  expect((await redis.ask('KEYS test:*')).match(/test:/g)).toHaveLength(1);
});

test('a key of the wrong type counts as a fault of its own: the others go on', async () => {
  const shared = await limiter();
  await take(shared, claim('mine'));
  const [key = ''] = /test:\{[\w-]{43}\}/.exec(await redis.ask('KEYS test:*')) ?? [];
  await redis.ask(`DEL ${key}`);
  await redis.ask(`LPUSH ${key} 1`);
  expect(await take(shared, claim('mine'))).toMatchObject({ allowed: false, unavailable: true });
  expect(await take(shared, claim('other'))).toMatchObject({ allowed: true });
  await redis.ask(`SET ${key} nonsense`);
  expect(await take(shared, claim('mine'))).toMatchObject({ allowed: false });
});

test('tables that say the same share a connection; it ends with the last of them', async () => {
  const limiters = new Limiters({ now: Date.now, log: quietLog(), deadlineMs: PATIENT });
  const say = (password?: string) => ({
    redis: {
      type: 'redis' as const,
      addresses: [{ host: '127.0.0.1', port: redis.port, tls: false }] as const,
      keyPrefix: 'test:',
      ...(password !== undefined && { password }),
    },
    onStoreError: 'deny' as const,
  });
  const [a, b] = [limiters.lease(say()), limiters.lease(say())];
  expect(b.limiter).toBe(a.limiter);
  const other = limiters.lease(say('another-word'));
  expect(other.limiter).not.toBe(a.limiter);
  await a.limiter.ready;
  await a.release();
  await a.release();
  expect(await take(b.limiter, claim('k'))).toMatchObject({ allowed: true });
  await Promise.all([b.release(), other.release()]);
  expect(await take(b.limiter, claim('k'))).toMatchObject({ unavailable: true });
});
