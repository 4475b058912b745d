/** Reads the lines of an import, and collects what is wrong with each. */
import type { Now } from '../../../../lib/types.js';
import type { KeyRecord } from './key-record.js';
import { KeyStoreError } from './key-store.js';
import { isGuessable } from './key-text.js';
import { readImport, type ReadImport } from './new-key.js';

const MOST_FAULTS = 20;

export class ImportedLines {
  readonly #records: KeyRecord[] = [];
  readonly #warnings: string[] = [];
  readonly #faults: string[] = [];
  readonly #seen: Seen;
  #number = 0;

  constructor(
    taken: ReadonlySet<string>,
    private readonly now: Now,
  ) {
    this.#seen = new Seen(taken);
  }

  /** Returns whether to go on: after many wrong lines the rest is not read. */
  add(line: string): boolean {
    const number = (this.#number += 1);
    const text = number === 1 ? line.replace(/^\ufeff/, '') : line;
    if (text.trim() === '') return true;
    try {
      const { record, key } = readLine(text, this.now());
      this.#seen.add(record, number);
      this.#records.push(record);
      if (key !== undefined && isGuessable(key))
        this.#warnings.push(`line ${number}: the key has less than 128 bits, so it can be guessed`);
      return true;
    } catch (cause) {
      if (!(cause instanceof KeyStoreError)) throw cause;
      return this.#faults.push(`line ${number}: ${cause.message}`) < MOST_FAULTS;
    }
  }

  /** Throws a KeyStoreError with all wrong lines. */
  finish(): { readonly records: readonly KeyRecord[]; readonly warnings: readonly string[] } {
    if (this.#faults.length > 0) throw new KeyStoreError('invalid', `nothing was imported\n${this.#faults.join('\n')}`);
    return { records: this.#records, warnings: this.#warnings };
  }
}

function readLine(line: string, nowMs: number): ReadImport {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    throw new KeyStoreError('invalid', 'is not JSON');
  }
  return readImport(given, nowMs);
}

/** The keys and names of the lines before. Several keys of one name are one caller, so they may do the same. */
class Seen {
  readonly #digests = new Map<string, number>();
  readonly #ids = new Map<string, number>();
  readonly #names = new Map<string, { readonly rights: string; readonly line: number }>();

  constructor(private readonly taken: ReadonlySet<string>) {}

  add(record: KeyRecord, line: number): void {
    const { id, name, digest, scopes, metadata, rate_limit, allowed_ips } = record;
    if (this.taken.has(name))
      throw new KeyStoreError('name_taken', `the file has a key named ${JSON.stringify(name)} already`);
    const earlier = this.#digests.get(digest) ?? this.#ids.get(id);
    if (earlier !== undefined) throw new KeyStoreError('digest_taken', `is the key of line ${earlier}`);
    const rights = JSON.stringify([scopes, metadata, rate_limit, allowed_ips]);
    const known = this.#names.get(name);
    if (known && known.rights !== rights)
      throw new KeyStoreError(
        'invalid',
        `name: line ${known.line} has this name and other scopes, metadata, rate_limit or allowed_ips`,
      );
    this.#digests.set(digest, line);
    this.#ids.set(id, line);
    if (!known) this.#names.set(name, { rights, line });
  }
}
