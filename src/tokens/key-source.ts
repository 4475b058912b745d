/** The sources of an issuer's keys, and the choice of a key by the token's header. */
import type { MaybePromise } from '../lib/types.js';
import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './verification-key.js';

/** What an unverified header requests. */
export interface KeyQuery {
  readonly kid?: string | undefined;
  readonly alg: Algorithm;
  /** The `iss` of the token. */
  readonly issuer?: string | undefined;
}

export type KeyAnswer =
  /** `named`: a key has the `kid` of the token. Otherwise the issuer may have added a key since. */
  | { readonly kind: 'keys'; readonly keys: readonly VerificationKey[]; readonly named: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable'; readonly cause: Error };

/** What is known of a key set, without its keys. */
export interface KeySetStatus {
  readonly issuer: string;
  /** Where the keys come from, without the query of a URL. */
  readonly source: string;
  readonly keys: readonly { readonly kid?: string | undefined; readonly algorithms: readonly string[] }[];
  /** Unix milliseconds. Absent: it was never loaded, or the file has it. */
  readonly loadedAt?: number;
  /** When it is loaded next. Absent: the file has it. */
  readonly reloadAt?: number;
  /** Why the last load failed. */
  readonly fault?: string;
}

export interface KeySource {
  /** Settles after the first attempt to load, successful or not. */
  readonly ready: Promise<void>;
  find(query: KeyQuery): MaybePromise<KeyAnswer>;
  /**
   * Keys that may have been added since, for a token that no key verifies and whose `kid` no key has. Only a source that
   * changes has it.
   */
  again?(query: KeyQuery): Promise<KeyAnswer>;
  /** As `find`, with the keys that are loaded now. Never loads. Only a source that changes has it. */
  peek?(query: KeyQuery): KeyAnswer;
  /** Whether the key with this `keyId` may verify now. A cached result is valid only as long as its key. */
  holds(id: string): boolean;
  /** Names the keys and their age, for the log. */
  describe?(): string;
  /** The keys that may verify now. Default: unknown. */
  status?(): Omit<KeySetStatus, 'issuer' | 'source'>;
  close(): void;
}

/** Each signature check is costly, and a client without `kid` chooses how many run. */
const MAX_TRIED = 4;

/**
 * Returns the keys of a set that the query may mean: all keys with its `kid`, then the keys without a name. `undefined`
 * if the set may be too old to know.
 */
export function pickKeys(keys: readonly VerificationKey[], query: KeyQuery): KeyAnswer | undefined {
  const { kid, alg } = query;
  const named = kid === undefined ? [] : keys.filter((each) => each.kid === kid);
  const unnamed = kid === undefined ? keys : keys.filter((each) => each.kid === undefined);
  const fitting = [...named, ...unnamed].filter((each) => each.algorithms.includes(alg) && signsFor(each, query));
  if (named.length === 0 && fitting.length === 0) return undefined;
  return { kind: 'keys', keys: fitting.slice(0, MAX_TRIED), named: named.length > 0 };
}

/**
 * The key set of a multi-tenant provider names the issuer of each key, exactly or with `{tenantid}` in place of a path
 * segment. A key of one tenant must not sign for another tenant.
 */
function signsFor({ issuer: of }: VerificationKey, { issuer }: KeyQuery): boolean {
  if (of === undefined || of === issuer) return true;
  if (issuer === undefined) return false;
  const [wanted, given] = [of.split('/'), issuer.split('/')];
  return (
    wanted.length === given.length && wanted.every((part, at) => part === given[at] || isPlaceholder(part, given[at]))
  );
}

function isPlaceholder(part: string, given: string | undefined): boolean {
  return /^\{[A-Za-z_]+\}$/.test(part) && given !== '';
}

/** Identifies a key by its content and the issuer that it is limited to. */
export function keyId({ thumbprint, issuer }: VerificationKey): string {
  return issuer === undefined ? thumbprint : `${thumbprint} ${issuer}`;
}

/** A key without the key. */
export function keyFacts({ kid, algorithms }: VerificationKey): KeySetStatus['keys'][number] {
  return { ...(kid !== undefined && { kid }), algorithms };
}

/** One key from the file. It has no name, so a `kid` is ignored. */
export class StaticKey implements KeySource {
  readonly ready = Promise.resolve();
  private readonly answer: KeyAnswer;

  constructor(private readonly key: VerificationKey) {
    this.answer = { kind: 'keys', keys: [key], named: true };
  }

  find(query: KeyQuery): KeyAnswer {
    const fits = this.key.algorithms.includes(query.alg) && signsFor(this.key, query);
    return fits ? this.answer : { kind: 'keys', keys: [], named: true };
  }

  holds(id: string): boolean {
    return id === keyId(this.key);
  }

  status() {
    return { keys: [keyFacts(this.key)] };
  }

  close(): void {
    // There is nothing to stop.
  }
}

/** A key set from the file. */
export class StaticKeySet implements KeySource {
  readonly ready = Promise.resolve();
  private readonly ids: ReadonlySet<string>;

  constructor(private readonly keys: readonly VerificationKey[]) {
    this.ids = new Set(keys.map(keyId));
  }

  find(query: KeyQuery): KeyAnswer {
    return pickKeys(this.keys, query) ?? { kind: 'unknown' };
  }

  holds(id: string): boolean {
    return this.ids.has(id);
  }

  status() {
    return { keys: this.keys.map(keyFacts) };
  }

  close(): void {
    // There is nothing to stop.
  }
}
