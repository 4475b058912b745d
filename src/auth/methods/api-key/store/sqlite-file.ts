/** Opens, makes and migrates the SQLite file of API keys. */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Sqlite from 'node:sqlite';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { markOf } from '../../../../lib/file-mark.js';
import { TABLE } from './key-row.js';
import { KeyStoreError } from './key-store.js';
import { checkSqlite, migrateSqlite } from './sqlite-schema.js';

const require = createRequire(import.meta.url);

/** A lookup blocks the event loop for this time at most. It then tries again in turns of its own. */
const REQUEST_BUSY_MS = 5;
/** A change of keys runs in a command or in a host's handler, and waits for another writer. */
export const CHANGE_BUSY_MS = 5_000;

/** One open file. */
export interface Opened {
  readonly database: DatabaseSync;
  /** As `filesOf` returned it. */
  readonly files: string;
  /** The file is read without locks and without its log, because SQLite cannot write beside it. */
  readonly isFixed: boolean;
  readonly find: StatementSync;
}

/**
 * Opens the file for lookups. At its end a connection that can write deletes the log beside the file. Another process may
 * have made a new log there, and its changes would be lost.
 */
export function openFile(path: string): Opened {
  try {
    return openAs(path, false);
  } catch (cause) {
    // On a disk that is read-only or full SQLite cannot make the files beside the database. Without a log they are not needed.
    if (!isOfWriting(cause) || hasLog(path)) throw cause;
    return openAs(path, true);
  }
}

function openAs(path: string, isFixed: boolean): Opened {
  const real = realPathOf(path);
  // Read before the file is opened. A file that replaces it at this moment is found at the next comparison.
  const before = isFixed ? [real, ...besideOf(real)].map(markOf) : [inodeOf(real)];
  const database = opened(path, { readOnly: true, isFixed });
  try {
    const find = database.prepare(`SELECT * FROM ${TABLE} WHERE digest = ?`);
    // SQLite makes the files beside the database when it opens it.
    const beside = isFixed ? [] : besideOf(real).map(inodeOf);
    return { database, files: [...before, ...beside].join(' '), isFixed, find };
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/** Opens the file for one change. */
export const openForChange = (path: string): DatabaseSync => opened(path, { readOnly: false, isFixed: false });

interface Opening {
  readonly readOnly: boolean;
  readonly isFixed: boolean;
}

function opened(path: string, { readOnly, isFixed }: Opening): DatabaseSync {
  const { DatabaseSync } = require('node:sqlite') as typeof Sqlite;
  const real = realPathOf(path);
  const url = pathToFileURL(real);
  url.searchParams.set('immutable', '1');
  const database = new DatabaseSync(isFixed ? url : real, { readOnly });
  try {
    database.exec(`PRAGMA busy_timeout = ${REQUEST_BUSY_MS};`);
    checkSqlite(database, path);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/**
 * The inodes of the database and of the two files beside it. SQLite keeps them open, so that no other file can have the
 * same inodes. If one of them was replaced or deleted, the connection no longer sees what other processes write. A
 * connection without locks sees no change at all, so that its text has the times and sizes too.
 */
export function filesOf(path: string, isFixed: boolean): string {
  const real = realPathOf(path);
  return [real, ...besideOf(real)].map(isFixed ? markOf : inodeOf).join(' ');
}

const besideOf = (real: string): readonly string[] => ['-wal', '-shm'].map((end) => `${real}${end}`);

/** Whether a file beside the database has changes that the database does not have, or has only in part. */
function hasLog(path: string): boolean {
  const real = realPathOf(path);
  return sizeOf(`${real}-journal`) > 0 || hasFrame(`${real}-wal`);
}

const LOG_HEADER = 32;
const FRAME_HEADER = 24;

/** On a full disk a failed change leaves a log with a part of a page. SQLite reads whole pages only. */
function hasFrame(log: string): boolean {
  const size = sizeOf(log);
  if (size <= LOG_HEADER) return false;
  try {
    return size >= LOG_HEADER + FRAME_HEADER + headerOf(log).readUInt32BE(8);
  } catch {
    // A log of another user cannot be read.
    return true;
  }
}

function headerOf(log: string): Buffer {
  const file = openSync(log, 'r');
  try {
    const header = Buffer.alloc(LOG_HEADER);
    readSync(file, header);
    return header;
  } finally {
    closeSync(file);
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function inodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}:${found.ino}` : 'none';
}

/** SQLite names the files beside a database by the target of a symbolic link. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new KeyStoreError('unavailable', `${path} does not exist; "loom-auth keys create" makes it`, { cause });
  }
}

/** Makes the file where it is missing, for its owner alone, and brings it to the current schema. */
export function migrateSqliteFile(path: string): readonly string[] {
  const { DatabaseSync } = require('node:sqlite') as typeof Sqlite;
  try {
    if (!statSync(path, { throwIfNoEntry: false })) closeSync(openSync(path, 'a', 0o600));
    const database = new DatabaseSync(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${CHANGE_BUSY_MS}; PRAGMA journal_mode = WAL;`);
      return migrateSqlite(database, path);
    } finally {
      database.close();
    }
  } catch (cause) {
    if (cause instanceof KeyStoreError) throw cause;
    throw new KeyStoreError('unavailable', `${path}: ${faultText(cause)}`, { cause });
  }
}

const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const IO_ERROR = 10;
const FULL = 13;
const CANNOT_OPEN = 14;

/** The error codes of SQLite whose message does not say what to do. */
const CURES: ReadonlyMap<number, string> = new Map([
  [READ_ONLY, 'the file and its folder must be writable, because SQLite writes two more files there'],
  [IO_ERROR, 'the disk may be full'],
  [CANNOT_OPEN, 'the file must be readable, and its folder writable, because SQLite writes two more files there'],
]);

/** The message of SQLite, and what to do. */
export function faultText(cause: unknown): string {
  const cure = CURES.get(errorCodeOf(cause) ?? 0);
  const words = cause instanceof Error ? cause.message : 'failed';
  return cure === undefined ? words : `${words}; ${cure}`;
}

/** Whether another process holds the lock. */
export function isBusy(cause: unknown): boolean {
  return [BUSY, LOCKED].includes(errorCodeOf(cause) ?? 0);
}

/** Whether SQLite may have failed because it could not write beside the database. */
function isOfWriting(cause: unknown): boolean {
  return [READ_ONLY, IO_ERROR, FULL, CANNOT_OPEN].includes(errorCodeOf(cause) ?? 0);
}

function errorCodeOf(cause: unknown): number | undefined {
  const { errcode } = cause as { readonly errcode?: number };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}
