/** The schema of the SQLite file of API keys, and its migrations. */
import type { DatabaseSync } from 'node:sqlite';
import { KeyStoreError } from './key-store.js';
import { COLUMNS, TABLE, USE_COLUMN } from './key-row.js';

/** `application_id` of the file: the letters `LOOM`. */
const APPLICATION = 0x4c4f4f4d;

const KEY_COLUMNS = COLUMNS.filter((column) => column !== USE_COLUMN).join(', ');

/**
 * The statements from one version of the schema to the next; `user_version` counts them. The triggers list each change
 * with its key, so that a gateway forgets that key alone.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE ${TABLE} (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, hint TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER, not_before INTEGER, revoked INTEGER, replaced_by TEXT,
  grace_until INTEGER, scopes TEXT NOT NULL, metadata TEXT NOT NULL, rate_limit TEXT, allowed_ips TEXT,
  last_used INTEGER
) STRICT;
CREATE INDEX loom_api_keys_name ON ${TABLE} (name);
CREATE TABLE loom_key_changes (revision INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL) STRICT;
CREATE TRIGGER loom_key_added AFTER INSERT ON ${TABLE}
  BEGIN INSERT INTO loom_key_changes (id) VALUES (NEW.id); END;
CREATE TRIGGER loom_key_changed AFTER UPDATE OF ${KEY_COLUMNS} ON ${TABLE}
  BEGIN INSERT INTO loom_key_changes (id) VALUES (OLD.id); END;
CREATE TRIGGER loom_key_deleted AFTER DELETE ON ${TABLE}
  BEGIN INSERT INTO loom_key_changes (id) VALUES (OLD.id); END;`,
];

const SQLITE_VERSION = MIGRATIONS.length;

interface Versions {
  readonly application: number;
  readonly version: number;
}

function versionsOf(database: DatabaseSync): Versions {
  const pragma = (name: string): number => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  return { application: pragma('application_id'), version: pragma('user_version') };
}

/** Throws if the file is not a key store of this version. */
export function checkSqlite(database: DatabaseSync, path: string): void {
  const { application, version } = versionsOf(database);
  if (application !== APPLICATION)
    throw new KeyStoreError('schema', `${path} is no key store; "loom-auth keys migrate" makes one`);
  if (version === SQLITE_VERSION) return;
  const cure =
    version < SQLITE_VERSION ? 'run "loom-auth keys migrate"' : 'it was made by a newer loom-auth; update this one';
  throw new KeyStoreError('schema', `${path} has version ${version} of the key store, not ${SQLITE_VERSION}: ${cure}`);
}

/**
 * Brings the file to the current version, in one transaction. Two processes that migrate at once run one after the
 * other. Returns the statements that ran.
 */
export function migrateSqlite(database: DatabaseSync, path: string): readonly string[] {
  database.exec('BEGIN IMMEDIATE');
  try {
    const { application, version } = versionsOf(database);
    const isEmpty = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'] === 0;
    if (application !== APPLICATION && !isEmpty)
      throw new KeyStoreError('schema', `${path} is a database of another application; nothing was changed`);
    if (version > SQLITE_VERSION) checkSqlite(database, path);
    const missing = MIGRATIONS.slice(version);
    for (const statements of missing) database.exec(statements);
    database.exec(`PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SQLITE_VERSION};`);
    database.exec('COMMIT');
    return missing;
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw cause;
  }
}
