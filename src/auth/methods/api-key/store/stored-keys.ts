/** The keys of a store that serves requests: watched for changes, with the sessions and uses of its keys. */
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { FailureBudget } from '../../../failure-budget.js';
import type { Identity } from '../../../identity.js';
import type { CredentialStoreStatus, MethodDeps, Sessions } from '../../../method.js';
import type { KnownKey } from '../known-key.js';
import type { StoreOptions } from '../store-options.js';
import { AnswersOfRequests, type KeysOfStore, type Offered } from './answers.js';
import type * as Administration from './administration.js';
import { ANSWER_MS, KeyLookup } from './key-lookup.js';
import type { KeyNotice, KeyStore } from './key-store.js';
import type { Keys } from './keys.js';
import { KeySessions } from './key-sessions.js';
import { KeyUses } from './key-uses.js';
import { openStore } from './open-store.js';

const require = createRequire(import.meta.url);

export class StoredKeys implements KeysOfStore {
  readonly store: KeyStore;
  readonly ready: Promise<void>;
  readonly #lookup: KeyLookup;
  readonly #sessions: KeySessions;
  readonly #uses: KeyUses;
  readonly #answers = new AnswersOfRequests((wanted) => this.#lookup.find(wanted));
  readonly #unwatch: () => void;
  readonly #isOwn: boolean;
  readonly #silent: NodeJS.Timeout;
  #administration: Keys | undefined;

  constructor(
    options: StoreOptions,
    private readonly taken: ReadonlySet<string>,
    private readonly deps: MethodDeps,
  ) {
    this.store = openStore(options, deps.keyStore);
    this.#isOwn = options.type !== 'host';
    this.#lookup = new KeyLookup({ store: this.store, options, taken, deps });
    this.#sessions = new KeySessions({ lookup: this.#lookup, taken, now: deps.now });
    this.#uses = new KeyUses(this.store, deps);
    let told = (): void => undefined;
    this.ready = new Promise((resolve) => (told = resolve));
    // The store of a host may never say whether its notices arrive.
    const silence = new Error('the key store does not report that its notices arrive');
    this.#silent = setTimeout(() => this.#hear({ kind: 'lost', cause: silence }, told), ANSWER_MS);
    this.#unwatch = this.store.watch((notice) => this.#hear(notice, told));
  }

  #hear(notice: KeyNotice, told: () => void): void {
    this.#lookup.notice(notice);
    this.#sessions.notice(notice);
    if (notice.kind === 'changed') return;
    clearTimeout(this.#silent);
    told();
  }

  get status(): CredentialStoreStatus {
    return this.#lookup.state.status;
  }

  /** Loads when a host asks for it. */
  get administration(): Keys {
    const { KeyAdministration } = require('./administration.js') as typeof Administration;
    const { log, now } = this.deps;
    return (this.#administration ??= new KeyAdministration({ store: this.store, taken: this.taken, log, now }));
  }

  prepare(request: IncomingMessage, offered: readonly Offered[]): Promise<void> | undefined {
    return this.#answers.prepare(request, offered);
  }

  find(request: IncomingMessage, value: string): KnownKey | undefined {
    return this.#answers.find(request, value);
  }

  /** The cached key of a digest. */
  peek(digest: string): KnownKey | undefined {
    return this.#lookup.peek(digest);
  }

  get budget(): FailureBudget {
    return this.#lookup.budget;
  }

  granted(identity: Identity, key: KnownKey): void {
    this.#sessions.remember(identity, key);
    if (key.record) this.#uses.note(key.record);
  }

  watchSessions(sessions: Sessions): () => void {
    return this.#sessions.watch(sessions);
  }

  async close(): Promise<void> {
    clearTimeout(this.#silent);
    this.#unwatch();
    this.#sessions.close();
    await this.#uses.close();
    if (this.#isOwn) await this.store.close();
  }
}
