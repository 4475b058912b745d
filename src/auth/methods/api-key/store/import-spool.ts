/** Keeps the records of an import outside of the memory, and finds keys that are there twice. */
import { createRequire } from 'node:module';
import type * as Sqlite from 'node:sqlite';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyRecord } from './key-record.js';
import { KeyStoreError } from './key-store.js';

const require = createRequire(import.meta.url);

const TABLE = `PRAGMA journal_mode = OFF;
CREATE TABLE lines (
  line INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, rights TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT;
CREATE INDEX names ON lines (name);
BEGIN;`;

export class ImportSpool {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #sameKey: StatementSync;
  readonly #sameName: StatementSync;

  constructor() {
    const { DatabaseSync } = require('node:sqlite') as typeof Sqlite;
    // A database without a name is a file without a name. SQLite writes it if the records do not fit into its cache.
    this.#database = new DatabaseSync('');
    this.#database.exec(TABLE);
    this.#insert = this.#database.prepare('INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)');
    this.#sameKey = this.#database.prepare('SELECT line FROM lines WHERE digest = ? OR id = ?');
    this.#sameName = this.#database.prepare('SELECT line, rights FROM lines WHERE name = ? LIMIT 1');
  }

  /**
   * Throws a KeyStoreError if an earlier line has the key. Several keys of one name are one caller, so they may do the
   * same.
   */
  add(record: KeyRecord, line: number): void {
    const { id, name, digest, scopes, metadata, rate_limit, allowed_ips } = record;
    const same = this.#sameKey.get(digest, id);
    if (same) throw new KeyStoreError('digest_taken', `is the key of line ${Number(same['line'])}`);
    const rights = JSON.stringify([scopes, metadata, rate_limit, allowed_ips]);
    const named = this.#sameName.get(name);
    if (named && named['rights'] !== rights)
      throw new KeyStoreError(
        'invalid',
        `name: line ${Number(named['line'])} has this name and other scopes, metadata, rate_limit or allowed_ips`,
      );
    this.#insert.run(line, digest, id, name, rights, JSON.stringify(record));
  }

  get size(): number {
    return Number(this.#database.prepare('SELECT count(*) AS size FROM lines').get()?.['size']);
  }

  /** The records in the order of their lines. They can be read several times. */
  *[Symbol.iterator](): Iterator<KeyRecord> {
    for (const { record } of this.#database.prepare('SELECT record FROM lines ORDER BY line').iterate())
      yield JSON.parse(String(record)) as KeyRecord;
  }

  close(): void {
    this.#database.close();
  }
}
