/** The store of API keys in an SQLite file, by Node's own `node:sqlite`. */
import type { DatabaseSync } from 'node:sqlite';
import type { MaybePromise } from '../../../../lib/types.js';
import { cellsOf, COLUMNS, recordOf, TABLE } from './key-row.js';
import type { KeyRecord } from './key-record.js';
import {
  digestTaken,
  KeyStoreError,
  nameTaken,
  nameUnknown,
  type KeyNotice,
  type KeyQuery,
  type KeyStore,
  type Replacing,
} from './key-store.js';
import { CHANGE_BUSY_MS, inodeOf, isBusy, openFile, REQUEST_BUSY_MS, type Opened } from './sqlite-file.js';

const POLL_MS = 500;
const RETRY_MS: readonly number[] = [5, 10, 20, 40, 80, 160];
const KEPT_CHANGES = 10_000;

export class SqliteStore implements KeyStore {
  #opened: Opened | undefined;
  #closed = false;
  /** The last change that the listeners know. */
  #revision = 0;
  #dataVersion: unknown;
  #isLost = false;
  readonly #listeners = new Set<(notice: KeyNotice) => void>();
  #poll: NodeJS.Timeout | undefined;

  constructor(private readonly path: string) {}

  find(digest: string): MaybePromise<KeyRecord | undefined> {
    try {
      return this.#find(digest);
    } catch (cause) {
      if (isBusy(cause)) return this.#findLater(digest, 0);
      throw this.#failure(cause);
    }
  }

