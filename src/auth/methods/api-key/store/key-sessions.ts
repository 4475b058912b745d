/** Ends upgraded sockets whose key was revoked, replaced or changed after the handshake. */
import type { Now } from '../../../../lib/types.js';
import type { Identity } from '../../../identity.js';
import type { Sessions } from '../../../method.js';
import type { KnownKey } from '../known-key.js';
import type { KeyLookup } from './key-lookup.js';
import type { KeyNotice } from './key-store.js';

const TICK_MS = 1_000;
/** So many keys are looked up at once. */
const BATCH = 16;

export class KeySessions {
  /** The identity of a request is a copy of its own, so it ends with the request or socket. */
  readonly #keys = new WeakMap<Identity, KnownKey>();
  readonly #watched = new Set<Sessions>();
  readonly #ends = new Map<Identity, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly lookup: KeyLookup,
    private readonly now: Now,
  ) {}

  remember(identity: Identity, key: KnownKey): void {
    this.#keys.set(identity, key);
  }

  watch(sessions: Sessions): () => void {
    this.#watched.add(sessions);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return () => this.#watched.delete(sessions);
  }

  notice(notice: KeyNotice): void {
    if (notice.kind === 'lost') return;
    const ids = notice.kind === 'changed' ? notice.ids : undefined;
    this.#recheck((key) => ids === undefined || ids.includes(key.record?.id ?? ''));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #tick(): void {
    const now = this.now();
    const ended = [...this.#ends].flatMap(([identity, at]) => (now >= at ? [identity] : []));
    for (const identity of ended) this.#ends.delete(identity);
    this.#end(ended);
    // A replaced key ends at its own time, and a socket that closed earlier is forgotten.
    const open = new Set(this.#identities());
    for (const identity of this.#ends.keys()) if (!open.has(identity)) this.#ends.delete(identity);
    if (!this.lookup.state.hasNotices) this.#recheck(() => true);
  }

  /** Checks run one after the other, so that a check never overtakes an earlier one. */
  #recheck(concerns: (key: KnownKey) => boolean): void {
    if (this.#watched.size === 0) return;
    this.#running = this.#running.then(() => this.#check(concerns)).catch(() => undefined);
  }

  async #check(concerns: (key: KnownKey) => boolean): Promise<void> {
    const byKey = new Map<KnownKey, Identity[]>();
    for (const identity of this.#identities()) {
      const key = this.#keys.get(identity);
      if (!key || !concerns(key)) continue;
      const identities = byKey.get(key);
      if (identities) identities.push(identity);
      else byKey.set(key, [identity]);
    }
    const keys = [...byKey.keys()];
    for (let at = 0; at < keys.length; at += BATCH) {
      for (const [before, after] of await this.lookup.recheck(keys.slice(at, at + BATCH)))
        this.#apply(byKey.get(before) ?? [], after);
    }
  }

  #apply(identities: readonly Identity[], key: KnownKey | undefined): void {
    const now = this.now();
    if (!key || now >= key.expires || now < key.starts) return this.#end(identities);
    for (const identity of identities) {
      this.#keys.set(identity, key);
      if (key.expires === Infinity) this.#ends.delete(identity);
      else this.#ends.set(identity, key.expires);
    }
  }

  #end(identities: readonly Identity[]): void {
    if (identities.length === 0) return;
    const ended = new Set(identities);
    for (const sessions of this.#watched) sessions.end(ended);
  }

  #identities(): readonly Identity[] {
    return [...this.#watched].flatMap((sessions) => sessions.identities());
  }
}
