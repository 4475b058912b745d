/** What is sent once more, where to, and what never is. */
import { connect } from 'node:net';
import type { PlannedRetry } from '../../../src/config/plan-types.js';
import { recordingUpstream, type Recording } from '../../support/recording-upstream.js';
import { closeUpstreamGrounds, moody, upstreamGround } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await closeUpstreamGrounds();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const retrying = (more: Partial<PlannedRetry> = {}) => ({
  retry: { maxRetries: 3, backoffBaseMs: 5, backoffMaxMs: 20, codes: [502, 503, 504], ...more },
});

test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])(
  '%s goes to the next endpoint when one answers 503',
  async (method) => {
    const [sick, well] = [await moody(503), await moody()];
    const ground = await upstreamGround([sick, well], { plan: retrying() });
    const answer = await ground.get('/thing?a=1', { method });
    expect([answer.status, answer.body]).toEqual([200, method === 'HEAD' ? '' : 'answer']);
    // Nothing of the first answer is in the second.
    expect(answer.headers.get('x-endpoint')).toBe(well.host.split(':')[1]);
    expect([sick.asked, well.asked].map((asked) => asked.map((each) => [each.method, each.url]))).toEqual([
      [[method, '/thing?a=1']],
      [[method, '/thing?a=1']],
    ]);
    expect(ground.counted('loom_upstream_retries_total')).toEqual([{ upstream: 'backend', value: 1 }]);
  },
);

test.each([
  ['refuses', 'down'],
  ['resets', 'reset'],
  ['speaks something else', 'garbage'],
] as const)('GET goes to the next endpoint when one %s', async (_what, mood) => {
  const [sick, well] = [await moody(), await moody()];
  if (mood === 'down') await sick.stop();
  else sick.mood = mood;
  const ground = await upstreamGround([sick, well], { plan: retrying() });
  for (let n = 0; n < 4; n++) expect((await ground.get()).status).toBe(200);
  expect(well.asked).toHaveLength(4);
  expect(ground.words()).toEqual([]);
});

test('GET goes on when an endpoint is silent for longer than an attempt may take', async () => {
  const [sick, well] = [await moody('hang'), await moody()];
  const ground = await upstreamGround([sick, well], { plan: { ...retrying(), readTimeoutMs: 200 } });
  expect((await ground.get()).status).toBe(200);
  await until(() => sick.open === 0);
});

test.each([
  ['POST', {}],
  ['PATCH', {}],
  ['PUT', { body: 'x' }],
  ['DELETE', { body: 'x' }],
])('%s %j is sent once: its effect, or its body, is the upstream’s', async (method, init) => {
  const [sick, well] = [await moody(503), await moody()];
  const ground = await upstreamGround([sick, well], { plan: retrying() });
  expect((await ground.get('/', { method, ...init })).status).toBe(503);
  expect([sick.asked.length, well.asked.length]).toEqual([1, 0]);
});

test('a GET with a body in chunks is sent once', async () => {
  const [sick, well] = [await moody(503), await moody()];
  const ground = await upstreamGround([sick, well], { plan: retrying() });
  const text = await new Promise<string>((resolve) => {
    const socket = connect(ground.port, '127.0.0.1', () =>
      socket.write(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      ),
    );
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString()));
    socket.on('close', () => resolve(got));
  });
  expect(text).toMatch(/^HTTP\/1.1 503/);
  expect(well.asked).toEqual([]);
});

test.each([200, 404, 500])('%d is an answer, and is not asked for again', async (status) => {
  const [one, other] = [await moody(status), await moody(status)];
  const ground = await upstreamGround([one, other], { plan: retrying() });
  expect((await ground.get()).status).toBe(status);
  expect([one.asked.length, other.asked.length]).toEqual([1, 0]);
});

test('the codes come from the file, and the codes of a route replace them', async () => {
  const [one, other] = [await moody(429), await moody(503)];
  const ground = await upstreamGround([one, other], {
    plan: retrying(),
    options: { retry: { maxRetries: 1, backoffBaseMs: 5, backoffMaxMs: 5, codes: [429] } },
  });
  expect((await ground.get()).status).toBe(503);
  expect([one.asked.length, other.asked.length]).toEqual([1, 1]);
});

test('a route may forbid what its upstream allows, and allow what it does not say', async () => {
  const [sick, well] = [await moody(503), await moody()];
  const none = { maxRetries: 0, backoffBaseMs: 5, backoffMaxMs: 5, codes: [503] };
  const forbidding = await upstreamGround([sick, well], { plan: retrying(), options: { retry: none } });
  expect((await forbidding.get()).status).toBe(503);
  const silent = await upstreamGround([sick, well], { plan: {} });
  expect((await silent.get()).status).toBe(503);
  const allowing = await upstreamGround([sick, well], { plan: {}, options: { retry: { ...none, maxRetries: 1 } } });
  expect((await allowing.get()).status).toBe(200);
});

