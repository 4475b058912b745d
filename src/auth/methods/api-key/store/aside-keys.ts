/** The keys of a store for an explanation: nothing is watched, written or counted as a use. */
import type { IncomingMessage } from 'node:http';
import { NotEvaluatedError } from '../../../../lib/not-evaluated.js';
import { notEvaluated } from '../../../aside.js';
import type { MethodDeps } from '../../../method.js';
import { UnavailableError } from '../../../outcome.js';
import type { KnownKey } from '../known-key.js';
import type { StoreOptions } from '../store-options.js';
import { AnswersOfRequests, type KeysOfStore, type Offered } from './answers.js';
import { KeyLookup } from './key-lookup.js';
import type { KeyStore } from './key-store.js';
import { openStore } from './open-store.js';
import type { StoredKeys } from './stored-keys.js';

const NOT_ASKED = notEvaluated('key_store', 'key_store_unavailable', 'the key store decides, and it was not asked');

interface AsideParts {
  readonly options: StoreOptions;
  readonly taken: ReadonlySet<string>;
  readonly deps: MethodDeps;
  /** The keys that serve requests. */
  readonly live: StoredKeys | undefined;
}

/**
 * A cached key of the live store is known without a question. The store is asked in three cases: the attempts of the
 * person who asks for this explanation count, `online` is set, or the store is a local file and nothing serves requests.
 */
export class AsideKeys implements KeysOfStore {
  readonly ready = Promise.resolve();
  readonly administration = undefined;
  readonly #live: StoredKeys | undefined;
  readonly #own: KeyStore | undefined;
  readonly #lookup: KeyLookup | undefined;
  readonly #answers: AnswersOfRequests;

  constructor({ options, taken, deps, live }: AsideParts) {
    this.#live = live;
    const isOnline = deps.aside?.online === true;
    const mayOpen = !deps.offline && (options.type === 'sqlite' || (options.type === 'postgres' && isOnline));
    if (!live && mayOpen) this.#own = openStore(options, undefined);
    const mayAsk = (): boolean => !live || isOnline || deps.aside?.asker?.() !== undefined;
    const store = live?.store ?? this.#own;
    this.#lookup = store ? new KeyLookup({ store, options, taken, deps }) : undefined;
    this.#answers = new AnswersOfRequests((wanted) => {
      const cached = this.#live?.peek(wanted.digest);
      if (cached) return cached;
      if (deps.offline)
        throw new NotEvaluatedError(undefined, 'api_key: only the live configuration asks the key store');
      if (!this.#lookup || !mayAsk()) throw new UnavailableError(NOT_ASKED);
      // No notice arrives here, and an explanation may be for another time. So no answer is kept.
      this.#lookup.notice({ kind: 'changed' });
      return this.#lookup.find(wanted);
    });
  }

  prepare(request: IncomingMessage, offered: readonly Offered[]): Promise<void> | undefined {
    return this.#answers.prepare(request, offered);
  }

  find(request: IncomingMessage, value: string): KnownKey | undefined {
    return this.#answers.find(request, value);
  }

  granted(): void {
    // An explanation is no use of a key.
  }

  watchSessions(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    await this.#own?.close();
  }
}
