/**
 * A file of Apache's `htpasswd` behind a running gateway: its users log in, and a change of the file counts at once.
 *
 * @needs htpasswd
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { serve } from '../../../../src/serve/serve.js';
import { ask } from '../../../support/ask.js';
import { freePorts } from '../../../support/ports.js';
import { runProcess } from '../../../support/process.js';
import { quietLog } from '../../../support/quiet-log.js';
import { closed, listening } from '../../../support/recording-upstream.js';
import { until } from '../../../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-apache-'));
const users = join(folder, 'users.htpasswd');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function htpasswd(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProcess('htpasswd', [...args]);
  expect({ code, failed: /error|cannot/i.test(stderr) }).toEqual({ code: 0, failed: false });
}

test('users log in, are added, get another password and are removed', async () => {
  await htpasswd('-cbB', users, 'alice', 'first password');
  const backend = createServer((req, res) => res.end(String(req.headers['x-user'])));
  const upstream = await listening(backend);
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'loom.yaml');
  writeFileSync(
    file,
    `listeners: [{ address: "127.0.0.1:${port}" }]
middleware: { auth: { basic: { htpasswd_file: users.htpasswd, claims_to_headers: { username: X-User } } } }
routes: [{ path: /*, upstream: backend, auth: { basic: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`,
  );
  const log = quietLog();
  const gateway = await serve(file, { log, watch: true });
  const statusOf = async (user: string, password: string): Promise<number> => {
    const Authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return (await ask({ port, headers: { Authorization, Connection: 'close' } })).status;
  };
  /** Asks until the gateway has read the file again. */
  const becomes = async (user: string, password: string, status: number): Promise<void> => {
    while ((await statusOf(user, password)) !== status) await setTimeout(100);
  };

  expect(await statusOf('alice', 'first password')).toBe(200);
  expect(await statusOf('alice', 'another password')).toBe(401);
  expect(await statusOf('jos\u00e9', 'pass')).toBe(401);

  await htpasswd('-bB', users, 'jos\u00e9', 'pass');
  await becomes('jos\u00e9', 'pass', 200);
  await htpasswd('-bB', users, 'alice', 'second password');
  await becomes('alice', 'second password', 200);
  expect(await statusOf('alice', 'first password')).toBe(401);
  await htpasswd('-D', users, 'alice');
  await becomes('alice', 'second password', 401);

  await htpasswd('-bm', users, 'carol', 'apr1 password');
  await until(() => log.entries.some(({ facts }) => JSON.stringify(facts).includes('has an apr1 (MD5) hash')));
  expect(await statusOf('carol', 'apr1 password')).toBe(401);
  expect(await statusOf('jos\u00e9', 'pass')).toBe(200);
  expect(JSON.stringify(log.entries)).not.toMatch(/\$apr1\$|\$2y\$|apr1 password/);

  await gateway.stop({ timeout: 0 });
  await closed(backend);
});

test.each([
  ['-m', 'an apr1 (MD5) hash'],
  ['-s', 'a SHA-1 hash'],
  ['-d', 'a crypt (DES) hash'],
  ['-p', 'a password in plain text, or an unknown hash'],
  ['-5', 'a SHA-512 crypt hash'],
  ['-2', 'a SHA-256 crypt hash'],
])('htpasswd %s makes %s, which is an error', async (flag, kind) => {
  const made = await runProcess('htpasswd', ['-nb', flag, 'bob', 'hunter22']);
  // Older versions of htpasswd have no flag for SHA-2.
  if (made.code !== 0 && /^-[25]$/.test(flag)) return;
  writeFileSync(join(folder, 'other.htpasswd'), made.stdout);
  const text = `listeners: [{ address: "127.0.0.1:1" }]
middleware: { auth: { basic: { htpasswd_file: other.htpasswd } } }
routes: [{ path: /*, upstream: backend, auth: { basic: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
`;
  const refused = serve({ text, file: join(folder, 'loom.yaml') }, { log: quietLog() });
  await expect(refused).rejects.toThrow(`the user "bob" has ${kind}`);
});
