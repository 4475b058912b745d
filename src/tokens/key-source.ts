/** The sources of an issuer's keys, and the choice of a key by the token's header. */
import type { MaybePromise } from '../lib/types.js';
import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './verification-key.js';

/** What an unverified header requests. */
export interface KeyQuery {
  readonly kid?: string | undefined;
  readonly alg: Algorithm;
}

export type KeyAnswer =
  | { readonly kind: 'keys'; readonly keys: readonly VerificationKey[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export interface KeySource {
  /** Settles after the first attempt to load, successful or not. */
  readonly ready: Promise<void>;
  find(query: KeyQuery): MaybePromise<KeyAnswer>;
  /**
   * Keys that may have been added since, for a token without `kid` that no key verifies. Only a source that changes has
   * it.
   */
  again?(query: KeyQuery): Promise<KeyAnswer>;
  /** Whether the key may verify now. A cached result is valid only as long as its key. */
  holds(thumbprint: string): boolean;
  close(): void;
}

/** Each signature check is costly, and a client without `kid` chooses how many run. */
const MAX_TRIED = 4;

/** Returns the keys of a set that the query may mean. `undefined` if the set may be too old to know. */
export function pickKeys(keys: readonly VerificationKey[], { kid, alg }: KeyQuery): KeyAnswer | undefined {
  const named = kid === undefined ? keys : keys.filter((each) => each.kid === kid);
  const fitting = named.filter((each) => each.algorithms.includes(alg));
  if (kid === undefined) return fitting.length === 0 ? undefined : { kind: 'keys', keys: fitting.slice(0, MAX_TRIED) };
  if (named.length === 0) return undefined;
  // Two different keys have one name, so the intended key is unknown.
  return { kind: 'keys', keys: fitting.length === 1 ? fitting : [] };
}

/** One key from the file. It has no name, so a `kid` is ignored. */
export class StaticKey implements KeySource {
  readonly ready = Promise.resolve();
  private readonly answer: KeyAnswer;

  constructor(private readonly key: VerificationKey) {
    this.answer = { kind: 'keys', keys: [key] };
  }

  find({ alg }: KeyQuery): KeyAnswer {
    return this.key.algorithms.includes(alg) ? this.answer : { kind: 'keys', keys: [] };
  }

  holds(thumbprint: string): boolean {
    return thumbprint === this.key.thumbprint;
  }

  close(): void {
    // There is nothing to stop.
  }
}
