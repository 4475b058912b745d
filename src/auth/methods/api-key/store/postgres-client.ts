/** The PostgreSQL clients from the optional package `pg`, loaded only if the configuration names a PostgreSQL store. */
import type * as Pg from 'pg';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. A secret. */
  readonly url: string;
  /** PEM of the authorities of the server certificate. Absent: as the `sslmode` of the URL says. */
  readonly ca?: string | undefined;
}

const CONNECT_MS = 2_000;
/** A request waits for a lookup, so a lookup that takes longer than this failed. */
export const QUERY_MS = 2_000;
const MOST_CONNECTIONS = 4;

function configOf({ url, ca }: PostgresOptions): Pg.ClientConfig {
  return {
    connectionString: url,
    ...(ca !== undefined && { ssl: { ca } }),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
    application_name: 'loom-auth',
  };
}

/** Rejects with the install command if the package is missing. */
export async function openPool(options: PostgresOptions): Promise<Pg.Pool> {
  const { Pool } = await load();
  const pool = new Pool({ ...configOf(options), max: MOST_CONNECTIONS, allowExitOnIdle: true });
  // The next query connects again and reports its own failure.
  pool.on('error', () => undefined);
  return pool;
}

/** A client of its own for notices. */
export async function openClient(options: PostgresOptions): Promise<Pg.Client> {
  const { Client } = await load();
  return new Client(configOf(options));
}

async function load(): Promise<Pick<typeof Pg, 'Pool' | 'Client'>> {
  try {
    const { default: pg } = await import('pg');
    return pg;
  } catch (cause) {
    throw new Error('the file uses PostgreSQL, and the package pg is not installed: npm install pg', { cause });
  }
}
