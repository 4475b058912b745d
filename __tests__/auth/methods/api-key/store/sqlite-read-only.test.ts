/** The SQLite file of API keys on a disk that the gateway cannot write. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { keyDigestOf } from '../../../../../src/auth/methods/api-key/store/key-text.js';
import type { KeyNotice } from '../../../../../src/auth/methods/api-key/store/key-store.js';
import { migrateSqliteFile } from '../../../../../src/auth/methods/api-key/store/sqlite-file.js';
import { SqliteStore } from '../../../../../src/auth/methods/api-key/store/sqlite-store.js';
import { until } from '../../../../support/until.js';
import { keysIn } from './opened-sqlite.js';

const UNPRIVILEGED = 65_534;
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loom-read-only-'));
  path = join(folder, 'keys.db');
  migrateSqliteFile(path);
  chmodSync(path, 0o644);
  chmodSync(folder, 0o755);
});
afterEach(() => {
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true });
});

/** Runs as a user that cannot write the folder. */
function reading<T>(act: () => T): T {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(folder, 0o555);
  if (isRoot) process.seteuid?.(UNPRIVILEGED);
  try {
    return act();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(folder, 0o755);
  }
}

/** Makes a change as another process, and leaves no log. */
async function changed<T>(act: (keys: ReturnType<typeof keysIn>) => Promise<T>): Promise<T> {
  const store = new SqliteStore(path);
  try {
    return await act(keysIn(store));
  } finally {
    await store.close();
  }
}

test('keys are found, and a change of another process counts at the next lookup', async () => {
  const { key, record } = await changed((keys) => keys.create({ name: 'ada' }));
  const store = new SqliteStore(path);
  const find = (text: string) => reading(() => store.find(keyDigestOf(text)));
  expect(find(key)).toEqual(record);
  expect(find('unknown')).toBeUndefined();
  await changed((keys) => keys.revoke({ name: 'ada' }));
  expect(find(key)).toMatchObject({ id: record.id, revoked: expect.any(Number) as number });
  const later = await changed((keys) => keys.create({ name: 'bob' }));
  expect(find(later.key)).toEqual(later.record);
  await store.close();
});

test('notices arrive, and a change that cannot be written says why', async () => {
  await changed((keys) => keys.create({ name: 'ada' }));
  const store = new SqliteStore(path);
  const notices: KeyNotice[] = [];
  const stop = reading(() => store.watch((notice) => void notices.push(notice)));
  expect(notices.map(({ kind }) => kind)).toContain('live');
  expect(notices.map(({ kind }) => kind)).not.toContain('lost');
  notices.length = 0;
  await changed((keys) => keys.revoke({ name: 'ada' }));
  await until(() => notices.some(({ kind }) => kind === 'changed'));
  stop();
  const refused = reading(() => keysIn(store).create({ name: 'bob' }));
  await expect(refused).rejects.toThrow(/keys\.db: .*(?:folder must be writable|folder writable)/);
  await store.close();
});

test('G-23 a log with a revocation is never ignored', async () => {
  const { key } = await changed((keys) => keys.create({ name: 'ada' }));
  const writer = new DatabaseSync(path);
  writer.exec('UPDATE loom_api_keys SET revoked = 5');
  for (const end of ['-wal', '-shm']) chmodSync(`${path}${end}`, 0o000);
  const store = new SqliteStore(path);
  const find = () => reading(() => store.find(keyDigestOf(key)));
  expect(find).toThrow(/its folder writable/);
  writer.close();
  // Twin: the change is in the file now.
  expect(find()).toMatchObject({ revoked: 5 });
  await store.close();
});

test('G-23 the half of a change that a crashed process has left is never read', async () => {
  const { key } = await changed(async (keys) => {
    const note = 'x'.repeat(2_000);
    for (let at = 0; at < 50; at += 1) await keys.create({ name: `n${at}`, metadata: { note } });
    return keys.create({ name: 'ada' });
  });
  const writer = new DatabaseSync(path);
  writer.exec('PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; UPDATE loom_api_keys SET revoked = 5');
  const crashed = `${path}.crashed`;
  for (const end of ['', '-journal']) copyFileSync(`${path}${end}`, `${crashed}${end}`);
  writer.exec('ROLLBACK');
  writer.close();
  const store = new SqliteStore(crashed);
  const find = () => reading(() => store.find(keyDigestOf(key)));
  expect(find).toThrow(/folder must be writable/);
  // Twin: a process that can write takes the half back.
  const repair = new DatabaseSync(crashed);
  repair.prepare('SELECT count(*) FROM loom_api_keys').get();
  repair.close();
  expect(find()).not.toHaveProperty('revoked');
  await store.close();
});
