/**
 * Each failure of Redis, before the first answer or later: requests are served and limited quickly, and counting
 * recovers by itself.
 */
import { execFileSync } from 'node:child_process';
import { ALICE_KEY, closeGrounds, get, openGround, type Ground } from '../support/attack-ground.js';
import { statusOf } from '../support/ask.js';
import { FaultyRedis, REDIS_FAULTS, type RedisFault } from '../support/faulty-redis.js';
import { freePorts } from '../support/ports.js';
import { Background } from '../support/process.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { makeTlsFiles } from '../serve/tls-files.js';

const BURST = 3;
/** A command to Redis has 40 ms. The bound allows for a busy machine and still shows a hang of seconds. */
const SOON_MS = 2_000;

let redis: RedisServer;
const wires: FaultyRedis[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
}, 60_000);
afterEach(closeGrounds);
afterAll(async () => {
  await Promise.all(wires.map((wire) => wire.close()));
  await redis.close();
});

const limited = (distributed: string): Promise<Ground> =>
  openGround({
    top: `rate_limit: { rate: 0.001, burst: ${BURST}, key: ip, distributed: { type: redis, ${distributed} } }
trusted_proxies: [127.0.0.1]`,
  });

interface Asked {
  readonly passed: number;
  readonly refused: number;
  readonly longestMs: number;
}

let clients = 0;

/** One more client sends more requests than its limit. */
async function client(ground: Ground): Promise<Asked> {
  const address = `198.51.100.${++clients}`;
  const statuses: number[] = [];
  let longestMs = 0;
  for (let time = 0; time < BURST + 2; time++) {
    const start = performance.now();
    const lines = [`X-Forwarded-For: ${address}`, `X-API-Key: ${ALICE_KEY['X-API-Key']}`];
    statuses.push(statusOf(await ground.send(get('/api/v1/x', ...lines))));
    longestMs = Math.max(longestMs, performance.now() - start);
  }
  const count = (status: number): number => statuses.filter((each) => each === status).length;
  return { passed: count(200), refused: count(429), longestMs };
}

const counted = async (): Promise<number> => Number(/:(\d+)/.exec(await redis.ask('DBSIZE'))?.[1]);

describe.each<RedisFault>([...REDIS_FAULTS])('%s', (fault) => {
  test('cold and warm: each client has its burst and no more, quickly; twin: after recovery Redis counts again', async () => {
    const wire = await new FaultyRedis(redis.port).start();
    wires.push(wire);
    wire.fail(fault);
    const ground = await limited(`address: "127.0.0.1:${wire.port}"`);
    for (const phase of ['cold', 'warm']) {
      const asked = await client(ground);
      expect([phase, asked]).toMatchObject([phase, { passed: BURST, refused: 2 }]);
      expect(asked.longestMs).toBeLessThan(SOON_MS);
      wire.heal();
      const before = await counted();
      // A client that Redis has counted has a key there. During the change a client may have one burst in each store.
      for (let tries = 0; tries < 60 && (await counted()) === before; tries++) {
        await client(ground);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(await counted()).toBeGreaterThan(before);
      expect(await client(ground)).toMatchObject({ passed: BURST, refused: 2 });
      wire.fail(fault);
    }
    expect(ground.output()).not.toMatch(/unhandled|uncaught/i);
  });
});

test('over TLS: a Redis with a certificate of another authority is not used; twin: the right one counts', async () => {
  const [files, others] = [makeTlsFiles(), makeTlsFiles()];
  const [port = 0] = await freePorts(1);
  const place = ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', '--save', ''];
  const certificate = ['--tls-cert-file', files.path('server.crt'), '--tls-key-file', files.path('server.key')];
  const secure = new Background('redis-server', [...place, ...certificate, '--tls-ca-cert-file', files.path('ca.crt')]);
  try {
    await secure.until(/Ready to accept connections/);
    const trusting = (ca: string): string => `address: "rediss://localhost:${port}", ca_file: "${ca}"`;
    const wrong = await limited(trusting(others.path('ca.crt')));
    expect(await client(wrong)).toMatchObject({ passed: BURST, refused: 2 });
    expect(wrong.output()).toMatch(/the shared store of rate limits is down/);
    const right = await limited(trusting(files.path('ca.crt')));
    await until(
      () => /the shared store of rate limits is up/.test(right.output()),
      () => right.output(),
    );
    const cli = ['--tls', '--cacert', files.path('ca.crt'), '-p', String(port), 'DBSIZE'];
    const keys = (): number => Number(execFileSync('redis-cli', cli, { encoding: 'utf8' }));
    const before = keys();
    expect(await client(right)).toMatchObject({ passed: BURST, refused: 2 });
    expect(keys()).toBe(before + 1);
  } finally {
    await secure.stop('SIGKILL');
    files.remove();
    others.remove();
  }
});
