/** The shared store of limits: its faults, keys that look like commands, and several processes. */
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { RedisServer, wireTo, type Wire } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

let redis: RedisServer;
let wire: Wire;
beforeEach(async () => {
  redis = await RedisServer.start();
  wire = await wireTo(redis.port);
});
afterEach(async () => {
  await closeGrounds();
  await wire.close();
  await redis.close();
});

const opened = (more = '', limit = 'rate: 0.001, burst: 5'): Promise<Ground> =>
  openGround({
    top: `rate_limit: { ${limit}, distributed: { type: redis, address: "127.0.0.1:${wire.port}" } ${more} }
trusted_proxies: [127.0.0.1]`,
  });

const ask = (ground: Ground, address: string): Promise<string> =>
  ground.send(get('/public/x', `X-Forwarded-For: ${address}`));

async function passed(count: number, ...grounds: Ground[]): Promise<number> {
  const asked = Array.from({ length: count }, (_each, at) =>
    ask(grounds[at % grounds.length] as Ground, '203.0.113.1'),
  );
  return (await Promise.all(asked)).filter((answer) => statusOf(answer) === 200).length;
}

/** The number of times a line was written. */
const lines = (ground: Ground, words: RegExp): number =>
  ground
    .output()
    .split('\n')
    .filter((line) => words.test(line)).length;
const DOWN = /the shared store of rate limits is down/;
const UP = /the shared store of rate limits is up/;

interface Fault {
  readonly strike: () => Promise<unknown>;
  readonly mend: () => Promise<unknown>;
}

const config = (pair: string) => redis.ask(`CONFIG SET ${pair}`);

