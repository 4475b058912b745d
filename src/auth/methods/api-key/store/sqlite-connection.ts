/** The connection to the SQLite file of API keys. It is made again after a failure, and for a file in place of the old one. */
import type { DatabaseSync } from 'node:sqlite';
import { KeyStoreError } from './key-store.js';
import { faultText, filesOf, isBusy, openFile, openForChange, type Opened } from './sqlite-file.js';

export class SqliteConnection {
  #opened: Opened | undefined;
  #closed = false;

  constructor(readonly path: string) {}

  /** Throws a KeyStoreError if the file cannot be used. */
  open(): Opened {
    if (this.#closed) throw new KeyStoreError('unavailable', 'the key store is closed');
    return (this.#opened ??= openFile(this.path));
  }

  /** As `open`, after a comparison with the files that have the names now. */
  current(): Opened {
    if (this.#opened && this.#opened.files !== filesOf(this.path, this.#opened.isFixed)) this.#drop();
    return this.open();
  }

  /** Opens the files that have the names now, for one change. */
  openForChange(): DatabaseSync {
    this.current();
    return openForChange(this.path);
  }

  close(): void {
    const wasOpen = this.#opened !== undefined;
    this.#closed = true;
    this.#drop();
    if (!wasOpen) return;
    try {
      // The last connection that can write puts the log into the file.
      openForChange(this.path).close();
    } catch {
      // The log is read when the file is opened again.
    }
  }

  /** The error of a read that failed. The file is opened again for the next one, unless it was only locked. */
  failure(cause: unknown): KeyStoreError {
    if (!isBusy(cause)) this.#drop();
    return this.refusal(cause);
  }

  /** The error of a change that failed. A full disk still has all keys, so the file stays open. */
  refusal(cause: unknown): KeyStoreError {
    if (cause instanceof KeyStoreError) return cause;
    return new KeyStoreError('unavailable', `${this.path}: ${faultText(cause)}`, { cause });
  }

  #drop(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.database.close();
  }
}
