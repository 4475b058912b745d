/** The store of API keys in PostgreSQL, for several gateways. */
import type { PoolClient } from 'pg';
import { TABLE } from './key-row.js';
import type { KeyRecord } from './key-record.js';
import { KeyStoreError, type KeyNotice, type KeyQuery, type KeyStore, type Replacing } from './key-store.js';
import { PostgresChannel } from './postgres-channel.js';
import { Connections, faultText, type PostgresOptions } from './postgres-client.js';
import { checkVersion, migratePostgres, MIGRATION_LOCK, VERSION_QUERY } from './postgres-schema.js';
import { chunksOf, insert, readRow, refuseTaken, replace, type Ask, type Row } from './postgres-statements.js';

/** Additions run one after the other, so that two of them cannot take one name. */
const ADD_LOCK = MIGRATION_LOCK + 1;
const CHANGE_MS = 600_000;
/** A change waits for another one, such as an import, for this time. */
const LOCK_MS = 10_000;
const LOOKUP_CONNECTIONS = 4;
const CHANGE_CONNECTIONS = 2;

export class PostgresStore implements KeyStore {
  readonly #lookups: Connections;
  /** A change may wait for a long import. Lookups must not wait with it. */
  readonly #changes: Connections;
  #channel: PostgresChannel | undefined;
  #last: KeyNotice | undefined;
  readonly #listeners = new Set<(notice: KeyNotice) => void>();

  constructor(private readonly options: PostgresOptions) {
    this.#lookups = new Connections(options, LOOKUP_CONNECTIONS);
    this.#changes = new Connections(options, CHANGE_CONNECTIONS);
  }

  async find(digest: string): Promise<KeyRecord | undefined> {
    const text = `SELECT *, (${VERSION_QUERY}) AS schema_version FROM ${TABLE} WHERE digest = $1`;
    const [row] = await this.#ask(text, [digest]);
    if (!row) return undefined;
    // A newer loom-auth may have added a condition that this one does not check.
    checkVersion(Number(row['schema_version']));
    return readRow(row);
  }