const FAULTS: Readonly<Record<string, () => Fault>> = {
  'refused: killed, and started again': () => ({ strike: () => redis.kill(), mend: () => redis.start() }),
  'hung: it accepts bytes and sends nothing': () => ({
    strike: () => Promise.resolve(redis.signal('SIGSTOP')),
    mend: () => Promise.resolve(redis.signal('SIGCONT')),
  }),
  'slow: five seconds for an answer': () => ({
    strike: () => Promise.resolve((wire.delayMs = 5_000)),
    mend: () => Promise.resolve((wire.delayMs = 0)),
  }),
  'half open: nothing comes back, and the connection stays open': () => ({
    strike: () => Promise.resolve((wire.delayMs = Infinity)),
    mend: () => Promise.resolve((wire.delayMs = 0)),
  }),
  '-READONLY': () => ({
    strike: () => redis.ask('REPLICAOF 127.0.0.1 1'),
    mend: () => redis.ask('REPLICAOF NO ONE'),
  }),
  '-OOM': () => ({ strike: () => config('maxmemory 1'), mend: () => config('maxmemory 0') }),
  NOAUTH: () => ({
    strike: () => redis.ask('CONFIG SET requirepass a-new-password\r\nAUTH a-new-password\r\nCLIENT KILL TYPE normal'),
    mend: () => redis.ask('AUTH a-new-password\r\nCONFIG SET requirepass ""'),
  }),
  '-LOADING': () => ({
    strike: async () => {
      await redis.ask('DEBUG POPULATE 20000 loading 10\r\nSAVE');
      await redis.kill();
      // Without waiting for it: it loads for seconds, and reports it.
      void redis.start('--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024');
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
    mend: () => redis.ask('CONFIG SET key-load-delay 0'),
  }),
};

describe('RL-02 an unusable Redis', () => {
  test.each(Object.keys(FAULTS))(
    '%s: limits of this process meanwhile, no request waits, and Redis is used again by itself',
    async (name) => {
      const { strike, mend } = FAULTS[name]?.() as Fault;
      const ground = await opened();
      await until(
        () => UP.test(ground.output()),
        () => ground.output(),
      );
      expect(await passed(3, ground)).toBe(3);
      await strike();
      const times: number[] = [];
      let through = 0;
      for (let at = 0; at < 30; at++) {
        const begun = performance.now();
        if (statusOf(await ask(ground, '203.0.113.1')) === 200) through++;
        times.push(performance.now() - begun);
      }
      // Two were left of the burst that Redis had counted before. Five would be a bucket of this process.
      expect(through).toBeGreaterThan(0);
      expect(through).toBeLessThanOrEqual(3);
      times.sort((a, b) => a - b);
      // The median on a busy machine. A request that waits for Redis waits for forty of them.
      expect(times[15]).toBeLessThan(50);
      expect(statusOf(await ask(ground, '203.0.113.9'))).toBe(200);
      await until(
        () => lines(ground, DOWN) === 1,
        () => ground.output(),
      );
      await mend();
      await until(
        () => lines(ground, UP) === 2,
        () => ground.output(),
      );
      expect(lines(ground, DOWN)).toBeLessThan(4);
    },
    60_000,
  );

  test('on_store_error: deny refuses with 503 and Retry-After; allow lets pass', async () => {
    const deny = await opened(', on_store_error: deny');
    const allow = await opened(', on_store_error: allow');
    await until(() => UP.test(deny.output()) && UP.test(allow.output()));
    await redis.kill();
    await until(() => DOWN.test(deny.output()) && DOWN.test(allow.output()));
    const answer = await ask(deny, '203.0.113.1');
    expect(statusOf(answer)).toBe(503);
    expect(answer).toMatch(/^Retry-After: \d/m);
    expect(deny.arrived()).toEqual([]);
    expect(await passed(20, allow)).toBe(20);
  });

  test('twin: a Redis that works counts, without a log line', async () => {
    const ground = await opened();
    await until(() => UP.test(ground.output()));
    expect(await passed(20, ground)).toBe(5);
    expect(lines(ground, DOWN)).toBe(0);
  });
});

describe('RL-03 a principal that wants to be a command or another key', () => {
  const NASTY = ['a:b', 'a', 'b', '*', 'FLUSHALL', '{a}', '{b}', 'x'.repeat(250), 'x'.repeat(251)];
  const spend = async (ground: Ground, sub: string): Promise<number[]> => {
    const token = `Authorization: Bearer ${await ground.issuer.token({ sub })}`;
    const answers = [];
    for (let at = 0; at < 3; at++) answers.push(statusOf(await ground.send(get('/internal/x', token))));
    return answers;
  };

  test('each has one bucket, and its text is not in Redis', async () => {
    const ground = await opened('', 'rate: 0.001, burst: 2');
    await until(() => UP.test(ground.output()));
    await redis.ask('SET kept 1');
    for (const sub of NASTY)
      expect([sub.slice(0, 20), await spend(ground, sub)]).toEqual([sub.slice(0, 20), [200, 200, 429]]);
    // The route maps the subject to a header, which cannot carry a line break.
    expect(await spend(ground, 'a\r\nFLUSHALL\r\n')).toEqual([401, 401, 401]);
    expect(await redis.ask('GET kept')).toContain('$1');
    const keys = (await redis.ask('KEYS *')).match(/loom:limit:\{[\w-]+\}/g) ?? [];
    expect(keys.filter((key) => !key.includes('{probe}'))).toHaveLength(NASTY.length);
    const huge = await spend(ground, 'x'.repeat(6_000));
    expect(huge).toEqual([401, 401, 401]);
  });

  test('twin: a plain one also has one', async () => {
    const ground = await opened('', 'rate: 0.001, burst: 2');
    expect(await spend(ground, 'alice')).toEqual([200, 200, 429]);
    expect(await spend(ground, 'bob')).toEqual([200, 200, 429]);
  });
});

describe('RL-07 several processes', () => {
  test('on one Redis admit together the number of one process, plus the refill', async () => {
    const limit = 'rate: 20, burst: 40';
    const grounds = [await opened('', limit), await opened('', limit)];
    await until(() => grounds.every((ground) => UP.test(ground.output())));
    const begun = performance.now();
    let through = 0;
    while (performance.now() - begun < 2_000) through += await passed(20, ...grounds);
    const most = 40 + (20 * (performance.now() - begun)) / 1_000;
    // Each alone, they would admit twice as many. A busy machine may delay Redis once or twice.
    expect(through).toBeLessThanOrEqual(most * 1.6);
    expect(through).toBeGreaterThan(most * 0.8);
  });

  test('twin: each of them counts its own client', async () => {
    const grounds = [await opened(), await opened()];
    await until(() => grounds.every((ground) => UP.test(ground.output())));
    for (const [at, ground] of grounds.entries()) expect(statusOf(await ask(ground, `203.0.113.${at + 1}`))).toBe(200);
  });
});
