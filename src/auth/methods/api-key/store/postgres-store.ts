/** The store of API keys in PostgreSQL, for several gateways. */
import type { Pool, PoolClient } from 'pg';
import { cellsOf, COLUMNS, recordOf, TABLE, type Cell } from './key-row.js';
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
import { PostgresChannel } from './postgres-channel.js';
import { openPool, type PostgresOptions } from './postgres-client.js';
import { migratePostgres, MIGRATION_LOCK } from './postgres-schema.js';

/** Additions run one after the other, so that two of them cannot take one name. */
const ADD_LOCK = MIGRATION_LOCK + 1;
const CHUNK = 5_000;
const CHANGE_MS = 600_000;
const TIME_COLUMNS: ReadonlySet<string> = new Set([
  'created',
  'expires',
  'not_before',
  'revoked',
  'grace_until',
  'last_used',
]);

type Row = Readonly<Record<string, unknown>>;
type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export class PostgresStore implements KeyStore {
  #pool: Promise<Pool> | undefined;
  #channel: PostgresChannel | undefined;
  #last: KeyNotice | undefined;
  readonly #listeners = new Set<(notice: KeyNotice) => void>();
  #closed = false;

  constructor(private readonly options: PostgresOptions) {}

  async find(digest: string): Promise<KeyRecord | undefined> {
    const [row] = await this.#ask(`SELECT * FROM ${TABLE} WHERE digest = $1`, [digest]);
    return row && readRow(row);
  }

  async list({ id, name, after = '', limit }: KeyQuery): Promise<readonly KeyRecord[]> {
    const text = `SELECT * FROM ${TABLE} WHERE id > $1 AND ($2::text IS NULL OR name = $2)
      AND ($3::text IS NULL OR id = $3) ORDER BY id LIMIT $4`;
    return (await this.#ask(text, [after, name ?? null, id ?? null, limit])).map(readRow);
  }

  add(records: readonly KeyRecord[], replacing?: Replacing): Promise<void> {
    return this.#change(async (ask) => {
      await ask('SELECT pg_advisory_xact_lock($1)', [ADD_LOCK]);
      const [first] = records;
      if (replacing && first) await replace(ask, replacing, first.id);
      for (let at = 0; at < records.length; at += CHUNK)
        await refuseTaken(ask, records.slice(at, at + CHUNK), replacing?.name);
      for (let at = 0; at < records.length; at += CHUNK) await insert(ask, records.slice(at, at + CHUNK));
    });
  }

  revoke(which: { readonly id?: string; readonly name?: string }, atMs: number): Promise<readonly KeyRecord[]> {
    const [column, value] = which.id === undefined ? ['name', which.name ?? ''] : ['id', which.id];
    const text = `UPDATE ${TABLE} SET revoked = $1 WHERE ${column} = $2 AND revoked IS NULL RETURNING *`;
    return this.#change(async (ask) => (await ask(text, [atMs, value])).map(readRow));
  }

  async touch(uses: ReadonlyMap<string, number>): Promise<void> {
    const text = `UPDATE ${TABLE} AS t SET last_used = u.at
      FROM unnest($1::text[], $2::bigint[]) AS u(id, at) WHERE t.id = u.id AND coalesce(t.last_used, 0) < u.at`;
    await this.#ask(text, [[...uses.keys()], [...uses.values()]]);
  }

  watch(listener: (notice: KeyNotice) => void): () => void {
    this.#listeners.add(listener);
    if (this.#last) listener(this.#last);
    this.#channel ??= new PostgresChannel({
      options: this.options,
      pool: () => this.#connect(),
      told: (notice) => this.#tell(notice),
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unwatch();
    };
  }

  /** Brings the database to the current schema. Returns the statements that ran. */
  async migrate(): Promise<readonly string[]> {
    const client = await this.#guarded(async () => (await this.#connect()).connect());
    try {
      return await this.#guarded(() => migratePostgres(client));
    } finally {
      client.release();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    await (await this.#pool?.catch(() => undefined))?.end();
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

  #connect(): Promise<Pool> {
    if (this.#closed) return Promise.reject(new KeyStoreError('unavailable', 'the key store is closed'));
    return (this.#pool ??= openPool(this.options));
  }

  async #ask(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return this.#guarded(async () => {
      const pool = await this.#connect();
      return (await pool.query<Row>(text, [...values])).rows;
    });
  }

  #change<T>(act: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      const client = await (await this.#connect()).connect();
      try {
        return await inTransaction(client, act);
      } finally {
        client.release();
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

async function inTransaction<T>(client: PoolClient, act: (ask: Ask) => Promise<T>): Promise<T> {
  const ask: Ask = async (text, values = []) => {
    // The types of the package do not show the timeout of one query.
    const query = { text, values: [...values], query_timeout: CHANGE_MS };
    return (await client.query<Row>(query)).rows;
  };
  await client.query('BEGIN');
  try {
    const outcome = await act(ask);
    await client.query('COMMIT');
    return outcome;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw cause;
  }
}

async function refuseTaken(ask: Ask, records: readonly KeyRecord[], exempt: string | undefined): Promise<void> {
  const names = records.map(({ name }) => name).filter((name) => name !== exempt);
  const [named] = await ask(`SELECT name FROM ${TABLE} WHERE name = ANY($1) LIMIT 1`, [names]);
  if (named) throw nameTaken(records.find(({ name }) => name === named['name']) as KeyRecord);
  const digests = records.map(({ digest }) => digest);
  const [taken] = await ask(`SELECT digest FROM ${TABLE} WHERE digest = ANY($1) LIMIT 1`, [digests]);
  if (taken) throw digestTaken(records.find(({ digest }) => digest === taken['digest']) as KeyRecord);
}

async function insert(ask: Ask, records: readonly KeyRecord[]): Promise<void> {
  const rows = records.map(cellsOf);
  const arrays = COLUMNS.map((_column, at) => rows.map((cells) => cells[at] as Cell));
  const types = COLUMNS.map((column, at) => `$${at + 1}::${TIME_COLUMNS.has(column) ? 'bigint' : 'text'}[]`);
  await ask(`INSERT INTO ${TABLE} (${COLUMNS.join(', ')}) SELECT * FROM unnest(${types.join(', ')})`, arrays);
}

/** A grace never grows, and a revoked key stays revoked. */
async function replace(ask: Ask, { name, graceUntil }: Replacing, id: string): Promise<void> {
  const [found] = await ask(`SELECT 1 FROM ${TABLE} WHERE name = $1 LIMIT 1`, [name]);
  if (!found) throw nameUnknown(name);
  const text = `UPDATE ${TABLE} SET replaced_by = coalesce(replaced_by, $1), grace_until = least(grace_until, $2)
    WHERE name = $3 AND revoked IS NULL`;
  await ask(text, [id, graceUntil, name]);
}

/** The package returns a `bigint` as text. */
function readRow(row: Row): KeyRecord {
  const cells = Object.entries(row).map(([column, cell]) => [
    column,
    TIME_COLUMNS.has(column) && typeof cell === 'string' ? Number(cell) : cell,
  ]);
  return recordOf(Object.fromEntries(cells) as Row);
}

const UNIQUE = '23505';
const UNDEFINED = ['42P01', '42703'];

function failureOf(cause: unknown): KeyStoreError {
  if (cause instanceof KeyStoreError) return cause;
  const { code, constraint = '' } = cause as { readonly code?: string; readonly constraint?: string };
  if (code === UNIQUE && constraint.includes('digest'))
    return new KeyStoreError('digest_taken', 'the store has one of these keys already', { cause });
  if (code !== undefined && UNDEFINED.includes(code))
    return new KeyStoreError('schema', 'the database has no key store of this version: run "loom-auth keys migrate"');
  const words = cause instanceof Error ? cause.message : 'failed';
  return new KeyStoreError('unavailable', `PostgreSQL: ${words}`, { cause });
}
