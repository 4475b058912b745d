/**
 * The file of the containers, run with a real Redis and a real PostgreSQL: only addresses and the folder of secrets differ.
 *
 * @needs redis-server postgres
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../support/ask.js';
import { built, NODE } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { PostgresServer } from '../support/postgres-server.js';
import { Background, runProcess, type Finished } from '../support/process.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';
import { RedisServer } from '../support/redis-server.js';
import { read, SECRETS } from './file.js';

const PASSWORD = 'zq-redis-84f1c0';
const TOKEN = 'zq-scrape-19be57';
const folder = mkdtempSync(join(tmpdir(), 'loom-deploy-'));
const file = join(folder, 'loom.yaml');
let [port, admin] = [0, 0];
let redis: RedisServer;
let postgres: PostgresServer;
let upstream: Echo;
let running: Background | undefined;

const command = (...args: readonly string[]): Promise<Finished> =>
  runProcess(NODE, [built(), 'keys', ...args, '--file', file]);

beforeAll(async () => {
  [redis, postgres, upstream] = await Promise.all([
    RedisServer.start('--requirepass', PASSWORD),
    PostgresServer.start(),
    echoUpstream(),
  ]);
  [port = 0, admin = 0] = await freePorts(2);
  const secrets = { 'scrape-token': TOKEN, 'redis-password': PASSWORD, 'database-url': postgres.url };
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(folder, name), `${value}\n`, { mode: 0o400 });
  const here: readonly (readonly [string, string])[] = [
    ['0.0.0.0:8080', `127.0.0.1:${port}`],
    ['0.0.0.0:9091', `127.0.0.1:${admin}`],
    ['redis:6379', `127.0.0.1:${redis.port}`],
    ['upstream:9001', `127.0.0.1:${upstream.port}`],
    [`\${file:${SECRETS}/`, `\${file:${folder}/`],
  ];
  writeFileSync(
    file,
    here.reduce((text, [from, to]) => text.replaceAll(from, to), read('deploy/loom.yaml')),
  );
});

afterAll(async () => {
  await running?.stop('SIGKILL');
  await Promise.all([redis.close(), postgres.close(), upstream.close()]);
  rmSync(folder, { recursive: true });
});

test('the table is made once, and a second run changes nothing', async () => {
  const first = await command('migrate');
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/create table/i);
  expect((await command('migrate')).stdout).toBe('the key store is up to date\n');
});

test('a key of the store passes, and its caller is in a header', async () => {
  running = new Background(NODE, [built(), 'serve', file]);
  await running.until(/listening/);
  const made = await command('create', '--name', 'acme');
  const [, key = ''] = /^key:\s+(\S+)$/m.exec(made.stdout) ?? [];
  const answer = await ask({ port, path: '/orders/1', headers: { 'X-API-Key': key } });
  expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('acme')]);
});

test('twin: no key and an unknown key are refused, and the public path is open', async () => {
  const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
    (await ask({ port, path, headers })).status;
  expect(await status('/orders/1')).toBe(401);
  expect(await status('/orders/1', { 'X-API-Key': 'zq-unknown-key-123456' })).toBe(401);
  expect(await status('/public/x')).toBe(200);
  expect(await status('/healthz')).toBe(200);
});

test('the probes of the manifests answer, and the metrics want the token', async () => {
  const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
    (await ask({ port: admin, path, headers })).status;
  expect([await status('/health'), await status('/ready'), await status('/metrics')]).toEqual([200, 200, 401]);
  const metrics = await ask({ port: admin, path: '/metrics', headers: { Authorization: `Bearer ${TOKEN}` } });
  expect(metrics.body).toMatch(/^loom_key_store_up 1$/m);
  expect(metrics.body).toMatch(/^loom_rate_limit_store_up 1$/m);
});

test('SIGTERM ends the process with success, and its log has no secret', async () => {
  expect(await running?.stop('SIGTERM')).toBe(0);
  expect(running?.output).not.toContain(PASSWORD);
  expect(running?.output).not.toContain(TOKEN);
});
