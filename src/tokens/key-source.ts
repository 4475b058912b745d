/** Where the keys of an issuer come from, and choosing among them by what a token says. */
import type { MaybePromise } from '../lib/types.js';
import type { Algorithm } from './algorithms.js';
import type { VerificationKey } from './verification-key.js';

/** What an unverified header asks for. */
export interface KeyQuery {
  readonly kid?: string | undefined;
  readonly alg: Algorithm;
}

export type KeyAnswer =
  | { readonly kind: 'keys'; readonly keys: readonly VerificationKey[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable'; readonly cause: Error };

export interface KeySource {
  /** Settles after the first attempt to load, whatever came of it. */
  readonly ready: Promise<void>;
  find(query: KeyQuery): MaybePromise<KeyAnswer>;
  /** Keys that may have come since, for a token that names none and that none verifies; a source that changes has it. */
  again?(query: KeyQuery): Promise<KeyAnswer>;
  /** Whether the key may verify at this moment: what it verified before is worth as much as the key. */
  holds(thumbprint: string): boolean;
  close(): void;
}

/** Each signature tried costs, and who sends no `kid` chooses how many. */
const MAX_TRIED = 4;

/** The keys of a set that the query may mean; undefined where the set may be too old to know. */
export function pickKeys(keys: readonly VerificationKey[], { kid, alg }: KeyQuery): KeyAnswer | undefined {
  const named = kid === undefined ? keys : keys.filter((each) => each.kid === kid);
  const fitting = named.filter((each) => each.algorithms.includes(alg));
  if (kid === undefined) return fitting.length === 0 ? undefined : { kind: 'keys', keys: fitting.slice(0, MAX_TRIED) };
  if (named.length === 0) return undefined;
  // Two different keys of one name: which of them is meant, nobody knows.
  return { kind: 'keys', keys: fitting.length === 1 ? fitting : [] };
}

/** One key that the file holds; it has no name, so a `kid` says nothing. */
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
    // Nothing runs.
  }
}
