import { RedisConnection, redisScript, type RedisOptions } from '../../src/redis/redis.js';
import { redisFaultOf } from '../../src/redis/fault.js';
import { freePorts } from '../support/ports.js';
import { RedisServer, wireTo } from '../support/redis-server.js';
import { until } from '../support/until.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const at = (port: number, more: Partial<RedisOptions> = {}): RedisOptions => ({
  type: 'redis',
  addresses: [{ host: '127.0.0.1', port, tls: false }],
  keyPrefix: 'test:',
  ...more,
});

async function server(): Promise<RedisServer> {
  const started = await RedisServer.start();
  closers.push(() => started.close());
  return started;
}

async function connected(options: RedisOptions): Promise<RedisConnection & { readonly changes: string[] }> {
  const redis = new RedisConnection(options);
  closers.push(() => redis.close());
  const changes: string[] = [];
  redis.watch((up, reason) => changes.push(up ? 'up' : `down: ${reason}`));
  await redis.ready;
  return Object.assign(redis, { changes });
}

/** The fault of a command, and how long it took. */
async function fault(redis: RedisConnection): Promise<{ readonly reason: string; readonly ms: number }> {
  const from = performance.now();
  const reason = await redis.run('incr', redis.keyOf('n')).then(String, (error: { reason: string }) => error.reason);
  return { reason, ms: performance.now() - from };
}

const ECHO = redisScript('return {KEYS[1], ARGV[1]}');

test('commands and scripts are answered, under the prefix, and a script that the server forgot is sent again', async () => {
  const real = await server();
  const redis = await connected(at(real.port, { db: 2 }));
  expect(await redis.run('set', redis.keyOf('a'), 'one')).toBe('OK');
  expect(await real.ask('SELECT 2\r\nGET test:{a}')).toContain('one');
  for (let round = 0; round < 2; round++) {
    expect(await redis.script(ECHO, [redis.keyOf('a')], ['x'])).toEqual(['test:{a}', 'x']);
    await real.ask('SCRIPT FLUSH');
  }
  expect(redis.changes).toEqual(['up']);
});

test('without a server the start continues, and commands fail without a wait until a server listens', async () => {
  const [port = 0] = await freePorts(1);
  const redis = await connected(at(port));
  expect(redis.changes).toEqual(['down: closed']);
  expect(await fault(redis)).toMatchObject({ reason: 'down' });
  const late = await RedisServer.startAt(port);
  closers.push(() => late.close());
  await until(() => redis.up);
  expect(await redis.run('incr', redis.keyOf('n'))).toBe(1);
});

test('a server that hangs costs a deadline a few times and then nothing, and comes back by itself', async () => {
  const real = await server();
  const redis = await connected(at(real.port));
  real.signal('SIGSTOP');
  const first = await fault(redis);
  expect(first.reason).toBe('timeout');
  expect(first.ms).toBeGreaterThan(35);
  while (redis.up) await fault(redis);
  for (let round = 0; round < 100; round++) expect(await fault(redis)).toMatchObject({ reason: 'down' });
  real.signal('SIGCONT');
  await until(() => redis.up);
  expect(redis.changes).toEqual(['up', 'down: timeout', 'up']);
});

test('an answer that is always late is none, and a cut or restarted server comes back by itself', async () => {
  const real = await server();
  const wire = await wireTo(real.port);
  closers.push(() => wire.close());
  const redis = await connected(at(wire.port));
  wire.delayMs = 200;
  while (redis.up) await fault(redis);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(redis.changes).toEqual(['up', 'down: timeout']);
  wire.delayMs = 0;
  await until(() => redis.up);
  await real.kill();
  await until(() => !redis.up);
  await real.start();
  await until(() => redis.up);
  expect(await redis.run('incr', redis.keyOf('n'))).toBe(1);
});

test('a password that is asked for mid-run, and the right one', async () => {
  const real = await RedisServer.start('--requirepass', 'a-secret-of-redis');
  closers.push(() => real.close());
  const wrong = await connected(at(real.port, { password: 'not-it' }));
  expect(wrong.changes).toEqual(['down: auth']);
  const right = await connected(at(real.port, { password: 'a-secret-of-redis' }));
  expect(right.changes).toEqual(['up']);
});

test('an error is reported by its message alone, because it contains the arguments of a command', () => {
  const error = Object.assign(new Error('WRONGPASS invalid'), {
    name: 'ReplyError',
    command: { name: 'auth', args: ['hunter2'] },
  });
  expect(redisFaultOf(error)).toMatchObject({ reason: 'auth' });
  expect(JSON.stringify({ ...redisFaultOf(error) })).not.toContain('hunter2');
  expect(redisFaultOf(Object.assign(new Error('ERR what'), { name: 'ReplyError' })).isOfServer).toBe(false);
});
