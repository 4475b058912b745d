/** Opens, makes and migrates the SQLite file of API keys. */
import { closeSync, openSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Sqlite from 'node:sqlite';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { TABLE } from './key-row.js';
import { KeyStoreError } from './key-store.js';
import { checkSqlite, migrateSqlite } from './sqlite-schema.js';

const require = createRequire(import.meta.url);

/** A lookup blocks the event loop for this time at most. It then tries again in turns of its own. */
export const REQUEST_BUSY_MS = 5;
/** A change of keys runs in a command or in a host's handler, and waits for another writer. */
export const CHANGE_BUSY_MS = 5_000;

/** One open file. A file that replaces it has another inode. */
export interface Opened {
  readonly database: DatabaseSync;
  readonly inode: string;
  readonly find: StatementSync;
}

export function openFile(path: string): Opened {
  const { DatabaseSync } = require('node:sqlite') as typeof Sqlite;
  const inode = inodeOf(path);
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path);
  } catch (cause) {
    throw new KeyStoreError('unavailable', `${path} cannot be opened`, { cause });
  }
  try {
    database.exec(`PRAGMA busy_timeout = ${REQUEST_BUSY_MS};`);
    checkSqlite(database, path);
    return { database, inode, find: database.prepare(`SELECT * FROM ${TABLE} WHERE digest = ?`) };
  } catch (cause) {
    database.close();
    throw cause;
  }
}

export function inodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (!found) throw new KeyStoreError('unavailable', `${path} does not exist; "loom-auth keys create" makes it`);
  return `${found.dev}:${found.ino}`;
}

/** Makes the file where it is missing, for its owner alone, and brings it to the current schema. */
export function migrateSqliteFile(path: string): readonly string[] {
  const { DatabaseSync } = require('node:sqlite') as typeof Sqlite;
  if (!statSync(path, { throwIfNoEntry: false })) closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA busy_timeout = ${CHANGE_BUSY_MS}; PRAGMA journal_mode = WAL;`);
    return migrateSqlite(database, path);
  } finally {
    database.close();
  }
}

const BUSY = 5;
const LOCKED = 6;

/** Whether another process holds the lock. */
export function isBusy(cause: unknown): boolean {
  const { errcode } = cause as { readonly errcode?: number };
  return typeof errcode === 'number' && [BUSY, LOCKED].includes(errcode & 0xff);
}
