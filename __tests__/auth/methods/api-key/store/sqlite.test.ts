/** The file of the SQLite store: missing, replaced, locked, of another version, or of another application. */
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateSqliteFile } from '../../../../../src/auth/methods/api-key/store/sqlite-file.js';
import type { SqliteStore } from '../../../../../src/auth/methods/api-key/store/sqlite-store.js';
import { keyDigestOf, newKeyText } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import { loom } from '../../../../../src/index.js';
import { closeFronted, fronted, frontFile } from '../../../../support/fronted.js';
import { quietLog } from '../../../../support/quiet-log.js';
import { until } from '../../../../support/until.js';
import { closeStores, keysIn, openStore, untilIs } from './opened-sqlite.js';

let folder: string;
let path: string;
const storeAt = (file = path): SqliteStore => openStore(file);
const NONE = '0'.repeat(64);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loom-keys-'));
  path = join(folder, 'keys.db');
});
afterEach(async () => {
  await closeFronted();
  await closeStores();
  rmSync(folder, { recursive: true });
});

const codeOf = async (store: SqliteStore): Promise<unknown> => {
  try {
    return await store.find(NONE);
  } catch (cause) {
    return (cause as { code?: string }).code;
  }
};

test('a missing file is no answer, and is opened when it appears', async () => {
  const store = storeAt();
  expect(await codeOf(store)).toBe('unavailable');
  migrateSqliteFile(path);
  expect(await codeOf(store)).toBeUndefined();
});

test('the file is for its owner alone', () => {
  migrateSqliteFile(path);
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
});

test.each([
  ['text', (file: string) => writeFileSync(file, 'no database, and quite a long text about that fact')],
  ['another application', (file: string) => new DatabaseSync(file).exec('CREATE TABLE mine (a)')],
])('a file of %s is refused, and a migration changes nothing of it', async (_what, make) => {
  make(path);
  const before = statSync(path).size;
  expect(await codeOf(storeAt())).toMatch(/schema|unavailable/);
  expect(() => migrateSqliteFile(path)).toThrow();
  expect(statSync(path).size).toBe(before);
});

test('an older and a newer version are refused with a cure', () => {
  new DatabaseSync(path).exec('PRAGMA application_id = 0x4c4f4f4d');
  expect(() => storeAt().find(NONE)).toThrow(/version 0 of the key store.*keys migrate/);
  migrateSqliteFile(path);
  new DatabaseSync(path).exec('PRAGMA user_version = 99');
  expect(() => storeAt().find(NONE)).toThrow(/newer loom-auth/);
  expect(() => migrateSqliteFile(path)).toThrow(/newer loom-auth/);
});

test('a second migration has nothing to do', () => {
  expect(migrateSqliteFile(path)).toHaveLength(1);
  expect(migrateSqliteFile(path)).toHaveLength(0);
});

test('G-23 a file that is renamed over the store counts at once, and the old one no more', async () => {
  migrateSqliteFile(path);
  const other = join(folder, 'other.db');
  migrateSqliteFile(other);
  const old = await keysIn(storeAt()).create({ name: 'old' });
  const fresh = await keysIn(storeAt(other)).create({ name: 'fresh' });
  await closeStores();
  const at = await fronted(frontFile(`api_key: { store: { type: sqlite, path: "${path}" } }`, '{ api_key: true }'));
  const ask = (key: string): Promise<string> => at.ask({ headers: { 'X-API-Key': key } });
  expect([await ask(old.key), await ask(fresh.key)]).toEqual(['200 api_key:old', '401']);
  renameSync(other, path);
  const both = async (): Promise<string> => `${await ask(old.key)} ${await ask(fresh.key)}`;
  expect(await untilIs('401 200 api_key:fresh', both)).toBe(true);
});

test('a revocation by another process counts within a second or so, sockets aside', async () => {
  migrateSqliteFile(path);
  const command = keysIn(storeAt());
  const { key } = await command.create({ name: 'ada' });
  const at = await fronted(frontFile(`api_key: { store: { type: sqlite, path: "${path}" } }`, '{ api_key: true }'));
  const ask = (): Promise<string> => at.ask({ headers: { 'X-API-Key': key } });
  expect(await ask()).toBe('200 api_key:ada');
  await command.revoke({ name: 'ada' });
  expect(await untilIs('401', ask)).toBe(true);
});

