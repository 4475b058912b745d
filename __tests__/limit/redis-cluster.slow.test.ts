import { digestOf } from '../../src/lib/digest.js';
import type { RateLimitDecision } from '../../src/limit/limiter.js';
import type { Claim } from '../../src/limit/store.js';
import { Limiters } from '../../src/runtime/limiters.js';
import { quietLog } from '../support/quiet-log.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

const SLOTS = [
  [0, 5_460],
  [5_461, 10_922],
  [10_923, 16_383],
] as const;

/** Forty milliseconds are no time on a busy machine, and here it is the counts that matter. */
const PATIENT = 400;

let nodes: RedisServer[] = [];
beforeAll(async () => {
  nodes = await Promise.all(SLOTS.map(() => RedisServer.start('--cluster-enabled', 'yes')));
  const [first] = nodes as [RedisServer];
  for (const [at, node] of nodes.entries()) {
    await node.ask(`CLUSTER ADDSLOTSRANGE ${SLOTS[at]?.join(' ')}`);
    await node.ask(`CLUSTER SET-CONFIG-EPOCH ${at + 1}`);
    if (node !== first) await first.ask(`CLUSTER MEET 127.0.0.1 ${node.port}`);
  }
  const formed = async (): Promise<boolean> => {
    const states = await Promise.all(nodes.map((node) => node.ask('CLUSTER INFO')));
    return states.every((state) => /cluster_state:ok/.test(state) && /cluster_known_nodes:3/.test(state));
  };
  while (!(await formed())) await new Promise((resolve) => setTimeout(resolve, 100));
}, 60_000);
afterAll(() => Promise.all(nodes.map((node) => node.close())));

const SLOW = { rate: 1, perMs: 3_600_000, burst: 3 };

test('buckets of one request in several slots give a token each or none; a lost node means limits of this instance', async () => {
  const log = quietLog();
  const limiters = new Limiters({ now: Date.now, log, deadlineMs: PATIENT });
  const addresses = [{ host: '127.0.0.1', port: nodes[0]?.port ?? 0, tls: false }] as const;
  const lease = limiters.lease({ redis: { type: 'redis-cluster', addresses, keyPrefix: 't:' }, onStoreError: 'local' });
  await lease.limiter.ready;
  const take = async (...claims: Claim[]): Promise<RateLimitDecision> =>
    (await lease.limiter.takeAll(claims as unknown as readonly [Claim])) as RateLimitDecision;
  await until(() => log.entries.some(({ words }) => words === 'the shared store of rate limits is up'));

  const wide = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => ({ key, rate: SLOW }));
  const tight = { key: 'tight', rate: { ...SLOW, burst: 1 } };
  expect(await take(...wide, tight)).toMatchObject({ allowed: true, limit: 1 });
  const counts = await Promise.all(nodes.map((node) => node.ask('DBSIZE')));
  expect(counts.filter((each) => !each.startsWith(':0')).length).toBeGreaterThan(1);
  expect(await take(...wide, tight)).toMatchObject({ allowed: false, limit: 1 });
  // What was given back is there: two of three are left in each.
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const each of wide) expect(await take(each)).toMatchObject({ allowed: true, remaining: 1 });

  await nodes[2]?.kill();
  const answers: RateLimitDecision[] = [];
  for (let round = 0; round < 40; round++) {
    const from = performance.now();
    answers.push(await take({ key: `user ${digestOf([String(round % 4)])}`, rate: SLOW }));
    expect(performance.now() - from).toBeLessThan(500);
  }
  const passed = answers.filter(({ allowed }) => allowed).length;
  // Four users of three requests each; at worst once in Redis and once more here.
  expect(passed).toBeGreaterThanOrEqual(12);
  expect(passed).toBeLessThanOrEqual(24);
  await lease.release();
}, 60_000);