test('a failed connection is tried again whatever the codes are; silence only where 504 is one', async () => {
  const [gone, well] = [await moody(), await moody()];
  await gone.stop();
  const ground = await upstreamGround([gone, well], { plan: retrying({ codes: [429] }) });
  expect((await ground.get()).status).toBe(200);
  const hanging = await moody('hang');
  const silent = await upstreamGround([hanging, well], { plan: { ...retrying({ codes: [503] }), readTimeoutMs: 200 } });
  expect((await silent.get()).status).toBe(504);
});

test('with one endpoint it is asked again, and the last answer is the client’s', async () => {
  const endpoint = await moody(503);
  const ground = await upstreamGround([endpoint], { plan: retrying() });
  const answer = await ground.get();
  expect([answer.status, answer.body]).toEqual([503, 'answer']);
  expect(endpoint.asked).toHaveLength(4);
  // Every answer that was dropped was read off: its connection was used for the next.
  expect(endpoint.connections).toBe(1);
  let asked = 0;
  endpoint.mood = (_req, res) => res.writeHead(++asked < 3 ? 502 : 200).end('at last');
  expect((await ground.get()).body).toBe('at last');
});

test('each endpoint is tried before one is tried again', async () => {
  const endpoints = [await moody(503), await moody(503), await moody(503)];
  const ground = await upstreamGround(endpoints, { plan: { ...retrying({ maxRetries: 2 }), balancer: 'random' } });
  for (let n = 1; n <= 5; n++) {
    expect((await ground.get()).status).toBe(503);
    expect(endpoints.map(({ asked }) => asked.length)).toEqual([n, n, n]);
  }
});

test('a dropped answer that never ends is cut, and does not hold the next one up', async () => {
  const [endless, well] = [await moody(), await moody()];
  const writing: NodeJS.Timeout[] = [];
  endless.mood = (_req, res) => {
    res.writeHead(503);
    writing.push(setInterval(() => res.write('x'), 10));
  };
  const ground = await upstreamGround([endless, well], { plan: retrying() });
  expect((await ground.get()).status).toBe(200);
  await until(() => endless.open === 0);
  for (const timer of writing) clearInterval(timer);
});

test('a dropped answer that is very large is cut', async () => {
  const [large, well] = [await moody(), await moody()];
  large.mood = (_req, res) => res.writeHead(503).end(Buffer.alloc(50_000_000));
  const ground = await upstreamGround([large, well], { plan: retrying() });
  expect((await ground.get()).status).toBe(200);
  await until(() => large.open === 0);
});

test('all attempts together end with the route’s timeout', async () => {
  const endpoint = await moody('hang');
  const ground = await upstreamGround([endpoint], {
    plan: { ...retrying({ maxRetries: 100 }), readTimeoutMs: 150 },
    options: { timeoutMs: 1_000 },
  });
  const start = performance.now();
  expect((await ground.get()).status).toBe(504);
  expect(performance.now() - start).toBeGreaterThan(800);
  expect(performance.now() - start).toBeLessThan(4_000);
  expect(endpoint.asked.length).toBeGreaterThan(1);
  expect(endpoint.asked.length).toBeLessThan(8);
});

test('none is begun that could not end in time: the answer is then the upstream’s own', async () => {
  const endpoint = await moody(503);
  const ground = await upstreamGround([endpoint], {
    plan: retrying({ backoffBaseMs: 60_000, backoffMaxMs: 60_000 }),
    options: { timeoutMs: 5_000 },
    deps: { random: () => 0.5 },
  });
  expect((await ground.get()).body).toBe('answer');
  expect(endpoint.asked).toHaveLength(1);
});

test('the wait doubles up to its longest, and is anywhere up to that', async () => {
  const endpoint = await moody(503);
  const plan = retrying({ maxRetries: 4, backoffBaseMs: 100, backoffMaxMs: 300 });
  const set = jest.spyOn(global, 'setTimeout');
  try {
    const ground = await upstreamGround([endpoint], { plan, deps: { random: () => 0.37 } });
    await ground.get();
    const waits = set.mock.calls.map(([, ms]) => ms).filter((ms) => [37, 74, 111].includes(Math.round(ms ?? 0)));
    expect(waits.map((ms) => Math.round(ms ?? 0))).toEqual([37, 74, 111, 111]);
  } finally {
    set.mockRestore();
  }
});

