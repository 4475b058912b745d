/** Reads the lines of an import, and collects what is wrong with each. */
import type { Now } from '../../../../lib/types.js';
import { ImportSpool } from './import-spool.js';
import type { KeyRecord } from './key-record.js';
import { KeyStoreError, nameOfFile } from './key-store.js';
import { isGuessable } from './key-text.js';
import { readImport, type ReadImport } from './new-key.js';
import type { TakenNames } from './taken-names.js';

const MOST_FAULTS = 20;
const MOST_WARNINGS = 100;
const LONGEST_LINE = 65_536;

export interface ReadLines {
  readonly records: Iterable<KeyRecord>;
  readonly count: number;
  readonly warnings: readonly string[];
}

export class ImportedLines {
  readonly #spool = new ImportSpool();
  readonly #warnings: string[] = [];
  readonly #faults: string[] = [];
  #guessable = 0;
  #number = 0;

  constructor(
    private readonly taken: TakenNames,
    private readonly now: Now,
  ) {}

  /** Returns whether to go on: after many wrong lines the rest is not read. */
  add(line: string): boolean {
    const number = (this.#number += 1);
    const text = number === 1 ? line.replace(/^\ufeff/, '') : line;
    if (text.trim() === '') return true;
    try {
      const { record, key } = readLine(text, this.now());
      if (this.taken.has(record.name)) throw nameOfFile(record.name);
      this.#spool.add(record, number);
      if (key !== undefined && isGuessable(key)) this.#warn(number);
      return true;
    } catch (cause) {
      if (!(cause instanceof KeyStoreError)) throw cause;
      return this.#faults.push(`line ${number}: ${cause.message}`) < MOST_FAULTS;
    }
  }

  /** Throws a KeyStoreError with all wrong lines. */
  finish(): ReadLines {
    if (this.#faults.length > 0) throw new KeyStoreError('invalid', `nothing was imported\n${this.#faults.join('\n')}`);
    const more = this.#guessable - this.#warnings.length;
    const rest = more > 0 ? [`${more} more keys have less than 128 bits`] : [];
    return { records: this.#spool, count: this.#spool.size, warnings: [...this.#warnings, ...rest] };
  }

  close(): void {
    this.#spool.close();
  }

  #warn(number: number): void {
    this.#guessable += 1;
    if (this.#warnings.length < MOST_WARNINGS)
      this.#warnings.push(`line ${number}: the key has less than 128 bits, so it can be guessed`);
  }
}

function readLine(line: string, nowMs: number): ReadImport {
  if (line.length > LONGEST_LINE) throw new KeyStoreError('invalid', `is longer than ${LONGEST_LINE} characters`);
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    throw new KeyStoreError('invalid', 'is not JSON');
  }
  return readImport(given, nowMs);
}
