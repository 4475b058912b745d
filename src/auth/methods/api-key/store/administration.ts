/** Creates, lists, revokes, rotates, imports and exports the keys of a store. */
import { parseDuration } from '../../../../lib/fields.js';
import type { Log, Now } from '../../../../lib/types.js';
import type { KeyRecord } from './key-record.js';
import { KeyStoreError, nameOfFile, nameUnknown, type KeyStore } from './key-store.js';
import { newKeyText } from './key-text.js';
import { ImportedLines } from './imported-lines.js';
import { readId, readName, readQuery, readWhich } from './key-arguments.js';
import type { CreatedKey, Imported, Keys, RotateOptions, WhichKeys } from './keys.js';
import type { NewKey } from './keys.js';
import { readNewKey, recordOfKey } from './new-key.js';
import { TakenNames } from './taken-names.js';

export interface AdministrationParts {
  readonly store: KeyStore;
  /** The names of the keys of the file. */
  readonly taken: ReadonlySet<string>;
  readonly log: Log;
  readonly now: Now;
}

const PAGE = 1_000;
const LONGEST_GRACE_MS = 366 * 86_400_000;

export class KeyAdministration implements Keys {
  readonly #taken: TakenNames;

  constructor(private readonly parts: AdministrationParts) {
    this.#taken = new TakenNames(parts.taken);
  }

  async create(options: NewKey): Promise<CreatedKey> {
    const { conditions, prefix } = readNewKey(options);
    this.#refuseName(conditions.name);
    const key = newKeyText(prefix);
    const record = recordOfKey(conditions, key, this.#now());
    this.#refuseEnded(record);
    await this.parts.store.add([record]);
    this.#tell('created', record);
    return { key, record };
  }

  async list(query: Parameters<Keys['list']>[0] = {}): Promise<readonly KeyRecord[]> {
    return this.parts.store.list(readQuery(query));
  }

  async get(id: string): Promise<KeyRecord | undefined> {
    const [record] = await this.parts.store.list({ id: readId(id), limit: 1 });
    return record;
  }

  async revoke(given: WhichKeys): Promise<readonly KeyRecord[]> {
    const { store } = this.parts;
    const which = readWhich(given);
    const revoked = await store.revoke(which, this.#now());
    const known = revoked.length > 0 || (await store.list({ ...which, limit: 1 })).length > 0;
    if (!known)
      throw 'name' in which
        ? nameUnknown(which.name)
        : new KeyStoreError('not_found', 'the store has no key of this id');
    for (const record of revoked) this.#tell('revoked', record);
    return revoked;
  }

  async rotate(name: string, { grace = '24h', expires, prefix }: RotateOptions = {}): Promise<CreatedKey> {
    const { store } = this.parts;
    const graceMs = typeof grace === 'number' ? grace : (parseDuration(grace) ?? NaN);
    if (!(graceMs >= 0 && graceMs <= LONGEST_GRACE_MS))
      throw new KeyStoreError('invalid', 'grace: must be a duration such as 24h, at most 366 days');
    const newest = (await this.#all({ name: readName(name) })).sort((a, b) => b.created - a.created)[0];
    if (!newest) throw nameUnknown(name);
    const { scopes, metadata, rate_limit, allowed_ips, not_before = 0 } = newest;
    const end = expires ?? newest.expires;
    const given = readNewKey({
      name,
      scopes,
      metadata,
      ...(rate_limit && { rate_limit }),
      ...(allowed_ips && { allowed_ips }),
      ...(end !== undefined && { expires: end }),
      // A rotation makes no key valid earlier.
      ...(not_before > this.#now() && { not_before }),
      ...(prefix !== undefined && { prefix }),
    });
    const key = newKeyText(given.prefix);
    const record = recordOfKey(given.conditions, key, this.#now());
    this.#refuseEnded(record);
    await store.add([record], { name, graceUntil: this.#now() + Math.floor(graceMs) });
    this.#tell('rotated', record);
    return { key, record };
  }

  async import(lines: Iterable<string> | AsyncIterable<string>): Promise<Imported> {
    const { store, log } = this.parts;
    const read = new ImportedLines(this.#taken, () => this.#now());
    try {
      for await (const line of lines) if (!read.add(line)) break;
      const { records, count, warnings } = read.finish();
      if (count > 0) await (store.addAll ? store.addAll(records) : store.add([...records]));
      log.info({ event: 'key', action: 'imported', keys: count }, 'API keys were imported');
      return { imported: count, warnings };
    } finally {
      read.close();
    }
  }

  async *export(): AsyncGenerator<string> {
    for await (const page of this.#pages({})) {
      for (const { digest, ...record } of page) yield JSON.stringify({ ...record, key_hash: `sha256:${digest}` });
    }
  }

  async *#pages(query: { readonly name?: string }): AsyncGenerator<readonly KeyRecord[]> {
    let after: string | undefined;
    for (;;) {
      const page = await this.parts.store.list({ ...query, after, limit: PAGE });
      yield page;
      if (page.length < PAGE) return;
      after = page.at(-1)?.id;
    }
  }

  async #all(query: { readonly name: string }): Promise<KeyRecord[]> {
    const found: KeyRecord[] = [];
    for await (const page of this.#pages(query)) found.push(...page);
    return found;
  }

  /** Records have whole milliseconds. The clock of a host may have more. */
  #now(): number {
    return Math.floor(this.parts.now());
  }

  #refuseName(name: string): void {
    if (this.#taken.has(name)) throw nameOfFile(name);
  }

  #refuseEnded({ expires = Infinity }: KeyRecord): void {
    if (expires <= this.#now()) throw new KeyStoreError('invalid', 'expires: the new key would have expired already');
  }

  /** Audit: who changed what is known from the process that writes the line. */
  #tell(action: 'created' | 'revoked' | 'rotated', { id, name, hint }: KeyRecord): void {
    this.parts.log.info({ event: 'key', action, id, name, hint }, `an API key was ${action}`);
  }
}
