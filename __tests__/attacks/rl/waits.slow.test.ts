/** The delay that a hung Redis adds to one request, however many limits are counted there. */
import { MemoryLimiter, type Patience } from '../../../src/limit/limiter.js';
import { Limiters } from '../../../src/runtime/limiters.js';
import { quietLog } from '../../support/quiet-log.js';
import { RedisServer } from '../../support/redis-server.js';

/** Long enough for a busy machine. */
const DEADLINE_MS = 600;
const rate = { rate: 0.001, perMs: 1_000, burst: 5 };

test('a request that has waited for one answer waits for no second one, and is still counted', async () => {
  const redis = await RedisServer.start();
  const limiters = new Limiters({ now: Date.now, log: quietLog(), deadlineMs: DEADLINE_MS });
  const addresses = [{ host: '127.0.0.1', port: redis.port, tls: false }] as const;
  const lease = limiters.lease({
    redis: { type: 'redis', addresses, keyPrefix: 'waits:' },
    onStoreError: 'local',
  });
  try {
    await lease.limiter.ready;
    const take = async (key: string, patience: Patience) => {
      const start = performance.now();
      const decision = await lease.limiter.takeAll([{ key, rate }], patience);
      return { remaining: decision?.remaining, waited: performance.now() - start > DEADLINE_MS / 2 };
    };
    const twin = { spent: false };
    expect([await take('early', twin), await take('late', twin)]).toEqual(
      Array(2).fill({ remaining: 4, waited: false }),
    );
    redis.signal('SIGSTOP');
    const patience = { spent: false };
    expect(await take('early', patience)).toEqual({ remaining: 3, waited: true });
    expect(await take('late', patience)).toEqual({ remaining: 3, waited: false });
  } finally {
    redis.signal('SIGCONT');
    await lease.release();
    await redis.close();
  }
});

test('twin: a limit that is counted in this process causes no wait', () => {
  expect(new MemoryLimiter(Date.now).takeAll([{ key: 'k', rate }]).remaining).toBe(4);
});
