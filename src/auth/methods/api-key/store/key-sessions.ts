/** Ends upgraded sockets whose key was revoked, replaced or changed after the handshake. */
import type { Now } from '../../../../lib/types.js';
import { credentialDigestOf } from '../../../granted-credential.js';
import type { Identity } from '../../../identity.js';
import type { Sessions } from '../../../method.js';
import type { KnownKey } from '../known-key.js';
import type { KeyLookup } from './key-lookup.js';
import type { KeyNotice } from './key-store.js';

const TICK_MS = 1_000;
/** So many keys are looked up at once. */
const BATCH = 16;

export interface SessionParts {
  readonly lookup: KeyLookup;
  /** The names of the keys of the file. */
  readonly taken: ReadonlySet<string>;
  readonly now: Now;
}

/** The ids of keys to look up. */
type Ids = ReadonlySet<string> | 'all';

export class KeySessions {
  /** The key of an identity when the identity was granted, or when the store was asked again. */
  readonly #keys = new WeakMap<Identity, KnownKey>();
  readonly #watched = new Set<Sessions>();
  readonly #ends = new Map<Identity, number>();
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;
  #wanted: Ids | undefined;
  /** The store did not answer about these keys. The next tick asks again: a notice comes only once. */
  #unanswered: Ids | undefined;
  /** The identities that had a socket at the last tick. */
  #seen: ReadonlySet<Identity> = new Set();

  constructor(private readonly parts: SessionParts) {}

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
    this.#recheck(notice.kind === 'changed' && notice.ids ? notice.ids : 'all');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #tick(): void {
    const now = this.parts.now();
    const ended = [...this.#ends].flatMap(([identity, at]) => (now >= at ? [identity] : []));
    for (const identity of ended) this.#ends.delete(identity);
    this.#end(ended);
    // A replaced key ends at its own time, and a socket that closed earlier is forgotten.
    const open = this.#identities();
    for (const identity of this.#ends.keys()) if (!open.has(identity)) this.#ends.delete(identity);
    if (!this.parts.lookup.state.hasNotices) this.#recheck('all');
    else this.#recheckSome(open);
    this.#seen = open;
  }

  #recheckSome(open: ReadonlySet<Identity>): void {
    const unanswered = this.#unanswered;
    this.#unanswered = undefined;
    // A notice that came while the request of a new socket was decided did not find the socket.
    const isNew = (identity: Identity): boolean => !this.#seen.has(identity);
    // Sockets of an earlier configuration.
    const isUnknown = (identity: Identity): boolean => !this.#keys.has(identity);
    const wanted = [...open].filter((each) => (isNew(each) || isUnknown(each)) && this.#digestOf(each) !== undefined);
    if (unanswered || wanted.length > 0) this.#recheck(union(unanswered, this.#idsOf(wanted)));
  }

  #idsOf(identities: readonly Identity[]): readonly string[] {
    return identities.flatMap((each) => this.#keys.get(each)?.record?.id ?? []);
  }

  /** One check runs at a time, so that a check never overtakes an earlier one, and none are left over after an outage. */
  #recheck(ids: Iterable<string> | 'all'): void {
    if (this.#watched.size === 0) return;
    this.#wanted = union(this.#wanted, ids);
    if (!this.#isChecking) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isChecking = true;
    for (let ids = this.#wanted; ids; ids = this.#wanted) {
      this.#wanted = undefined;
      const unanswered = await this.#check(ids).catch(() => ids);
      if (unanswered) this.#unanswered = union(this.#unanswered, unanswered);
    }
    this.#isChecking = false;
  }

  /** Returns the ids of the keys about which the store did not answer, if there are such keys. */
  async #check(ids: Ids): Promise<Ids | undefined> {
    const byDigest = new Map<string, Identity[]>();
    for (const identity of this.#identities()) {
      const id = this.#keys.get(identity)?.record?.id;
      if (ids !== 'all' && id !== undefined && !ids.has(id)) continue;
      const digest = this.#digestOf(identity);
      if (digest !== undefined) byDigest.set(digest, [...(byDigest.get(digest) ?? []), identity]);
    }
    const digests = [...byDigest.keys()];
    for (let at = 0; at < digests.length; at += BATCH) {
      const answers = await this.parts.lookup.recheck(digests.slice(at, at + BATCH));
      for (const [digest, key] of answers) {
        this.#apply(byDigest.get(digest) ?? [], key);
        byDigest.delete(digest);
      }
      // The store is down.
      if (answers.length === 0) break;
    }
    return byDigest.size === 0 ? undefined : new Set(this.#idsOf([...byDigest.values()].flat()));
  }

  /** The digest of the key that granted an identity. Undefined for a key of the file and for other auth methods. */
  #digestOf(identity: Identity): string | undefined {
    const isOfStore = identity.method === 'api_key' && !this.parts.taken.has(identity.subject);
    return isOfStore ? credentialDigestOf(identity) : undefined;
  }

  #apply(identities: readonly Identity[], key: KnownKey | undefined): void {
    const now = this.parts.now();
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

  /** The identities of open sockets. Sockets of one key share an identity. */
  #identities(): ReadonlySet<Identity> {
    return new Set([...this.#watched].flatMap((sessions) => sessions.identities()));
  }
}

function union(one: Ids | undefined, other: Iterable<string> | 'all'): Ids {
  return one === 'all' || other === 'all' ? 'all' : new Set([...(one ?? []), ...other]);
}
