/** The `loom-auth keys` commands, from a missing file to a rotated, exported and imported key. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyDigestOf } from '../../src/auth/methods/api-key/store/key-text.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { folder, loomAuth, start, write } from './command.js';

const FILE = write(
  'keys.yaml',
  `middleware: { auth: { api_key: { keys: [{ key: sk-the-operator-of-this-gateway, name: ops }], store: { type: sqlite, path: keys.db } } } }
routes: [{ path: /*, auth: { api_key: true } }]
`,
);
const keys = (...args: readonly string[]) => loomAuth(['keys', ...args, '--file', FILE]);
const keyIn = (text: string): string => /^key: +(\S+)$/m.exec(text)?.[1] ?? '';

let first: string;

test('create makes the file, and prints the key once', async () => {
  const { code, stdout, stderr } = await keys(
    'create',
    '--name',
    'acme',
    '--scope',
    'read',
    '--metadata',
    'plan=pro',
    'seats=5',
  );
  expect([code, existsSync(join(folder, 'keys.db'))]).toEqual([0, true]);
  first = keyIn(stdout);
  expect(first).toMatch(/^loom_live_/);
  expect(stderr).toContain('"event":"key"');
  expect(stderr).not.toContain(first);
  expect(readFileSync(join(folder, 'keys.db')).includes(first)).toBe(false);
});

test('list and show print no key and no digest', async () => {
  const list = await keys('list');
  expect(list.stdout).toMatch(/acme +\S{8} +active/);
  const show = await keys('show', 'acme');
  expect(JSON.parse(show.stdout)).toMatchObject([
    { name: 'acme', scopes: ['read'], metadata: { plan: 'pro', seats: 5 } },
  ]);
  expect(`${list.stdout}${show.stdout}`).not.toContain(keyDigestOf(first));
});

test('create refuses a name of the store and of the file', async () => {
  for (const name of ['acme', 'ops']) {
    const { code, stderr, stdout } = await keys('create', '--name', name);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`a key named "${name}" already`);
  }
});

test('rotate, revoke by id, and revoke by name', async () => {
  const rotated = await keys('rotate', 'acme', '--grace', '1h', '--json');
  const { key, id } = JSON.parse(rotated.stdout) as { key: string; id: string };
  expect(key).not.toBe(first);
  expect((await keys('revoke', '--id', id)).stdout).toContain('revoked 1 key');
  expect((await keys('revoke', 'acme')).stdout).toContain('revoked 1 key');
  const unknown = await keys('revoke', 'unknown');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no key named "unknown"')]);
  expect((await keys('revoke')).code).toBe(2);
});

test('an import with wrong lines names them, shows no key, and adds nothing', async () => {
  const secret = 'sk-a-secret-that-no-message-shows';
  const lines = write(
    'bad.jsonl',
    [
      JSON.stringify({ name: 'one', key: `${secret}-1` }),
      'no json',
      JSON.stringify({ name: 'two', key: `${secret}-1` }),
      JSON.stringify({ name: 'three', key: secret, key_hash: 'sha256:1' }),
      JSON.stringify({ name: 'four', key: 'with a space' }),
      JSON.stringify({ name: 'five', kee: secret }),
    ].join('\r\n'),
  );
  const { code, stderr } = await keys('import', lines);
  expect(code).toBe(2);
  for (const number of [2, 3, 4, 5, 6]) expect(stderr).toContain(`line ${number}:`);
  expect(stderr).not.toContain('line 1:');
  expect(stderr).not.toContain(secret);
  expect((await keys('list', '--json')).stdout).not.toContain('"one"');
});

test('an import warns of a short key, and an export can be imported', async () => {
  const lines = write('good.jsonl', `${JSON.stringify({ name: 'short', key: 'abc123' })}\n`);
  const imported = await keys('import', lines);
  expect([imported.stdout, imported.stderr]).toEqual([
    'imported 1 key\n',
    expect.stringContaining('line 1: the key has'),
  ]);
  const { stdout } = await keys('export');
  const other = write('other.yaml', readFileSync(FILE, 'utf8').replace('keys.db', 'other.db'));
  const again = await loomAuth(['keys', 'import', write('export.jsonl', stdout), '--file', other]);
  expect(again.stdout).toBe(`imported ${stdout.trim().split('\n').length} keys\n`);
  expect((await loomAuth(['keys', 'export', '--file', other])).stdout).toBe(stdout);
  expect((await keys('import', join(folder, 'missing.jsonl'))).code).toBe(2);
});

test('migrate prints what it does, and then has nothing to do', async () => {
  const file = write('new.yaml', readFileSync(FILE, 'utf8').replace('keys.db', 'new.db'));
  expect((await loomAuth(['keys', 'migrate', '--file', file])).stdout).toContain('CREATE TABLE loom_api_keys');
  expect((await loomAuth(['keys', 'migrate', '--file', file])).stdout).toBe('the key store is up to date\n');
});

test('a file without a store, and the store of a host, are errors', async () => {
  const none = write('none.yaml', readFileSync(FILE, 'utf8').replace(/, store: \{[^}]*\}/, ''));
  expect((await loomAuth(['keys', 'list', '--file', none])).stderr).toContain('has no store of API keys');
  const host = write('host.yaml', readFileSync(FILE, 'utf8').replace('type: sqlite, path: keys.db', 'type: host'));
  expect((await loomAuth(['keys', 'list', '--file', host])).stderr).toContain('belongs to the host application');
  expect((await loomAuth(['serve', host])).code).toBe(1);
});

test('a strict start needs the store; another start answers 503 until the store is there', async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = write(
    'late.yaml',
    `listeners: [{ name: http, address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
middleware: { auth: { api_key: { store: { type: sqlite, path: late.db } }, chain: [api_key] } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
routes: [{ path: /*, upstream: backend }]
`,
  );
  const strict = await loomAuth(['serve', '--strict', file]);
  expect([strict.code, strict.stderr]).toEqual([2, expect.stringContaining('late.db does not exist')]);
  const gateway = start(['serve', file]);
  await gateway.until(/the configuration is in use/);
  const answer = async (key: string): Promise<number> => (await ask({ port, headers: { 'X-API-Key': key } })).status;
  expect(await answer('a-key-that-no-store-can-judge')).toBe(503);
  const status = JSON.parse((await ask({ port: adminPort, path: '/status' })).body) as object;
  expect(JSON.stringify(status)).toContain('late.db does not exist');
  const created = await loomAuth(['keys', 'create', '--name', 'ada', '--file', file]);
  const end = Date.now() + 20_000;
  while ((await answer(keyIn(created.stdout))) !== 502) if (Date.now() > end) throw new Error('never admitted');
  await gateway.stop();
});

test('a revocation reaches each worker, and so does a rotation without grace', async () => {
  const [port = 0] = await freePorts(1);
  const file = write(
    'workers.yaml',
    `listeners: [{ name: http, address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { store: { type: sqlite, path: workers.db } }, chain: [api_key] } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
routes: [{ path: /*, upstream: backend }]
`,
  );
  const run = async (...args: readonly string[]): Promise<string> =>
    keyIn((await loomAuth(['keys', ...args, '--file', file])).stdout);
  const ada = await run('create', '--name', 'ada');
  const bob = await run('create', '--name', 'bob');
  const gateway = start(['serve', '--workers', '2', file]);
  await gateway.until(/a worker serves[^]*a worker serves/);
  const statuses = async (key: string): Promise<string> => {
    const asked = Array.from({ length: 10 }, () => ask({ port, headers: { 'X-API-Key': key } }));
    return [...new Set((await Promise.all(asked)).map(({ status }) => status))].join(' ');
  };
  expect([await statuses(ada), await statuses(bob)]).toEqual(['502', '502']);
  const ended = async (key: string): Promise<void> => {
    for (const end = Date.now() + 20_000; (await statuses(key)) !== '401';)
      if (Date.now() > end) throw new Error('still admitted');
  };
  await run('revoke', 'ada');
  await ended(ada);
  const next = await run('rotate', 'bob', '--grace', '0s');
  await ended(bob);
  expect(await statuses(next)).toBe('502');
  const deniers = gateway.output.split('\n').flatMap((line) => /"worker":(\d).*"event":"denied"/.exec(line)?.[1] ?? []);
  expect([...new Set(deniers)].sort()).toEqual(['1', '2']);
  await gateway.stop();
}, 60_000);
