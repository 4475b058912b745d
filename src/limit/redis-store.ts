/** Buckets in Redis. One script counts on the clock of Redis, so that instances with different clocks agree. */
import { digestOf } from '../lib/digest.js';
import type { NonEmpty } from '../lib/types.js';
import { redisFaultOf } from '../redis/fault.js';
import { RedisConnection, redisScript, type RedisOptions } from '../redis/redis.js';
import type { Bucket } from './bucket.js';
import { StoreFault, type Claim, type Store, type StoreListener, type Taken } from './store.js';

/**
 * Takes one token of each bucket, or none, with the arithmetic of `bucket.ts`. The value of a bucket is `tokens at`. A
 * bucket expires when it is full again, so that idle callers use no memory of Redis. Milliseconds are doubles.
 */
const TAKE = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left, ats, allowed = {}, {}, 1
for i = 1, #KEYS do
  local rate, per, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local held = redis.call('GET', KEYS[i])
  left[i], ats[i] = burst, now
  if held then
    local tokens, at = string.match(held, '^(%S+) (%S+)$')
    tokens, at = tonumber(tokens) or 0, tonumber(at) or now
    if ARGV[4 * i] == '1' then
      if math.floor(now / per) <= math.floor(at / per) then left[i], ats[i] = math.min(burst, tokens), at end
    else
      left[i] = math.min(burst, tokens + math.max(0, now - at) * rate / per)
    end
  end
  if left[i] < 1 then allowed = 0 end
end
local answer = { allowed, now }
for i = 1, #KEYS do
  local rate, per, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  left[i] = left[i] - allowed
  local full = (burst - left[i]) * per / rate
  if ARGV[4 * i] == '1' then full = per - ats[i] % per + math.max(0, ats[i] - now) end
  local value = string.format('%.9f %.0f', left[i], ats[i])
  redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', math.min(34560000000, math.ceil(full) + 1000)))
  answer[i + 2] = string.format('%.9f', left[i])
end
return answer
`);

/** Returns a token to a bucket, after another bucket of the request was empty. */
const GIVE_BACK = redisScript(`
local held = redis.call('GET', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if not held or ttl <= 0 then return 0 end
local tokens, at = string.match(held, '^(%S+) (%S+)$')
local value = string.format('%.9f %s', math.min(tonumber(ARGV[1]), tonumber(tokens) + 1), at)
redis.call('SET', KEYS[1], value, 'PX', ttl)
return 1
`);

export class RedisStore implements Store {
  readonly ready: Promise<void>;
  readonly #redis: RedisConnection;
  readonly #isCluster: boolean;

  /** @param deadlineMs Milliseconds that Redis has for an answer. */
  constructor(options: RedisOptions, deadlineMs?: number) {
    this.#redis = new RedisConnection(options, deadlineMs);
    this.#isCluster = options.type === 'redis-cluster';
    this.ready = this.#redis.ready;
  }

  get up(): boolean {
    return this.#redis.up;
  }

  async take(claims: NonEmpty<Claim>): Promise<Taken> {
    try {
      return await (claims.length > 1 && this.#isCluster ? this.#takeApart(claims) : this.#takeTogether(claims));
    } catch (error) {
      throw new StoreFault(redisFaultOf(error).reason);
    }
  }

  watch(listener: StoreListener): void {
    this.#redis.watch(listener);
  }

  close(): Promise<void> {
    return this.#redis.close();
  }

  async #takeTogether(claims: NonEmpty<Claim>): Promise<Taken> {
    const [first, ...rest] = claims;
    const args = claims.flatMap(({ rate }) => [rate.rate, rate.perMs, rate.burst, rate.fixed === true ? 1 : 0]);
    const keys = [this.#keyOf(first), ...rest.map((claim) => this.#keyOf(claim))] as const;
    const [allowed, now, ...tokens] = (await this.#redis.script(TAKE, keys, args)) as [number, number, ...string[]];
    return { allowed: allowed === 1, now: Number(now), left: tokens.map((each) => bucketOf(each, Number(now))) };
  }

  /**
   * The buckets of a cluster are in different slots, and a script reaches only one slot. So each bucket has its own
   * script call. If one bucket is empty, the tokens of the others are returned. Until then a bucket holds fewer tokens
   * than it should, never more. If the connection fails in between, the tokens are not returned.
   */
  async #takeApart(claims: NonEmpty<Claim>): Promise<Taken> {
    const each = await Promise.allSettled(claims.map((claim) => this.#takeTogether([claim])));
    const done = each.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
    const allowed = done.every((one) => one?.allowed === true);
    if (!allowed) claims.forEach((claim, at) => done[at]?.allowed === true && this.#giveBack(claim));
    const failed = each.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    const known = done as Taken[];
    const left = known.map(({ left: [bucket], allowed: took }) => {
      const { tokens, at } = bucket as Bucket;
      return { tokens: took && !allowed ? tokens + 1 : tokens, at };
    });
    return { allowed, left, now: Math.max(...known.map(({ now }) => now)) };
  }

  #giveBack(claim: Claim): void {
    this.#redis.script(GIVE_BACK, [this.#keyOf(claim)], [claim.rate.burst]).catch(() => undefined);
  }

  /**
   * The key is a digest. A subject may contain braces, which choose a slot, and Redis does not need the names of
   * callers.
   */
  #keyOf({ key }: Claim): string {
    return this.#redis.keyOf(digestOf([key]));
  }
}

const bucketOf = (tokens: string, now: number): Bucket => ({ tokens: Number(tokens), at: now });