test('a flood is not multiplied: a fifth of what is in flight may be retries', async () => {
  const endpoint = await moody();
  const held: (() => void)[] = [];
  endpoint.mood = (_req, res) => void held.push(() => res.writeHead(503).end());
  const ground = await upstreamGround([endpoint], { plan: { ...retrying({ maxRetries: 1 }), maxOpen: 200 } });
  const crowd = Array.from({ length: 100 }, () => ground.get());
  await until(() => held.length === 100);
  for (const answer of held.splice(0)) answer();
  await until(() => held.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(held.length).toBeLessThanOrEqual(20);
  expect(held.length).toBeGreaterThan(3);
  for (const answer of held.splice(0)) answer();
  await Promise.all(crowd);
  // And what was taken of the budget came back.
  endpoint.asked.length = 0;
  endpoint.mood = 503;
  await Promise.all([ground.get(), ground.get()]);
  expect(endpoint.asked).toHaveLength(4);
  expect(ground.upstream.status().endpoints[0]?.inFlight).toBe(0);
});

test('a client that leaves between two attempts ends them', async () => {
  const endpoint = await moody(503);
  const ground = await upstreamGround([endpoint], {
    plan: retrying({ maxRetries: 100, backoffBaseMs: 400, backoffMaxMs: 400 }),
    deps: { random: () => 0.99 },
  });
  const client = connect(ground.port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  await until(() => endpoint.asked.length === 1);
  client.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 900));
  expect(endpoint.asked).toHaveLength(1);
  expect(ground.upstream.status().endpoints[0]?.inFlight).toBe(0);
});

test('many attempts of one request are no leak of listeners', async () => {
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', hear);
  const endpoint = await moody(503);
  const ground = await upstreamGround([endpoint], { plan: retrying({ maxRetries: 40, backoffBaseMs: 1 }) });
  await ground.get();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', hear);
  expect([endpoint.asked.length, warnings]).toEqual([41, []]);
});

describe('a kept connection that the upstream has closed', () => {
  /** Answers the first request; from then on each is reset. Counts the requests on all connections. */
  async function closing(): Promise<Recording & { sends(): number }> {
    let sends = 0;
    const upstream = await recordingUpstream((_received, socket) => {
      if (++sends === 1) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
      socket.resetAndDestroy();
      return undefined;
    });
    cleanups.push(() => upstream.close());
    return Object.assign(upstream, { sends: () => sends - 1 });
  }

  test.each([
    [0, 1],
    [1, 2],
    [3, 4],
  ])('with max_retries: %d a GET is sent %d times at most', async (maxRetries, most) => {
    const upstream = await closing();
    const ground = await upstreamGround([upstream], { plan: retrying({ maxRetries }) });
    expect([(await ground.get()).status, (await ground.get()).status]).toEqual([200, 502]);
    expect(upstream.sends()).toBe(most);
    expect(ground.counted('loom_upstream_retries_total')).toHaveLength(most - 1);
  });

  test('a route with retries: 0 sends once, whatever its upstream allows', async () => {
    const upstream = await closing();
    const { retry } = retrying({ maxRetries: 0 });
    const ground = await upstreamGround([upstream], { plan: retrying(), options: { retry } });
    expect([(await ground.get()).status, (await ground.get()).status, upstream.sends()]).toEqual([200, 502, 1]);
  });

  test('where the file says nothing of retries a GET is sent twice at most, a POST once', async () => {
    const upstream = await closing();
    const ground = await upstreamGround([upstream], { plan: {} });
    expect([(await ground.get()).status, (await ground.get()).status, upstream.sends()]).toEqual([200, 502, 2]);
    const other = await closing();
    const posting = await upstreamGround([other], { plan: {} });
    await posting.get();
    expect([(await posting.get('/', { method: 'POST' })).status, other.sends()]).toEqual([502, 1]);
  });

  test.each([[{}], [retrying({ maxRetries: 1 })]])(
    'twin: %j answers 200 where a new connection works',
    async (plan) => {
      let sends = 0;
      const upstream = await recordingUpstream((_received, socket) => {
        if (++sends !== 2) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
        socket.resetAndDestroy();
        return undefined;
      });
      cleanups.push(() => upstream.close());
      const ground = await upstreamGround([upstream], { plan });
      expect([(await ground.get()).status, (await ground.get()).status, sends]).toEqual([200, 200, 3]);
    },
  );
});

test('each attempt carries the Host of its own endpoint where the client’s does not go on', async () => {
  const [sick, well] = [await moody(503), await moody()];
  const ground = await upstreamGround([sick, well], { plan: retrying(), options: { preserveHost: false } });
  await ground.get();
  expect([sick.asked[0]?.host, well.asked[0]?.host]).toEqual([sick.host, well.host]);
});

test('attempts feed the breaker, which takes the endpoint out for the next', async () => {
  const [sick, well] = [await moody(503), await moody()];
  const circuitBreaker = { failureThreshold: 2, successThreshold: 1, timeoutMs: 60_000 };
  const ground = await upstreamGround([sick, well], { plan: { ...retrying(), circuitBreaker } });
  for (let n = 0; n < 10; n++) expect((await ground.get()).status).toBe(200);
  expect([sick.asked.length, well.asked.length]).toEqual([2, 10]);
});
