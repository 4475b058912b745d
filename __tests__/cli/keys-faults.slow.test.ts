/** The `loom-auth keys` commands with hostile records, long files and a disk that is full. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { keyDigestOf, newKeyText } from '../../src/auth/methods/api-key/store/key-text.js';
import { ask } from '../support/ask.js';
import { built, NODE } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background, runProcess } from '../support/process.js';
import { until } from '../support/until.js';
import { folder, loomAuth, start, write } from './command.js';

const TEXT = `middleware: { auth: { api_key: { store: { type: sqlite, path: keys.db } } } }
routes: [{ path: /*, auth: { api_key: true } }]
`;
const keyIn = (text: string): string => /^key: +(\S+)$/m.exec(text)?.[1] ?? '';

test('a record controls no terminal, and scripts read its text unchanged', async () => {
  const file = write('escapes.yaml', TEXT.replace('keys.db', 'escapes.db'));
  const run = (...args: readonly string[]) => loomAuth(['keys', ...args, '--file', file]);
  const note = 'C1 \u009b31m, line \u2028, direction \u202e, DEL \u007f';
  const line = JSON.stringify({ name: 'eve \u202e', key: newKeyText(), metadata: { note } });
  expect((await run('import', write('escapes.jsonl', line))).stdout).toBe('imported 1 key\n');
  // A person wrote the second record with SQL.
  const database = new DatabaseSync(join(folder, 'escapes.db'));
  database.exec(`INSERT INTO loom_api_keys (id, name, digest, hint, created, expires, scopes, metadata)
    VALUES ('x', 'a' || char(10) || 'b' || char(27) || '[2J', 'y', '', 9000000000000000, 99999, 'read', '{}')`);
  database.close();
  const outputs = await Promise.all([run('list'), run('list', '--json'), run('show', 'eve \u202e'), run('export')]);
  for (const { code, stdout } of outputs) {
    expect(code).toBe(0);
    // eslint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
  }
  const [list, json, show, exported] = outputs.map(({ stdout }) => stdout);
  expect(list?.split('\n')).toHaveLength(4);
  expect(list).toMatch(/^x .* malformed /m);
  expect(
    json
      ?.trim()
      .split('\n')
      .map((each) => JSON.parse(each) as object),
  ).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'eve \u202e', metadata: { note } })]));
  expect(JSON.parse(show ?? '')).toMatchObject([{ metadata: { note } }]);
  const own =
    exported
      ?.split('\n')
      .filter((each) => each.includes('eve'))
      .join('\n') ?? '';
  const other = write('again.yaml', TEXT.replace('keys.db', 'again.db'));
  const again = await loomAuth(['keys', 'import', write('again.jsonl', own), '--file', other]);
  expect(again.stdout).toBe('imported 1 key\n');
  expect((await loomAuth(['keys', 'export', '--file', other])).stdout.trim()).toBe(own);
});

test('an import of a long file fits into a small memory, and one with a long line is refused', async () => {
  const file = write('long.yaml', TEXT.replace('keys.db', 'long.db'));
  const env = { NODE_OPTIONS: '--max-old-space-size=64' };
  const note = 'x'.repeat(3_900);
  const lines = Array.from({ length: 20_000 }, (_, n) =>
    JSON.stringify({ name: `n${n}`, key_hash: `sha256:${keyDigestOf(String(n))}`, metadata: { note } }),
  );
  const path = write('long.jsonl', lines.join('\n'));
  const imported = await loomAuth(['keys', 'import', path, '--file', file], { env });
  expect([imported.stdout, imported.code]).toEqual(['imported 20000 keys\n', 0]);
  const line = write('line.jsonl', `{"name":"a","key":"${'x'.repeat(5_000_000)}`);
  const refused = await loomAuth(['keys', 'import', line, '--file', file], { env });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('line 1: is longer than')]);
}, 60_000);

test('a disk that is full adds nothing, and says so', async () => {
  const file = write('full.yaml', TEXT.replace('keys.db', 'full.db'));
  await loomAuth(['keys', 'create', '--name', 'ada', '--file', file]);
  // The shared memory of the file has its size already, as it has on a disk that becomes full.
  const holder = new DatabaseSync(join(folder, 'full.db'));
  holder.prepare('SELECT * FROM loom_api_keys').all();
  const limited = (...args: readonly string[]) =>
    runProcess('sh', ['-c', 'ulimit -f 1; exec "$@"', 'sh', NODE, built(), 'keys', ...args, '--file', file]);
  for (const args of [
    ['create', '--name', 'bob'],
    ['rotate', 'ada'],
    ['revoke', 'ada'],
  ]) {
    const { code, stdout, stderr } = await limited(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/full\.db: (?:database or disk is full|disk I\/O error)/);
  }
  const listed = await loomAuth(['keys', 'list', '--json', '--file', file]);
  holder.close();
  expect(
    listed.stdout
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each) as object),
  ).toEqual([expect.objectContaining({ name: 'ada', state: 'active' })]);
  expect((await loomAuth(['keys', 'create', '--name', 'bob', '--file', file])).code).toBe(0);
});

test('a gateway on a disk that is full admits keys, and reports that the last use is not written', async () => {
  const [port = 0] = await freePorts(1);
  const file = write(
    'disk.yaml',
    `listeners: [{ name: http, address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { store: { type: sqlite, path: disk.db, cache_ttl: 0s } }, chain: [api_key] } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
routes: [{ path: /*, upstream: backend }]
`,
  );
  const created = await loomAuth(['keys', 'create', '--name', 'ada', '--file', file]);
  const holder = new DatabaseSync(join(folder, 'disk.db'));
  holder.prepare('SELECT * FROM loom_api_keys').all();
  const gateway = new Background('sh', ['-c', 'ulimit -f 1; exec "$@"', 'sh', NODE, built(), 'serve', file]);
  await gateway.until(/the configuration is in use/);
  const answer = async (key: string): Promise<number> => (await ask({ port, headers: { 'X-API-Key': key } })).status;
  expect(await answer(keyIn(created.stdout))).toBe(502);
  // The gateway has the only connection now. If it closed the connection, it could not open the file again.
  holder.close();
  await gateway.until(/the last use of keys could not be written/);
  expect(await answer(keyIn(created.stdout))).toBe(502);
  expect(await answer(newKeyText())).toBe(401);
  await gateway.stop();
  // The files beside the database are gone, and SQLite cannot make them again.
  const next = new Background('sh', ['-c', 'ulimit -f 1; exec "$@"', 'sh', NODE, built(), 'serve', file]);
  await next.until(/the configuration is in use/);
  expect(await answer(keyIn(created.stdout))).toBe(502);
  expect(await answer(newKeyText())).toBe(401);
  const revoked = await loomAuth(['keys', 'revoke', 'ada', '--file', file]);
  expect(revoked.code).toBe(0);
  expect(await answer(keyIn(created.stdout))).toBe(401);
  await next.stop();
}, 60_000);

test('a key that is revoked while the gateway is paused is refused by its first request', async () => {
  const [port = 0] = await freePorts(1);
  const file = write(
    'pause.yaml',
    `listeners: [{ name: http, address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { store: { type: sqlite, path: pause.db } }, chain: [api_key] } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]
routes: [{ path: /*, upstream: backend }]
`,
  );
  const keys: string[] = [];
  for (const name of ['ada', 'bob'])
    keys.push(keyIn((await loomAuth(['keys', 'create', '--name', name, '--file', file])).stdout));
  const gateway = start(['serve', file]);
  await gateway.until(/the configuration is in use/);
  const clients = keys.map((key) => {
    const client = { socket: connect(port, '127.0.0.1'), text: '' };
    client.socket.setEncoding('latin1').on('data', (chunk: string) => (client.text += chunk));
    return {
      ...client,
      ask: () => client.socket.write(`GET / HTTP/1.1\r\nHost: gw\r\nX-API-Key: ${key}\r\n\r\n`),
      seen: () => client.text,
    };
  });
  for (const client of clients) client.ask();
  await until(() => clients.every((client) => client.seen().includes('HTTP/1.1 502')));
  process.kill(gateway.pid, 'SIGSTOP');
  const stopped = Date.now();
  expect((await loomAuth(['keys', 'revoke', 'ada', '--file', file])).stdout).toContain('revoked 1 key');
  await until(() => Date.now() - stopped > 1_500);
  for (const client of clients) client.ask();
  process.kill(gateway.pid, 'SIGCONT');
  const statuses = (text: string): readonly string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status);
  await until(() => clients.every((client) => statuses(client.seen()).length === 2));
  expect(clients.map((client) => statuses(client.seen()))).toEqual([
    ['502', '401'],
    ['502', '502'],
  ]);
  for (const { socket } of clients) socket.destroy();
  await gateway.stop();
}, 60_000);
