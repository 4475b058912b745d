/** The circuit breaker of an endpoint, fed by real requests and upgrades. */
import { connect } from 'node:net';
import { closeUpstreamGrounds, moody, upstreamGround, type UpstreamGround } from '../../support/upstream-ground.js';
import { until } from '../../support/until.js';

afterEach(closeUpstreamGrounds);

const breaking = (more: object = {}) => ({
  circuitBreaker: { failureThreshold: 3, successThreshold: 2, timeoutMs: 60_000, ...more },
});

const stateOf = (ground: UpstreamGround): unknown => ground.upstream.status().endpoints[0]?.breaker;

function handshake(port: number): Promise<string> {
  return new Promise((resolve) => {
    const head = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
    const key = Buffer.alloc(16).toString('base64');
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET /ws HTTP/1.1\r\nHost: a\r\n${head}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`),
    );
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
  });
}

test.each([
  ['500', 500, 500],
  ['503', 503, 503],
  ['a reset', 'reset', 502],
  ['garbage', 'garbage', 502],
  ['silence', 'hang', 504],
] as const)('opens after three times %s, and then answers 503 itself', async (_what, mood, status) => {
  const endpoint = await moody(mood);
  const ground = await upstreamGround([endpoint], { plan: breaking(), options: { timeoutMs: 300 } });
  for (let n = 0; n < 3; n++) expect((await ground.get('/', { method: 'POST' })).status).toBe(status);
  const answer = await ground.get();
  expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([503, 'upstream_unavailable', '5']);
  expect(endpoint.asked).toHaveLength(3);
  expect(stateOf(ground)).toBe('open');
  expect(ground.words().filter((words) => words.startsWith('circuit'))).toEqual([
    'circuit opened: the endpoint takes no requests for a while',
  ]);
});

test('opens where nothing listens', async () => {
  const endpoint = await moody();
  await endpoint.stop();
  const ground = await upstreamGround([endpoint], { plan: breaking() });
  const codes = [];
  for (let n = 0; n < 5; n++) codes.push((await ground.get()).body);
  const [unreachable, unavailable] = ['upstream_unreachable', 'upstream_unavailable'];
  expect(codes).toEqual([unreachable, unreachable, unreachable, unavailable, unavailable]);
});

test.each([200, 404, 429, 501, 505])('stays closed for as many answers of %d as there are', async (status) => {
  const endpoint = await moody(status);
  const ground = await upstreamGround([endpoint], { plan: breaking() });
  for (let n = 0; n < 10; n++) expect((await ground.get()).status).toBe(status);
  expect([stateOf(ground), ground.words()]).toEqual(['closed', []]);
});

test('hears nothing of clients that leave', async () => {
  const endpoint = await moody('hang');
  const ground = await upstreamGround([endpoint], { plan: breaking() });
  for (let n = 0; n < 5; n++) {
    const client = connect(ground.port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    await until(() => endpoint.asked.length === n + 1);
    client.resetAndDestroy();
  }
  await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
  expect(stateOf(ground)).toBe('closed');
});

test('sends what is left to the endpoints whose circuits are closed', async () => {
  const [sick, well] = [await moody(500), await moody()];
  const ground = await upstreamGround([sick, well], { plan: breaking() });
  const statuses = [];
  for (let n = 0; n < 20; n++) statuses.push((await ground.get()).status);
  expect(statuses.filter((status) => status === 500)).toHaveLength(3);
  expect([sick.asked.length, well.asked.length]).toEqual([3, 17]);
});

test('lets no more probes through at once than it needs, and closes when they succeed', async () => {
  const endpoint = await moody(500);
  // A probe keeps its place for this time, which is long enough for ten requests on a busy machine.
  const ground = await upstreamGround([endpoint], { plan: breaking({ timeoutMs: 1_000 }) });
  for (let n = 0; n < 3; n++) await ground.get();
  const held: (() => void)[] = [];
  endpoint.mood = (_req, res) => void held.push(() => res.end('well'));
  await until(() => stateOf(ground) === 'half_open');
  const asked = endpoint.asked.length;
  const crowd = Array.from({ length: 10 }, () => ground.get());
  const statuses: number[] = [];
  const answered = Promise.all(crowd.map(async (each) => statuses.push((await each).status)));
  await until(() => held.length === 2 && statuses.length === 8);
  expect(endpoint.asked.length - asked).toBe(2);
  for (const answer of held) answer();
  await answered;
  expect(statuses).toEqual([...Array.from({ length: 8 }, () => 503), 200, 200]);
  expect(stateOf(ground)).toBe('closed');
  endpoint.mood = 200;
  expect((await ground.get()).status).toBe(200);
  expect(ground.counted('loom_upstream_breaker').map(({ value }) => value)).toEqual([2, 1, 0]);
});

test('opens again when a probe fails', async () => {
  const endpoint = await moody(500);
  const ground = await upstreamGround([endpoint], { plan: breaking({ timeoutMs: 300 }) });
  for (let n = 0; n < 3; n++) await ground.get();
  await until(() => stateOf(ground) === 'half_open');
  expect((await ground.get()).body).toBe('answer');
  expect((await ground.get()).body).toBe('upstream_unavailable');
  expect(endpoint.asked).toHaveLength(4);
});

test('counts upgrades as requests', async () => {
  const endpoint = await moody(500);
  const ground = await upstreamGround([endpoint], { plan: breaking() });
  const lines = [];
  for (let n = 0; n < 4; n++) lines.push(await handshake(ground.port));
  expect(lines.slice(0, 3).every((line) => line.startsWith('HTTP/1.1 500'))).toBe(true);
  expect(lines[3]).toBe('HTTP/1.1 503 No');
  expect((await ground.get()).body).toBe('upstream_unavailable');
  expect(ground.upstream.status().endpoints[0]?.inFlight).toBe(0);
});

test('opens for upgrades that no endpoint accepts', async () => {
  const endpoint = await moody();
  await endpoint.stop();
  const ground = await upstreamGround([endpoint], { plan: breaking() });
  const lines = [];
  for (let n = 0; n < 4; n++) lines.push(await handshake(ground.port));
  expect(lines).toEqual(['HTTP/1.1 502 No', 'HTTP/1.1 502 No', 'HTTP/1.1 502 No', 'HTTP/1.1 503 No']);
});
