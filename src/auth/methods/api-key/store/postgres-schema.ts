/** The schema of the PostgreSQL table of API keys, and its migrations. */
import { COLUMNS, TABLE, USE_COLUMN } from './key-row.js';
import { KeyStoreError } from './key-store.js';

/** The channel of the notices: ids of changed keys, or `*` for many. */
export const CHANNEL = 'loom_api_keys';
/** Any number; the same for all that migrate. */
export const MIGRATION_LOCK = 5_641_277;

const VERSION_TABLE = 'loom_api_keys_schema';
const MOST_IDS = 100;

const row = (name: string): string =>
  `(${COLUMNS.filter((column) => column !== USE_COLUMN)
    .map((column) => `${name}.${column}`)
    .join(', ')})`;

/**
 * The statements from one version of the schema to the next. The trigger also reports what a person changes with SQL. A
 * change of `last_used` alone sends no notice.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE ${TABLE} (
  id text PRIMARY KEY, name text NOT NULL, digest text NOT NULL UNIQUE, hint text NOT NULL,
  created bigint NOT NULL, expires bigint, not_before bigint, revoked bigint, replaced_by text,
  grace_until bigint, scopes text NOT NULL, metadata text NOT NULL, rate_limit text, allowed_ips text,
  last_used bigint
);
CREATE INDEX ${TABLE}_name ON ${TABLE} (name);
CREATE FUNCTION ${TABLE}_notify() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE ids text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(id) INTO ids FROM (SELECT id FROM new_rows LIMIT ${MOST_IDS + 1}) AS changed;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(id) INTO ids FROM (SELECT id FROM old_rows LIMIT ${MOST_IDS + 1}) AS changed;
  ELSE
    SELECT array_agg(id) INTO ids FROM (
      SELECT o.id FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
      WHERE ${row('o')} IS DISTINCT FROM ${row('n')} LIMIT ${MOST_IDS + 1}
    ) AS changed;
  END IF;
  IF cardinality(ids) > ${MOST_IDS} THEN PERFORM pg_notify('${CHANNEL}', '*');
  ELSIF cardinality(ids) > 0 THEN PERFORM pg_notify('${CHANNEL}', array_to_string(ids, ' '));
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION ${TABLE}_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('${CHANNEL}', '*'); RETURN NULL; END $$;
CREATE TRIGGER ${TABLE}_added AFTER INSERT ON ${TABLE}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${TABLE}_notify();
CREATE TRIGGER ${TABLE}_changed AFTER UPDATE ON ${TABLE}
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${TABLE}_notify();
CREATE TRIGGER ${TABLE}_deleted AFTER DELETE ON ${TABLE}
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ${TABLE}_notify();
CREATE TRIGGER ${TABLE}_truncated AFTER TRUNCATE ON ${TABLE}
  FOR EACH STATEMENT EXECUTE FUNCTION ${TABLE}_truncated();`,
];

const POSTGRES_VERSION = MIGRATIONS.length;

/** The part of a client of the package `pg` that the store uses. */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

/** The version of the schema, for a statement that reads a record. */
export const VERSION_QUERY = `SELECT max(version) FROM ${VERSION_TABLE}`;

async function versionOf(client: Queryable): Promise<number> {
  const { rows } = await client.query(`SELECT to_regclass('${VERSION_TABLE}') IS NOT NULL AS found`);
  if (rows[0]?.['found'] !== true) return 0;
  const { rows: versions } = await client.query(`SELECT (${VERSION_QUERY}) AS version`);
  return Number(versions[0]?.['version'] ?? 0);
}

/** Rejects if the database has no table of this version. */
export async function checkPostgres(client: Queryable): Promise<void> {
  checkVersion(await versionOf(client));
}

export function checkVersion(version: number): void {
  if (version === POSTGRES_VERSION) return;
  const cure =
    version < POSTGRES_VERSION ? 'run "loom-auth keys migrate"' : 'a newer loom-auth made it; update this one';
  const found = version === 0 ? 'the database has no key store' : `the key store has version ${version}`;
  throw new KeyStoreError('schema', `${found}, and version ${POSTGRES_VERSION} is needed: ${cure}`);
}

/**
 * Brings the database to the current version in one transaction, and returns the statements that ran. Processes that
 * migrate at once wait for each other.
 */
export async function migratePostgres(client: Queryable): Promise<readonly string[]> {
  await client.query('BEGIN');
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const version = await versionOf(client);
    if (version > POSTGRES_VERSION) checkVersion(version);
    const missing = MIGRATIONS.slice(version);
    if (version === 0) await client.query(`CREATE TABLE ${VERSION_TABLE} (version integer PRIMARY KEY)`);
    for (const statements of missing) await client.query(statements);
    if (missing.length > 0) await client.query(`INSERT INTO ${VERSION_TABLE} VALUES ($1)`, [POSTGRES_VERSION]);
    await client.query('COMMIT');
    return missing;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw cause;
  }
}
