/** The file of the SQLite store while it is in use: restored, replaced, locked, changed by a newer version, without its log. */
import { mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateSqliteFile } from '../../../../../src/auth/methods/api-key/store/sqlite-file.js';
import type { SqliteStore } from '../../../../../src/auth/methods/api-key/store/sqlite-store.js';
import type { KeyNotice } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { closeFronted, fronted, frontFile } from '../../../../support/fronted.js';
import { runProcess } from '../../../../support/process.js';
import { until } from '../../../../support/until.js';
import { closeStores, keysIn, openStore, untilIs } from './opened-sqlite.js';

let folder: string;
let path: string;
const storeAt = (file = path): SqliteStore => openStore(file);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loom-keys-'));
  path = join(folder, 'keys.db');
});
afterEach(async () => {
  await closeFronted();
  await closeStores();
  rmSync(folder, { recursive: true });
});

const running = async (): Promise<{ readonly ask: (key: string) => Promise<string> }> => {
  const at = await fronted(frontFile(`api_key: { store: { type: sqlite, path: "${path}" } }`, '{ api_key: true }'));
  return { ask: (key) => at.ask({ headers: { 'X-API-Key': key } }) };
};

test('G-23 a deleted write-ahead log does not hide a revocation', async () => {
  migrateSqliteFile(path);
  const store = storeAt();
  const { key } = await keysIn(store).create({ name: 'ada' });
  const other = await keysIn(store).create({ name: 'bob' });
  await store.close();
  const { ask } = await running();
  expect(await ask(key)).toBe('200 api_key:ada');
  // Another process, because connections of one process share what they know of a log.
  const revoke = `const [path] = process.argv.slice(1);
    for (const end of ['-wal', '-shm']) require('node:fs').rmSync(path + end);
    new (require('node:sqlite').DatabaseSync)(path).exec("UPDATE loom_api_keys SET revoked = 1 WHERE name = 'ada'")`;
  expect((await runProcess(process.execPath, ['-e', revoke, path])).code).toBe(0);
  expect(await untilIs('401', () => ask(key))).toBe(true);
  expect(await ask(other.key)).toBe('200 api_key:bob');
  await closeFronted();
  expect(await keysIn(storeAt()).list({ name: 'ada' })).toMatchObject([{ revoked: 1 }]);
});

test('G-23 a copy that is restored into the file counts, and so do the changes after it', async () => {
  migrateSqliteFile(path);
  const keys = keysIn(storeAt());
  const { key } = await keys.create({ name: 'ada' });
  const copy = join(folder, 'copy.db');
  const source = new DatabaseSync(path);
  await backup(source, copy);
  source.close();
  for (const name of ['b', 'c', 'd']) await keys.create({ name });
  const late = await keys.create({ name: 'late' });
  const { ask } = await running();
  expect([await ask(key), await ask(late.key)]).toEqual(['200 api_key:ada', '200 api_key:late']);
  const restored = new DatabaseSync(copy);
  await backup(restored, path);
  restored.close();
  expect(await untilIs('401', () => ask(late.key))).toBe(true);
  expect(await ask(key)).toBe('200 api_key:ada');
  await keysIn(storeAt()).revoke({ name: 'ada' });
  expect(await untilIs('401', () => ask(key))).toBe(true);
});

test('G-23 a link that leads to another file counts', async () => {
  const link = join(folder, 'link.db');
  migrateSqliteFile(path);
  const old = await keysIn(storeAt()).create({ name: 'old' });
  symlinkSync(path, link);
  const store = storeAt(link);
  const notices: KeyNotice[] = [];
  store.watch((notice) => void notices.push(notice));
  expect(await store.find(old.record.digest)).toMatchObject({ name: 'old' });
  const other = join(folder, 'other.db');
  migrateSqliteFile(other);
  symlinkSync(other, `${link}.new`);
  notices.length = 0;
  renameSync(`${link}.new`, link);
  await until(() => notices.some(({ kind }) => kind === 'live'));
  expect(await store.find(old.record.digest)).toBeUndefined();
});

test('G-23 a file that a newer loom-auth changes is no longer read', async () => {
  migrateSqliteFile(path);
  const store = storeAt();
  const { record } = await keysIn(store).create({ name: 'ada' });
  const kinds: string[] = [];
  store.watch(({ kind }) => void kinds.push(kind));
  expect(await store.find(record.digest)).toEqual(record);
  new DatabaseSync(path).exec('PRAGMA user_version = 99');
  await until(() => kinds.includes('lost'));
  expect(() => store.find(record.digest)).toThrow(/newer loom-auth/);
});

test('G-23 a file that stays locked is no channel of notices, until it is read again', async () => {
  migrateSqliteFile(path);
  const writer = new DatabaseSync(path);
  writer.exec('PRAGMA journal_mode = DELETE');
  const kinds: string[] = [];
  storeAt().watch(({ kind }) => void kinds.push(kind));
  expect(kinds).toContain('live');
  kinds.length = 0;
  writer.exec('BEGIN EXCLUSIVE');
  await until(() => kinds.includes('lost'));
  writer.exec('COMMIT');
  await until(() => kinds.includes('live'));
  writer.close();
});
