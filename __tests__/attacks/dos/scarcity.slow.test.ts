/** A process without a resource: descriptors, a writable log, a steady clock, a live worker. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { serve } from '../../../src/serve/serve.js';
import { ENGINE_BLOCK } from '../../support/engine.js';
import { ask } from '../../support/ask.js';
import { built, NODE } from '../../support/built.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';
import { secretToken } from '../../support/token-issuer.js';

const SECRET = 'a-secret-of-thirty-two-bytes-or-so';
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let upstream: Echo;
let folder: string;
let port: number;
const running: ChildProcess[] = [];
beforeAll(async () => {
  upstream = await echoUpstream();
  folder = mkdtempSync(join(tmpdir(), 'loom-scarce-'));
});
beforeEach(async () => ([port = 0] = await freePorts(1)));
afterEach(() => running.splice(0).forEach((child) => child.kill('SIGKILL')));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await upstream.close();
});

const file = (): string => `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware:
  auth:
    jwt: { secret: ${SECRET} }
    basic: { users: [{ username: admin, password_hash: "${hashSync('good', 8)}" }] }
routes:
  - { path: /jwt/*, upstream: far, auth: { jwt: true } }
  - { path: /basic/*, upstream: far, auth: { basic: true } }
upstreams: [{ name: far, endpoints: ["127.0.0.1:${upstream.port}"] }]
${ENGINE_BLOCK}
logging: { access: { enabled: true } }
`;

/** The gateway as a process started by this shell command, once it answers. */
async function start(words: string): Promise<ChildProcess> {
  const path = join(folder, 'loom.yaml');
  writeFileSync(path, file());
  const child = spawn('/bin/sh', ['-c', `${words} exec "$0" "$@"`, NODE, built(), 'serve', path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.push(child);
  while ((await status('/jwt/x').catch(() => 0)) !== 401) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    await wait(50);
  }
  return child;
}

const status = async (path: string, headers = {}): Promise<number> => (await ask({ port, path, headers })).status;
const token = async (): Promise<{ Authorization: string }> => ({
  Authorization: `Bearer ${await secretToken(SECRET)}`,
});
const basic = (password: string): { Authorization: string } => ({
  Authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
});
const lives = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

describe('DOS-10 scarcity', () => {
  test('without a free descriptor no request passes, and the gateway recovers when some are free', async () => {
    const child = await start('ulimit -n 64;');
    child.stderr?.resume();
    for (let round = 0; round < 3; round += 1) {
      const sockets = Array.from({ length: 200 }, (): Socket =>
        connect(port, '127.0.0.1').on('error', () => undefined),
      );
      await wait(300);
      const meanwhile = await Promise.all(Array.from({ length: 20 }, () => status('/jwt/x').catch(() => 0)));
      expect(meanwhile.every((each) => each === 0 || each === 401)).toBe(true);
      sockets.forEach((socket) => socket.destroy());
      for (let tries = 0; tries < 100 && (await status('/jwt/x', await token()).catch(() => 0)) !== 200; tries += 1)
        await wait(50);
      expect([await status('/jwt/x', await token()), await status('/jwt/x')]).toEqual([200, 401]);
    }
    expect(lives(child)).toBe(true);
  });

  test.each([
    ['a full disk', 'exec 2>/dev/full;'],
    ['no standard error at all', 'exec 2>&-;'],
  ])('a log on %s: requests are decided as before', async (_what, words) => {
    const child = await start(words);
    for (let at = 0; at < 20; at += 1)
      expect([await status('/jwt/x', await token()), await status('/jwt/x')]).toEqual([200, 401]);
    expect(lives(child)).toBe(true);
  });

  test('a log without a reader: requests are decided as before', async () => {
    const child = await start('');
    child.stderr?.destroy();
    for (let at = 0; at < 20; at += 1)
      expect([await status('/jwt/x', await token()), await status('/jwt/x')]).toEqual([200, 401]);
    child.kill('SIGPIPE');
    await wait(100);
    expect(await status('/jwt/x', await token())).toBe(200);
    expect(lives(child)).toBe(true);
  });

  test('a clock that jumps: a token is valid in its time, and never longer', async () => {
    let jump = 0;
    const now = (): number => Date.now() + jump;
    const gateway = await serve({ text: file(), file: 'loom.yaml' }, { log: quietLog(), now });
    const credentials = await token();
    const at = async (ms: number): Promise<readonly number[]> => {
      jump = ms;
      return [
        await status('/jwt/x', credentials),
        await status('/basic/x', basic('good')),
        await status('/basic/x', basic('bad')),
      ];
    };
    expect(await at(0)).toEqual([200, 200, 401]);
    expect(await at(3_600_000)).toEqual([401, 200, 401]);
    expect(await at(-3_600_000)).toEqual([401, 200, 401]);
    expect(await at(0)).toEqual([200, 200, 401]);
    await gateway.stop({ timeout: 0 });
  });

  // Like a worker that has run out of memory at its start, and like a terminated worker. The next worker is intact.
  test.each([
    [
      'by an error',
      "import { threadId } from 'node:worker_threads';\nif (threadId === 1) throw new Error('no memory');",
    ],
    ['without a word', "process.once('worker', (worker) => setImmediate(() => worker.terminate()));"],
  ])('a worker that ends %s before a password: no grant, and the next is answered', async (_how, script) => {
    const preload = join(folder, 'preload.mjs');
    writeFileSync(preload, script);
    const child = await start(`export NODE_OPTIONS="--import ${preload}";`);
    child.stderr?.resume();
    expect(await status('/basic/x', basic('good'))).toBe(503);
    expect([await status('/basic/x', basic('bad')), await status('/basic/x', basic('good'))]).toEqual([401, 200]);
    expect(lives(child)).toBe(true);
  });

  test('twin: with all resources it grants and refuses', async () => {
    const child = await start('');
    child.stderr?.resume();
    expect(await status('/jwt/x', await token())).toBe(200);
    expect(await status('/basic/x', basic('good'))).toBe(200);
    expect(await status('/basic/x', basic('bad'))).toBe(401);
  });
});
