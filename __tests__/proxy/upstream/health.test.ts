/** Endpoints that die, hang and come back, as their health checks find them. */
import { closeUpstreamGrounds, moody, upstreamGround, type MoodyEndpoint } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

afterEach(closeUpstreamGrounds);

const CHECK = {
  path: '/health',
  intervalMs: 50,
  timeoutMs: 2_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  expectedStatus: [200],
};

const checked = (more: Partial<typeof CHECK> = {}) => ({ healthCheck: { ...CHECK, ...more } });

const askedOf = (endpoints: readonly MoodyEndpoint[]): number[] => endpoints.map(({ asked }) => asked.length);

test('an endpoint that dies takes nothing more, and comes back when it does', async () => {
  const [a, b] = [await moody(), await moody()];
  const ground = await upstreamGround([a, b], { plan: checked() });
  for (let n = 0; n < 4; n++) expect((await ground.get()).status).toBe(200);
  expect(askedOf([a, b])).toEqual([2, 2]);
  await a.stop();
  await until(() => ground.words().includes('endpoint is unhealthy and takes no new requests'));
  for (let n = 0; n < 6; n++) expect((await ground.get()).status).toBe(200);
  expect(askedOf([a, b])).toEqual([2, 8]);
  expect(ground.upstream.status().endpoints.map(({ up, healthy }) => [up, healthy])).toEqual([
    [false, false],
    [true, true],
  ]);
  await a.start();
  await until(() => ground.words().includes('endpoint is healthy again and takes requests'));
  for (let n = 0; n < 4; n++) expect((await ground.get()).status).toBe(200);
  expect(askedOf([a, b])).toEqual([4, 10]);
  // One line for each change, however many checks there were.
  expect(ground.words()).toEqual([
    'endpoint is unhealthy and takes no new requests',
    'endpoint is healthy again and takes requests',
  ]);
  expect(ground.log[0]?.facts).toEqual({ upstream: 'backend', endpoint: a.host, cause: 'ECONNREFUSED' });
  expect(ground.counted('loom_upstream_up').map(({ endpoint, value }) => [endpoint === a.host, value])).toEqual([
    [true, 1],
    [false, 1],
    [true, 0],
    [true, 1],
  ]);
});

test.each([
  ['answers another status', 503, '503'],
  ['redirects', 302, '302'],
  ['hangs', 'hang', 'LOOM_UPSTREAM_TIMEOUT'],
  ['resets', 'reset', 'ECONNRESET'],
  ['speaks something else', 'garbage', 'HPE_INVALID_CONSTANT'],
] as const)('an endpoint that %s is unhealthy, though it takes connections', async (_what, mood, cause) => {
  const [sick, well] = [await moody(), await moody()];
  sick.health = mood;
  const ground = await upstreamGround([sick, well], { plan: checked({ timeoutMs: 200 }) });
  await until(() => ground.words().length > 0);
  expect(ground.log[0]?.facts).toMatchObject({ endpoint: sick.host, cause });
  for (let n = 0; n < 3; n++) expect((await ground.get()).status).toBe(200);
  expect(sick.asked).toEqual([]);
});

test('a list of statuses may say that all is well', async () => {
  const endpoint = await moody();
  endpoint.health = 204;
  const ground = await upstreamGround([endpoint], { plan: checked({ expectedStatus: [200, 204] }) });
  await until(() => endpoint.checks.length > 4);
  expect(ground.words()).toEqual([]);
  expect(ground.counted('loom_upstream_health_checks_total')[0]).toMatchObject({ outcome: 'healthy' });
});

test('one bad check says nothing, nor does one good one', async () => {
  const endpoint = await moody();
  let bad = 0;
  endpoint.health = (_req, res) => res.writeHead(bad++ % 3 === 2 ? 200 : 503).end();
  const ground = await upstreamGround([endpoint], { plan: checked() });
  await until(() => endpoint.checks.length > 10);
  expect(ground.words()).toEqual([]);
  endpoint.health = (_req, res) => res.writeHead(bad++ % 2 === 0 ? 200 : 503).end();
  endpoint.health = 503;
  await until(() => ground.words().length === 1);
  endpoint.health = (_req, res) => res.writeHead(bad++ % 2 === 0 ? 200 : 503).end();
  const before = endpoint.checks.length;
  await until(() => endpoint.checks.length > before + 10);
  expect(ground.words()).toHaveLength(1);
});

test('where none is healthy, 503 at once with a code of its own, and no endpoint is asked', async () => {
  const [a, b] = [await moody(), await moody()];
  [a.health, b.health] = [503, 503];
  const ground = await upstreamGround([a, b], { plan: checked() });
  await until(() => ground.words().length === 2);
  const answer = await ground.get();
  expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([503, 'upstream_unavailable', '5']);
  expect(askedOf([a, b])).toEqual([0, 0]);
  expect(ground.counted('loom_upstream_failures_total')).toEqual([
    { upstream: 'backend', endpoint: 'none', code: 'upstream_unavailable', value: 1 },
  ]);
  b.health = 200;
  await until(() => ground.words().length > 3);
  expect((await ground.get()).status).toBe(200);
});

test('checks of one endpoint never overlap, and their pauses differ', async () => {
  const endpoint = await moody();
  let [busy, most] = [0, 0];
  endpoint.health = (_req, res) => {
    most = Math.max(most, ++busy);
    setTimeout(() => (busy--, res.end()), 120);
  };
  await upstreamGround([endpoint], { plan: checked({ intervalMs: 20 }) });
  await until(() => endpoint.checks.length > 8);
  expect(most).toBe(1);
  const pauses = endpoint.checks.slice(1).map((at, n) => Math.round(at - (endpoint.checks[n] as number)));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(120);
});

test.each([
  [0, 0, 9_000],
  [0.2, 100, 9_400],
  [0.999, 499.5, 10_998],
])(
  'where chance says %d, the first check comes after %d ms and the second %d ms behind it',
  async (lot, first, pause) => {
    const endpoint = await moody();
    const set = jest.spyOn(global, 'setTimeout');
    try {
      await upstreamGround([endpoint], { plan: checked({ intervalMs: 10_000 }), deps: { random: () => lot } });
      const delays = (): readonly (number | undefined)[] => set.mock.calls.map(([, ms]) => ms);
      expect(delays()[0]).toBeCloseTo(first, 5);
      await until(() => delays().some((ms) => ms !== undefined && Math.abs(ms - pause) < 0.001));
      expect(endpoint.checks).toHaveLength(1);
    } finally {
      set.mockRestore();
    }
  },
);

test('nothing is checked any more after close, and a check under way is dropped', async () => {
  const endpoint = await moody();
  endpoint.health = 'hang';
  const ground = await upstreamGround([endpoint], { plan: checked() });
  await until(() => endpoint.checks.length === 1);
  ground.upstream.close();
  await until(() => endpoint.open === 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(endpoint.checks).toHaveLength(1);
  expect(ground.words()).toEqual([]);
});
