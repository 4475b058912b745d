/** A limiter counts in any store, and the store decides nothing but the counts. */
import type { RateLimitDecision } from '../../src/limit/limiter.js';
import { MemoryLimiter } from '../../src/limit/limiter.js';
import { MemoryStore } from '../../src/limit/memory-store.js';
import { SharedLimiter, type OnStoreError } from '../../src/limit/shared-limiter.js';
import { StoreFault, type Store, type StoreListener, type Taken } from '../../src/limit/store.js';
import { quietLog } from '../support/quiet-log.js';

const now = (): number => 1_800_000_000_000;
const CLAIM = { key: 'k', rate: { rate: 1, perMs: 60_000, burst: 3 } };

/** A store whose answers the test decides. */
class ScriptedStore implements Store {
  readonly ready = Promise.resolve();
  readonly close = (): Promise<void> => Promise.resolve();
  up = true;
  asked = 0;
  answer: () => Promise<Taken> = () => Promise.reject(new StoreFault('timeout'));
  #listener: StoreListener = () => undefined;

  take(): Promise<Taken> {
    this.asked += 1;
    return this.answer();
  }

  watch(listener: StoreListener): void {
    this.#listener = listener;
  }

  becomes(up: boolean, reason?: string): void {
    this.up = up;
    this.#listener(up, reason);
  }
}

const limiterOf = (store: Store, onStoreError: OnStoreError, log = quietLog()) => {
  const local = new MemoryLimiter(now);
  return { limiter: new SharedLimiter({ store, local, onStoreError, log }), local, log };
};

test('a shared limiter over the memory store answers without a promise, as the local limiter does', () => {
  const { limiter } = limiterOf(new MemoryStore(now), 'deny');
  const local = new MemoryLimiter(now);
  for (const allowed of [true, true, true, false]) {
    const decision = limiter.takeAll([CLAIM]) as RateLimitDecision;
    expect(decision).toEqual(local.takeAll([CLAIM]));
    expect(decision.allowed).toBe(allowed);
  }
});

test.each<[OnStoreError, unknown]>([
  ['local', { allowed: true, remaining: 2 }],
  ['deny', { allowed: false, unavailable: true, retryAfterSeconds: 1 }],
  ['allow', undefined],
])('on_store_error %s decides where the store fails and where it is down', async (onStoreError, expected) => {
  const failing = new ScriptedStore();
  const down = new ScriptedStore();
  down.becomes(false, 'closed');
  for (const store of [failing, down]) {
    const decision = await limiterOf(store, onStoreError).limiter.takeAll([CLAIM]);
    if (expected === undefined) expect(decision).toBeUndefined();
    else expect(decision).toMatchObject(expected as object);
  }
  expect([failing.asked, down.asked]).toEqual([1, 0]);
});

test('local counts continue from those of the store', async () => {
  const store = new ScriptedStore();
  store.answer = () => Promise.resolve({ allowed: true, left: [{ tokens: 1, at: now() }], now: now() });
  const { limiter } = limiterOf(store, 'local');
  expect(await limiter.takeAll([CLAIM])).toMatchObject({ allowed: true, remaining: 1 });
  store.becomes(false, 'timeout');
  expect(await limiter.takeAll([CLAIM])).toMatchObject({ allowed: true, remaining: 0 });
  expect(await limiter.takeAll([CLAIM])).toMatchObject({ allowed: false });
});

test('each change of the state is logged with its reason', () => {
  const store = new ScriptedStore();
  const { log } = limiterOf(store, 'deny');
  store.becomes(false, 'read_only');
  store.becomes(true);
  expect(log.entries).toEqual([
    expect.objectContaining({
      level: 'warn',
      facts: { reason: 'read_only', on_store_error: 'deny' },
      words: 'the shared store of rate limits is down',
    }),
    expect.objectContaining({ level: 'info', words: 'the shared store of rate limits is up' }),
  ]);
});