  async list({ id, name, after = '', limit }: KeyQuery): Promise<readonly KeyRecord[]> {
    const text = `SELECT * FROM ${TABLE} WHERE id > $1 AND ($2::text IS NULL OR name = $2)
      AND ($3::text IS NULL OR id = $3) ORDER BY id LIMIT $4`;
    return (await this.#ask(text, [after, name ?? null, id ?? null, limit])).map(readRow);
  }

  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void> {
    return this.#add(records, async (ask) => {
      const [first] = records;
      if (replacing && first) await replace(ask, replacing, first.id);
      return replacing?.name;
    });
  }

  addAll(records: Iterable<KeyRecord>): Promise<void> {
    return this.#add(records, () => Promise.resolve(undefined));
  }

  revoke(which: { readonly id?: string; readonly name?: string }, atMs: number): Promise<readonly KeyRecord[]> {
    const [column, value] = which.id === undefined ? ['name', which.name ?? ''] : ['id', which.id];
    const text = `UPDATE ${TABLE} SET revoked = $1 WHERE ${column} = $2 AND revoked IS NULL RETURNING *`;
    return this.#change(async (ask) => (await ask(text, [atMs, value])).map(readRow));
  }

  async touch(uses: ReadonlyMap<string, number>): Promise<void> {
    const text = `UPDATE ${TABLE} AS t SET last_used = u.at
      FROM unnest($1::text[], $2::bigint[]) AS u(id, at) WHERE t.id = u.id AND coalesce(t.last_used, 0) < u.at`;
    await this.#ask(text, [[...uses.keys()], [...uses.values()]], this.#changes);
  }

  watch(listener: (notice: KeyNotice) => void): () => void {
    this.#listeners.add(listener);
    if (this.#last) listener(this.#last);
    this.#channel ??= new PostgresChannel({
      options: this.options,
      pool: () => this.#lookups.pool(),
      told: (notice) => this.#tell(notice),
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unwatch();
    };
  }

  /** Brings the database to the current schema. Returns the statements that ran. */
  async migrate(): Promise<readonly string[]> {
    return this.#withClient(migratePostgres);
  }

  async close(): Promise<void> {
    this.#unwatch();
    await Promise.all([this.#lookups.close(), this.#changes.close()]);
  }

  /** `begin` returns the name that the store may have already. */
  #add(records: Iterable<KeyRecord>, begin: (ask: Ask) => Promise<string | undefined>): Promise<void> {
    return this.#change(async (ask) => {
      await ask('SELECT pg_advisory_xact_lock($1)', [ADD_LOCK]);
      // A key without a condition of a newer loom-auth may do more than its owner means.
      const [row] = await ask(`SELECT (${VERSION_QUERY}) AS version`);
      checkVersion(Number(row?.['version'] ?? 0));
      const exempt = await begin(ask);
      for (const chunk of chunksOf(records)) await refuseTaken(ask, chunk, exempt);
      for (const chunk of chunksOf(records)) await insert(ask, chunk);
    });
  }

  #tell(notice: KeyNotice): void {
    if (notice.kind !== 'changed') this.#last = notice;
    for (const listener of this.#listeners) listener(notice);
  }

  #unwatch(): void {
    this.#channel?.stop();
    this.#channel = undefined;
    this.#last = undefined;
  }

  #ask(text: string, values: readonly unknown[], connections = this.#lookups): Promise<readonly Row[]> {
    return this.#guarded(async () => {
      const pool = await connections.pool();
      return (await pool.query<Row>(text, [...values])).rows;
    });
  }

  #change<T>(act: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#withClient((client) => inTransaction(client, act));
  }

  /** A connection that failed may still be in a transaction and hold its locks, so it is closed. */
  #withClient<T>(act: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      const client = await (await this.#changes.pool()).connect();
      // The pool listens to idle connections only. An error without a listener would end the process.
      client.on('error', ignored);
      try {
        const outcome = await act(client);
        giveBack(client, true);
        return outcome;
      } catch (cause) {
        giveBack(client, cause instanceof KeyStoreError);
        throw cause;
      }
    });
  }

  async #guarded<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (cause) {
      throw failureOf(cause);
    }
  }
}

const ignored = (): void => undefined;

function giveBack(client: PoolClient, isUsable: boolean): void {
  if (isUsable) client.off('error', ignored);
  client.release(!isUsable);
}

async function inTransaction<T>(client: PoolClient, act: (ask: Ask) => Promise<T>): Promise<T> {
  const ask: Ask = async (text, values = []) => {
    // The types of the package do not show the timeout of one query.
    const query = { text, values: [...values], query_timeout: CHANGE_MS };
    return (await client.query<Row>(query)).rows;
  };
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_MS}`);
  try {
    const outcome = await act(ask);
    await ask('COMMIT');
    return outcome;
  } catch (cause) {
    const isOver = await client.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    throw isOver || !(cause instanceof KeyStoreError) ? cause : new Error('the connection failed', { cause });
  }
}

const UNIQUE = '23505';
const UNDEFINED = ['42P01', '42703'];
const LOCKED = '55P03';

function failureOf(cause: unknown): KeyStoreError {
  if (cause instanceof KeyStoreError) return cause;
  const { code, constraint = '' } = cause as { readonly code?: string; readonly constraint?: string };
  if (code === UNIQUE) {
    const what = constraint.includes('digest') ? 'one of these keys' : 'a key with one of these ids';
    return new KeyStoreError('digest_taken', `the store has ${what} already`, { cause });
  }
  if (code !== undefined && UNDEFINED.includes(code))
    return new KeyStoreError('schema', 'the database has no key store of this version: run "loom-auth keys migrate"');
  if (code === LOCKED)
    return new KeyStoreError('unavailable', 'another change of keys takes too long; try again later', { cause });
  return new KeyStoreError('unavailable', `PostgreSQL: ${faultText(cause)}`, { cause });
}
