/** The connection to the SQLite file of API keys. It is made again after a failure, and for a file in place of the old one. */
import { KeyStoreError } from './key-store.js';
import { faultText, filesOf, isBusy, openFile, type Opened } from './sqlite-file.js';

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
    if (this.#opened && this.#opened.files !== filesOf(this.path)) this.#drop();
    return this.open();
  }

  close(): void {
    this.#closed = true;
    this.#drop();
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
