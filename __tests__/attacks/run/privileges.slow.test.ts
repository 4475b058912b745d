/**
 * The gateway with few rights: it reads, it listens, and it writes only its log. Under Node's permission model it needs
 * `--allow-fs-read` for its own files and for those that the Loom file names. Basic needs `--allow-worker`. Node 26
 * also needs `--allow-net`. The gateway needs no writing, no child processes, no addons.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { ask } from '../../support/ask.js';
import { built, NODE } from '../../support/built.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { freePorts } from '../../support/ports.js';
import { Background, runProcess } from '../../support/process.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';
import { holding } from '../../support/tls-ground.js';

let made: Certificates;
let echo: Echo;
let folder: string;
beforeAll(async () => {
  [made, echo] = await Promise.all([makeCertificates(), echoUpstream()]);
  folder = mkdtempSync(join(tmpdir(), 'loom-privileges-'));
  for (const path of [made.dir, folder]) chmodSync(path, 0o755);
  for (const name of readdirSync(made.dir)) chmodSync(join(made.dir, name), 0o644);
});
afterAll(async () => {
  await echo.close();
  await made.remove();
  rmSync(folder, { recursive: true });
});

const FLAGS = ['--permission', '--allow-fs-read=*', '--allow-worker'];
/** Later Node versions require a network permission as well. */
const NET = spawnSync(NODE, ['--help'], { encoding: 'utf8' }).stdout.includes('--allow-net') ? ['--allow-net'] : [];

async function file(): Promise<{ path: string; plain: number; secure: number }> {
  const [plain = 0, secure = 0] = await freePorts(2);
  const path = join(folder, 'loom.yaml');
  const { cert, key } = made.server;
  writeFileSync(
    path,
    `
listeners:
  - { name: plain, address: "127.0.0.1:${plain}", protocol: http }
  - { name: secure, address: "127.0.0.1:${secure}", protocol: https, tls: { cert_file: ${cert}, key_file: ${key}, client_auth: request, ca_file: ${made.ca} } }
middleware:
  auth:
    api_key: { keys: [{ key: key-without-privileges, name: a }] }
    basic: { users: [{ username: u, password_hash: "${hashSync('p', 4)}" }] }
routes:
  - { id: key, path: /key, upstream: far, auth: { api_key: true } }
  - { id: basic, path: /basic, upstream: far, auth: { basic: true } }
  - { id: mtls, path: /mtls, upstream: far, auth: { mtls: true } }
upstreams: [{ name: far, endpoints: ["127.0.0.1:${echo.port}"] }]
logging: { access: { enabled: true } }`,
  );
  return { path, plain, secure };
}

/** One request for each auth method. */
async function statuses(plain: number, secure: number): Promise<readonly number[]> {
  const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;
  const answers = [
    await ask({ port: plain, path: '/key', headers: { 'X-API-Key': 'key-without-privileges' } }),
    await ask({ port: plain, path: '/basic', headers: { Authorization: basic } }),
    await ask({ port: secure, path: '/mtls', tls: { ca: readFileSync(made.ca), ...holding(made.client) } }),
    await ask({ port: plain, path: '/key' }),
  ];
  return answers.map(({ status }) => status);
}

describe('RUN-05 rights that the gateway does not need', () => {
  test('with only the permission to read it serves every method, and tries no write', async () => {
    const { path, plain, secure } = await file();
    const running = new Background(NODE, [...FLAGS, ...NET, built(), 'serve', path]);
    await running.until(/"listener":"secure"/);
    expect(await statuses(plain, secure)).toEqual([200, 200, 200, 401]);
    expect(await running.stop()).toBe(0);
    expect(running.output).not.toMatch(/ERR_ACCESS_DENIED|EACCES|EROFS/);
  });

  test('as an unprivileged user, in a foreign folder, it serves, and leaves no file', async () => {
    const { path, plain, secure } = await file();
    const empty = mkdtempSync(join(tmpdir(), 'loom-empty-'));
    chmodSync(empty, 0o555);
    const env = { HOME: empty, TMPDIR: empty, XDG_CACHE_HOME: empty, NODE_COMPILE_CACHE: '' };
    // Only root can change the user. Without root the tests already run as an unprivileged user.
    const drop =
      process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'] : [];
    const command = ['env', '-C', empty, ...drop, NODE, ...FLAGS, ...NET, built(), 'serve', path];
    const running = new Background(command[0] as string, command.slice(1), env);
    await running.until(/"listener":"secure"/);
    expect(await statuses(plain, secure)).toEqual([200, 200, 200, 401]);
    expect(await running.stop()).toBe(0);
    expect(readdirSync(empty)).toEqual([]);
    rmSync(empty, { recursive: true });
  });

  test('the permission model is at work: the same process cannot write, nor start another', async () => {
    const script = join(folder, 'try.mjs');
    writeFileSync(
      script,
      `import { writeFileSync } from 'node:fs'; import { spawnSync } from 'node:child_process';
for (const act of [() => writeFileSync('${folder}/written', ''), () => spawnSync('true')]) {
  try { act(); console.log('done'); } catch (error) { console.log(error.code); }
}`,
    );
    const { stdout } = await runProcess(NODE, [...FLAGS, ...NET, script]);
    expect(stdout.trim().split('\n')).toEqual(['ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED']);
  });

  test('check needs no further rights', async () => {
    const { path } = await file();
    const { code, stderr } = await runProcess(NODE, [...FLAGS, ...NET, built(), 'check', path]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as string });
    expect(stderr).not.toMatch(/ERR_ACCESS_DENIED/);
  });

  test('twin: with every right it does the same', async () => {
    const { path, plain, secure } = await file();
    const running = new Background(NODE, [built(), 'serve', path]);
    await running.until(/"listener":"secure"/);
    expect(await statuses(plain, secure)).toEqual([200, 200, 200, 401]);
    expect(await running.stop()).toBe(0);
  });
});