  list({ id, name, after = '', limit }: KeyQuery): Promise<readonly KeyRecord[]> {
    return this.#act(({ database }) => {
      const text = `SELECT * FROM ${TABLE} WHERE id > ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR id = ?3)
        ORDER BY id LIMIT ?4`;
      const rows = database.prepare(text).all(after, name ?? null, id ?? null, limit);
      return rows.map(recordOf);
    });
  }

  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void> {
    return this.#change((database) => {
      const [first] = records;
      if (replacing && first) replace(database, replacing, first.id);
      const named = database.prepare(`SELECT 1 FROM ${TABLE} WHERE name = ? LIMIT 1`);
      const digest = database.prepare(`SELECT 1 FROM ${TABLE} WHERE digest = ?`);
      const taken = records.find(({ name }) => name !== replacing?.name && named.get(name) !== undefined);
      if (taken) throw nameTaken(taken);
      const insert = database.prepare(
        `INSERT INTO ${TABLE} (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`,
      );
      for (const record of records) {
        if (digest.get(record.digest)) throw digestTaken(record);
        insert.run(...cellsOf(record));
      }
    });
  }

  revoke(which: { readonly id?: string; readonly name?: string }, atMs: number): Promise<readonly KeyRecord[]> {
    const [column, value] = which.id === undefined ? ['name', which.name ?? ''] : ['id', which.id];
    return this.#change((database) => {
      const rows = database
        .prepare(`UPDATE ${TABLE} SET revoked = ? WHERE ${column} = ? AND revoked IS NULL RETURNING *`)
        .all(atMs, value);
      return rows.map(recordOf);
    });
  }

  touch(uses: ReadonlyMap<string, number>): Promise<void> {
    return this.#change((database) => {
      const update = database.prepare(`UPDATE ${TABLE} SET last_used = max(coalesce(last_used, 0), ?) WHERE id = ?`);
      for (const [id, at] of uses) update.run(at, id);
    }, REQUEST_BUSY_MS);
  }

  watch(listener: (notice: KeyNotice) => void): () => void {
    this.#listeners.add(listener);
    this.#poll ??= setInterval(() => this.#look(), POLL_MS).unref();
    this.#look();
    if (!this.#isLost) listener({ kind: 'live' });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#listeners.clear();
    this.#drop();
    return Promise.resolve();
  }

  #find(digest: string): KeyRecord | undefined {
    const row = this.#open().find.get(digest);
    return row && recordOf(row);
  }

  async #findLater(digest: string, attempt: number): Promise<KeyRecord | undefined> {
    const wait = RETRY_MS[attempt];
    if (wait === undefined) throw new KeyStoreError('unavailable', `${this.path} is locked by another process`);
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      return this.#find(digest);
    } catch (cause) {
      if (isBusy(cause)) return this.#findLater(digest, attempt + 1);
      throw this.#failure(cause);
    }
  }

  #act<T>(act: (opened: Opened) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      try {
        resolve(act(this.#open()));
      } catch (cause) {
        reject(this.#failure(cause));
      }
    });
  }

  #change<T>(act: (database: DatabaseSync) => T, busyMs = CHANGE_BUSY_MS): Promise<T> {
    return this.#act(({ database }) => {
      database.exec(`PRAGMA busy_timeout = ${busyMs}`);
      try {
        database.exec('BEGIN IMMEDIATE');
        const outcome = act(database);
        database.exec(
          `DELETE FROM loom_key_changes WHERE revision <= (SELECT max(revision) FROM loom_key_changes) - ${KEPT_CHANGES}`,
        );
        database.exec('COMMIT');
        return outcome;
      } finally {
        if (database.isTransaction) database.exec('ROLLBACK');
        database.exec(`PRAGMA busy_timeout = ${REQUEST_BUSY_MS}`);
        // The connection does not see its own changes in `data_version`.
        if (this.#opened) this.#tell(this.#opened.database);
      }
    });
  }

  #open(): Opened {
    if (this.#closed) throw new KeyStoreError('unavailable', 'the key store is closed');
    return (this.#opened ??= openFile(this.path));
  }

  #drop(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  /** Asks whether another process changed the file, or put another file in its place. */
  #look(): void {
    try {
      if (this.#opened && this.#opened.inode !== inodeOf(this.path)) this.#drop();
      const isNew = this.#opened === undefined;
      const { database } = this.#open();
      const version = Object.values(database.prepare('PRAGMA data_version').get() ?? {})[0];
      if (isNew || this.#isLost) this.#found(database);
      else if (version !== this.#dataVersion) this.#tell(database);
      this.#dataVersion = version;
    } catch (cause) {
      if (isBusy(cause)) return;
      const failure = this.#failure(cause);
      this.#isLost = true;
      this.#announce({ kind: 'lost', cause: failure });
    }
  }

  /** The file is open, for the first time or again. What was known of an earlier file counts no more. */
  #found(database: DatabaseSync): void {
    this.#revision = lastRevision(database);
    this.#isLost = false;
    this.#announce({ kind: 'changed' });
    this.#announce({ kind: 'live' });
  }

  #tell(database: DatabaseSync): void {
    if (this.#listeners.size === 0) return;
    const rows = database.prepare('SELECT revision, id FROM loom_key_changes WHERE revision > ?').all(this.#revision);
    const [first] = rows;
    if (!first) return;
    const isWhole = Number(first['revision']) === this.#revision + 1;
    this.#revision = Number(rows.at(-1)?.['revision']);
    this.#announce({ kind: 'changed', ...(isWhole && { ids: rows.map(({ id }) => String(id)) }) });
  }

  #announce(notice: KeyNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  /** A file that failed is opened again at the next attempt. */
  #failure(cause: unknown): KeyStoreError {
    if (cause instanceof KeyStoreError && !['schema', 'unavailable'].includes(cause.code)) return cause;
    if (!isBusy(cause)) this.#drop();
    if (cause instanceof KeyStoreError) return cause;
    const words = cause instanceof Error ? cause.message : 'failed';
    return new KeyStoreError('unavailable', `${this.path}: ${words}`, { cause });
  }
}

/** A grace never grows, and a revoked key stays revoked. */
function replace(database: DatabaseSync, { name, graceUntil }: Replacing, id: string): void {
  if (!database.prepare(`SELECT 1 FROM ${TABLE} WHERE name = ? LIMIT 1`).get(name)) throw nameUnknown(name);
  const text = `UPDATE ${TABLE} SET replaced_by = coalesce(replaced_by, ?1), grace_until = min(coalesce(grace_until, ?2), ?2)
    WHERE name = ?3 AND revoked IS NULL`;
  database.prepare(text).run(id, graceUntil, name);
}

function lastRevision(database: DatabaseSync): number {
  return Number(database.prepare('SELECT coalesce(max(revision), 0) AS last FROM loom_key_changes').get()?.['last']);
}
