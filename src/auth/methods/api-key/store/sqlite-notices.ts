/** Finds out what changed in the SQLite file of API keys, and sends notices to the listeners. */
import type { DatabaseSync } from 'node:sqlite';
import type { KeyNotice } from './key-store.js';
import type { SqliteConnection } from './sqlite-connection.js';
import { isBusy, type Opened } from './sqlite-file.js';
import { checkSqlite } from './sqlite-schema.js';

const POLL_MS = 500;
/** A file that stays locked for this time may have changed. */
const LONGEST_SILENCE_MS = 900;
/** For more changes than this the listeners forget all keys. */
const MOST_IDS = 1_000;

/** A row of the list of changes. */
interface Change {
  readonly revision: number;
  readonly id: string;
}

const NONE: Change = { revision: 0, id: '' };

export class SqliteNotices {
  readonly #listeners = new Set<(notice: KeyNotice) => void>();
  #poll: NodeJS.Timeout | undefined;
  /** The file that the listeners know. */
  #seen: Opened | undefined;
  #last = NONE;
  #dataVersion: unknown;
  #isLost = false;
  #lookedAt = 0;

  constructor(private readonly connection: SqliteConnection) {}

  watch(listener: (notice: KeyNotice) => void): () => void {
    this.#listeners.add(listener);
    this.#poll ??= setInterval(() => this.look(), POLL_MS).unref();
    this.look();
    if (!this.#isLost) listener({ kind: 'live' });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  stop(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#listeners.clear();
  }

  /** Asks whether the file was changed, or another file was put in its place. */
  look(): void {
    if (this.#listeners.size === 0) return;
    try {
      const opened = this.connection.current();
      const version = Object.values(opened.database.prepare('PRAGMA data_version').get() ?? {})[0];
      if (opened !== this.#seen || this.#isLost) this.#found(opened);
      else if (version !== this.#dataVersion) {
        // A newer loom-auth may have added a condition that this one does not check.
        checkSqlite(opened.database, this.connection.path);
        this.#tell(opened.database);
      }
      this.#dataVersion = version;
      this.#lookedAt = performance.now();
    } catch (cause) {
      if (isBusy(cause) && performance.now() - this.#lookedAt < LONGEST_SILENCE_MS) return;
      const failure = this.connection.failure(cause);
      this.#isLost = true;
      this.#announce({ kind: 'lost', cause: failure });
    }
  }

  /** The file is open, for the first time or again. What was known of an earlier file counts no more. */
  #found(opened: Opened): void {
    this.#last = lastChange(opened.database);
    this.#seen = opened;
    this.#isLost = false;
    this.#announce({ kind: 'changed' });
    this.#announce({ kind: 'live' });
  }

  /** If the last known change is no longer in the list, the file was restored from a copy. */
  #tell(database: DatabaseSync): void {
    const known = this.#last;
    const changes = changesFrom(database, known);
    const [first] = changes;
    const isWhole = known === NONE ? first === undefined || first.revision === 1 : isSame(first, known);
    const news = known === NONE ? changes : changes.slice(1);
    if (isWhole && news.length <= MOST_IDS) {
      this.#last = news.at(-1) ?? known;
      if (news.length > 0) this.#announce({ kind: 'changed', ids: news.map(({ id }) => id) });
      return;
    }
    this.#last = lastChange(database);
    this.#announce({ kind: 'changed' });
  }

  #announce(notice: KeyNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}

const isSame = (one: Change | undefined, other: Change): boolean =>
  one?.revision === other.revision && one.id === other.id;

function changesFrom(database: DatabaseSync, { revision }: Change): readonly Change[] {
  const text = 'SELECT revision, id FROM loom_key_changes WHERE revision >= ? ORDER BY revision LIMIT ?';
  return database
    .prepare(text)
    .all(revision, MOST_IDS + 2)
    .map(changeOf);
}

function lastChange(database: DatabaseSync): Change {
  const row = database.prepare('SELECT revision, id FROM loom_key_changes ORDER BY revision DESC LIMIT 1').get();
  return row ? changeOf(row) : NONE;
}

function changeOf(row: Readonly<Record<string, unknown>>): Change {
  return { revision: Number(row['revision']), id: String(row['id']) };
}
