/** Opens the store that an `api_key.store` block names. The module of a store loads only if the block names it. */
import { createRequire } from 'node:module';
import type { StoreOptions } from '../store-options.js';
import type { KeyStore } from './key-store.js';
import type * as Postgres from './postgres-store.js';
import type * as SqliteFiles from './sqlite-file.js';
import type * as Sqlite from './sqlite-store.js';

const require = createRequire(import.meta.url);

const FUNCTIONS = [
  'find',
  'list',
  'add',
  'revoke',
  'touch',
  'watch',
  'close',
] as const satisfies readonly (keyof KeyStore)[];

/** Whether a value of a host has the functions of a key store. */
function isKeyStore(value: unknown): value is KeyStore {
  if (typeof value !== 'object' || value === null) return false;
  return FUNCTIONS.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

/** Throws a TypeError for a store of the host that the host did not give. */
export function openStore({ type, path = '', url = '', ca }: StoreOptions, given: unknown): KeyStore {
  if (type === 'host') {
    if (isKeyStore(given)) return given;
    throw new TypeError('middleware.auth.api_key.store is of the type host: give loom() the option keyStore');
  }
  if (type === 'sqlite') {
    const { SqliteStore } = require('./sqlite-store.js') as typeof Sqlite;
    return new SqliteStore(path);
  }
  const { PostgresStore } = require('./postgres-store.js') as typeof Postgres;
  return new PostgresStore({ url, ca });
}

/** Creates or updates the schema of a store. Returns the statements that ran. */
export async function migrateStore({ type, path = '', url = '', ca }: StoreOptions): Promise<readonly string[]> {
  if (type === 'host') throw new TypeError('the host migrates its own store');
  if (type === 'sqlite') {
    const { migrateSqliteFile } = require('./sqlite-file.js') as typeof SqliteFiles;
    return migrateSqliteFile(path);
  }
  const { PostgresStore } = require('./postgres-store.js') as typeof Postgres;
  const store = new PostgresStore({ url, ca });
  try {
    return await store.migrate();
  } finally {
    await store.close();
  }
}
