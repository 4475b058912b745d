/** The store of API keys in an SQLite file, by Node's own `node:sqlite`. */
import { setTimeout as sleep } from 'node:timers/promises';
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
import { SqliteConnection } from './sqlite-connection.js';
import { CHANGE_BUSY_MS, isBusy } from './sqlite-file.js';
import { SqliteNotices } from './sqlite-notices.js';

const RETRY_MS: readonly number[] = [5, 10, 20, 40, 80, 160];
const CHANGE_RETRY_MS = 20;
const KEPT_CHANGES = 10_000;

export class SqliteStore implements KeyStore {
  readonly #connection: SqliteConnection;
  readonly #notices: SqliteNotices;

  constructor(private readonly path: string) {
    this.#connection = new SqliteConnection(path);
    this.#notices = new SqliteNotices(this.#connection);
  }

  find(digest: string): MaybePromise<KeyRecord | undefined> {
    try {
      return this.#find(digest);
    } catch (cause) {
      if (isBusy(cause)) return this.#findLater(digest, 0);
      throw this.#connection.failure(cause);
    }
  }

  list({ id, name, after = '', limit }: KeyQuery): Promise<readonly KeyRecord[]> {
    return new Promise((resolve, reject) => {
      try {
        const text = `SELECT * FROM ${TABLE} WHERE id > ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR id = ?3)
          ORDER BY id LIMIT ?4`;
        const { database } = this.#connection.open();
        const rows = database.prepare(text).all(after, name ?? null, id ?? null, limit);
        resolve(rows.map(recordOf));
      } catch (cause) {
        reject(this.#connection.failure(cause));
      }
    });
  }

  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void> {
    return this.#change((database) => {
      const [first] = records;
      if (replacing && first) replace(database, replacing, first.id);
      insert(database, records, replacing?.name);
    });
  }

  addAll(records: Iterable<KeyRecord>): Promise<void> {
    return this.#change((database) => insert(database, records, undefined));
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
    }, 0);
  }

  watch(listener: (notice: KeyNotice) => void): () => void {
    return this.#notices.watch(listener);
  }

  close(): Promise<void> {
    this.#notices.stop();
    this.#connection.close();
    return Promise.resolve();
  }

  #find(digest: string): KeyRecord | undefined {
    const opened = this.#connection.open();
    const found = opened.find.get(digest);
    // Without locks another process may have written the file during the read.
    const isOld = opened.isFixed && this.#connection.current() !== opened;
    const row = isOld ? this.#connection.open().find.get(digest) : found;
    return row && recordOf(row);
  }

  async #findLater(digest: string, attempt: number): Promise<KeyRecord | undefined> {
    const wait = RETRY_MS[attempt];
    if (wait === undefined) throw new KeyStoreError('unavailable', `${this.path} is locked by another process`);
    await sleep(wait);
    try {
      return this.#find(digest);
    } catch (cause) {
      if (isBusy(cause)) return this.#findLater(digest, attempt + 1);
      throw this.#connection.failure(cause);
    }
  }

  /** Waits for other writers without blocking the thread, which may be that of requests. */
  async #change<T>(act: (database: DatabaseSync) => T, patienceMs = CHANGE_BUSY_MS): Promise<T> {
    for (const end = performance.now() + patienceMs; ; await sleep(CHANGE_RETRY_MS)) {
      try {
        return this.#changeNow(act);
      } catch (cause) {
        if (!isBusy(cause) || performance.now() >= end) throw this.#connection.refusal(cause);
      }
    }
  }

  #changeNow<T>(act: (database: DatabaseSync) => T): T {
    const database = this.#connection.openForChange();
    try {
      database.exec('BEGIN IMMEDIATE');
      const outcome = act(database);
      database.exec(
        `DELETE FROM loom_key_changes WHERE revision <= (SELECT max(revision) FROM loom_key_changes) - ${KEPT_CHANGES}`,
      );
      database.exec('COMMIT');
      return outcome;
    } finally {
      // Without a commit the change is rolled back.
      database.close();
      this.#notices.look();
    }
  }
}

/** A grace never grows, and a revoked key stays revoked. */
function replace(database: DatabaseSync, { name, graceUntil }: Replacing, id: string): void {
  if (!database.prepare(`SELECT 1 FROM ${TABLE} WHERE name = ? LIMIT 1`).get(name)) throw nameUnknown(name);
  const text = `UPDATE ${TABLE} SET replaced_by = coalesce(replaced_by, ?1), grace_until = min(coalesce(grace_until, ?2), ?2)
    WHERE name = ?3 AND revoked IS NULL`;
  database.prepare(text).run(id, graceUntil, name);
}

/** The names are checked first, because several records may have one name. */
function insert(database: DatabaseSync, records: Iterable<KeyRecord>, exempt: string | undefined): void {
  const named = database.prepare(`SELECT 1 FROM ${TABLE} WHERE name = ? LIMIT 1`);
  const same = database.prepare(`SELECT 1 FROM ${TABLE} WHERE digest = ? OR id = ?`);
  for (const record of records) if (record.name !== exempt && named.get(record.name)) throw nameTaken(record);
  const text = `INSERT INTO ${TABLE} (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;
  const statement = database.prepare(text);
  for (const record of records) {
    if (same.get(record.digest, record.id)) throw digestTaken(record);
    statement.run(...cellsOf(record));
  }
}