test('a lookup waits for another writer without blocking, and fails after a while', async () => {
  migrateSqliteFile(path);
  // Without WAL a writer keeps readers out.
  const writer = new DatabaseSync(path);
  writer.exec('PRAGMA journal_mode = DELETE');
  const store = storeAt();
  const { key } = await keysIn(store).create({ name: 'ada' });
  writer.exec('BEGIN EXCLUSIVE');
  const pending = store.find(keyDigestOf(key));
  expect(pending).toBeInstanceOf(Promise);
  writer.exec('COMMIT');
  expect(await pending).toMatchObject({ name: 'ada' });
  writer.exec('BEGIN EXCLUSIVE');
  await expect(store.find(keyDigestOf(key))).rejects.toMatchObject({ code: 'unavailable' });
  writer.exec('COMMIT');
  writer.close();
});

test('the functions that a host keeps work after a reload that opens the file again', async () => {
  migrateSqliteFile(path);
  const text = (more: string): string =>
    `middleware: { auth: { api_key: { ${more} store: { type: sqlite, path: "${path}" } } } }
routes: [{ path: /*, auth: { api_key: true } }]`;
  const gate = loom({ text: text(''), file: 'loom.yaml' }, { log: quietLog() });
  const { keys } = gate;
  await keys.create({ name: 'ada' });
  await gate.reload({ text: text('realm: other,'), file: 'loom.yaml' });
  await keys.create({ name: 'bob' });
  expect((await keys.list()).map(({ name }) => name).sort()).toEqual(['ada', 'bob']);
  await gate.close();
  await expect(keys.create({ name: 'eve' })).rejects.toMatchObject({ code: 'unavailable' });
});

test('a change waits for another writer, and requests run meanwhile', async () => {
  migrateSqliteFile(path);
  const store = storeAt();
  const { key } = await keysIn(store).create({ name: 'ada' });
  const writer = new DatabaseSync(path);
  writer.exec('BEGIN IMMEDIATE');
  const pending = keysIn(store).create({ name: 'bob' });
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 5);
  await until(() => turns >= 20);
  expect(await store.find(keyDigestOf(key))).toMatchObject({ name: 'ada' });
  writer.exec('COMMIT');
  clearInterval(timer);
  expect((await pending).record.name).toBe('bob');
  writer.close();
});

test('a change that fails leaves the file open: the last files beside it must not be removed', async () => {
  migrateSqliteFile(path);
  const store = storeAt();
  const { record } = await keysIn(store).create({ name: 'ada' });
  const inode = statSync(`${path}-wal`).ino;
  const other = new DatabaseSync(path);
  other.exec(`CREATE TRIGGER no_use BEFORE UPDATE ON loom_api_keys BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`);
  other.close();
  await expect(store.touch(new Map([[record.id, 5]]))).rejects.toMatchObject({ code: 'unavailable' });
  await expect(keysIn(store).revoke({ name: 'ada' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(statSync(`${path}-wal`).ino).toBe(inode);
  expect(await store.find(record.digest)).toEqual(record);
});

test('an import that is too large for the memory of one list is read from its lines twice, and adds all or none', async () => {
  migrateSqliteFile(path);
  const store = storeAt();
  const keys = keysIn(store);
  const line = (n: number): string => JSON.stringify({ name: `n${n % 500}`, key: newKeyText() });
  const lines = Array.from({ length: 1_000 }, (_, n) => line(n));
  const { record } = await keys.create({ name: 'ada' });
  await expect(keys.import([...lines, JSON.stringify({ name: 'ada', key: newKeyText() })])).rejects.toMatchObject({
    code: 'name_taken',
  });
  await expect(
    keys.import([...lines, JSON.stringify({ name: 'eve', id: record.id, key: newKeyText() })]),
  ).rejects.toMatchObject({ code: 'digest_taken' });
  await expect(keys.import([...lines, lines[499] ?? ''])).rejects.toThrow('line 1001: is the key of line 500');
  expect(await keys.list({ limit: 10_000 })).toHaveLength(1);
  expect(await keys.import(lines)).toEqual({ imported: 1_000, warnings: [] });
  expect(await keys.list({ limit: 10_000 })).toHaveLength(1_001);
});
