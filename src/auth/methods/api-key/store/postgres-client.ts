/** The PostgreSQL clients from the optional package `pg`, loaded only if the configuration names a PostgreSQL store. */
import type * as Pg from 'pg';
import { strictUrl } from './postgres-url.js';
import { KeyStoreError } from './key-store.js';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. A secret. */
  readonly url: string;
  /** PEM of the authorities of the server certificate. Absent: as the URL says. */
  readonly ca?: string | undefined;
}

const CONNECT_MS = 2_000;
/** A request waits for a lookup, so a lookup that takes longer than this failed. */
const QUERY_MS = 2_000;

function configOf({ url, ca }: PostgresOptions): Pg.ClientConfig {
  return {
    connectionString: strictUrl(url),
    ...(ca !== undefined && { ssl: { ca } }),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
    application_name: 'loom-auth',
  };
}

/** Connections of one kind. The first query connects. */
export class Connections {
  #pool: Promise<Pg.Pool> | undefined;
  #closed = false;

  constructor(
    private readonly options: PostgresOptions,
    private readonly max: number,
  ) {}

  /** Rejects with the install command if the package is missing. */
  pool(): Promise<Pg.Pool> {
    if (this.#closed) return Promise.reject(new KeyStoreError('unavailable', 'the key store is closed'));
    return (this.#pool ??= this.#open());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#pool?.catch(() => undefined))?.end();
  }

  async #open(): Promise<Pg.Pool> {
    const { Pool } = await load();
    const pool = new Pool({ ...configOf(this.options), max: this.max, allowExitOnIdle: true });
    // The next query connects again and reports its own failure.
    pool.on('error', () => undefined);
    return pool;
  }
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

/** The error codes of TLS for a server whose authority is not known. */
const UNKNOWN_AUTHORITY: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The message of the package, and what to do. */
export function faultText(cause: unknown): string {
  const { code, message = 'failed' } = cause as Partial<NodeJS.ErrnoException>;
  return UNKNOWN_AUTHORITY.has(code) ? 'the authority of the server is not known; name it in ca_file' : message;
}
