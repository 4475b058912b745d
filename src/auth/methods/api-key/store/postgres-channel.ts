/** Listens to the notices of PostgreSQL, and finds out at once when they no longer arrive. */
import { randomUUID } from 'node:crypto';
import type { Client, Notification } from 'pg';
import { KeyStoreError, type KeyNotice } from './key-store.js';
import { faultText, openClient, type PostgresOptions } from './postgres-client.js';
import { CHANNEL, checkPostgres, type Queryable } from './postgres-schema.js';

/** A notice to itself is sent this often. If it does not come back before the next but one, notices are lost. */
const BEAT_MS = 400;
const LONGEST_SILENCE_MS = 900;
const RECONNECT_MS = 500;

export interface ChannelParts {
  readonly options: PostgresOptions;
  /** The connections of the lookups. A pooler may accept LISTEN and never deliver, so the beat is sent here. */
  readonly pool: () => Promise<Queryable>;
  readonly told: (notice: KeyNotice) => void;
}

export class PostgresChannel {
  readonly #beat = `loom_beat_${randomUUID().replaceAll('-', '')}`;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #isLive = false;
  #stopped = false;

  constructor(private readonly parts: ChannelParts) {
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#leave();
  }

  async #connect(): Promise<void> {
    try {
      const client = await openClient(this.parts.options);
      if (this.#stopped) return;
      this.#client = client;
      client.on('error', (cause) => this.#lose(client, cause));
      client.on('end', () => this.#lose(client, new Error('the connection for notices ended')));
      client.on('notification', (message) => this.#hear(client, message));
      await client.connect();
      // The types of the package do not show it.
      (client as Client & { unref(): void }).unref();
      await checkPostgres(client);
      await client.query(`LISTEN ${CHANNEL}`);
      await client.query(`LISTEN ${this.#beat}`);
      this.#heardAt = performance.now();
      this.#send(client);
    } catch (cause) {
      this.#lose(this.#client, cause);
    }
  }

  #hear(client: Client, { channel, payload = '' }: Notification): void {
    if (client !== this.#client) return;
    if (channel === CHANNEL) {
      const ids = payload.split(' ').filter((id) => id !== '');
      return this.parts.told({ kind: 'changed', ...(payload !== '*' && { ids }) });
    }
    this.#heardAt = performance.now();
    if (this.#isLive) return;
    this.#isLive = true;
    // What changed before LISTEN was never told.
    this.parts.told({ kind: 'changed' });
    this.parts.told({ kind: 'live' });
  }

  #send(client: Client): void {
    if (client !== this.#client || this.#stopped) return;
    this.parts
      .pool()
      .then((pool) => pool.query('SELECT pg_notify($1, $2)', [this.#beat, '']))
      .catch(() => undefined);
    this.#checkAfter(BEAT_MS, client);
  }

  /** After a late timer, what has arrived meanwhile is read first. */
  #checkAfter(ms: number, client: Client): void {
    this.#timer = setTimeout(() => setImmediate(() => this.#check(client)), ms).unref();
  }

  #check(client: Client): void {
    if (client !== this.#client || this.#stopped) return;
    const left = this.#heardAt + LONGEST_SILENCE_MS - performance.now();
    if (left >= BEAT_MS) return this.#send(client);
    if (left > 0) return this.#checkAfter(left, client);
    this.#lose(client, new Error('notices do not arrive; a pooler in transaction mode drops them'));
  }

  #lose(client: Client | undefined, cause: unknown): void {
    if (client !== this.#client || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#leave();
    this.#isLive = false;
    const code = cause instanceof KeyStoreError ? cause.code : 'unavailable';
    this.parts.told({ kind: 'lost', cause: new KeyStoreError(code, `PostgreSQL: ${faultText(cause)}`, { cause }) });
    this.#timer = setTimeout(() => void this.#connect(), RECONNECT_MS).unref();
  }

  #leave(): void {
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    client.removeAllListeners('end');
    client.end().catch(() => undefined);
  }
}
