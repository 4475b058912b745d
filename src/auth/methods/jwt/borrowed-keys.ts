/** The keys of an issuer for a configuration that is not served: those that the live configuration has fetched. */
import { NotEvaluatedError } from '../../../lib/not-evaluated.js';
import type { KeyAnswer, KeyQuery, KeySource } from '../../../tokens/key-source.js';
import { quoted } from '../../../lib/sentence.js';
import type { Offline } from '../../method.js';

/** Looks the live key set up for each token, because a reload replaces it. Never fetches. */
export class BorrowedKeys implements KeySource {
  readonly ready = Promise.resolve();

  constructor(
    private readonly issuer: string | undefined,
    private readonly source: string,
    private readonly offline: Offline,
  ) {}

  find(query: KeyQuery): KeyAnswer {
    const answer = this.offline.keysOf(this.source)?.peek?.(query);
    if (answer) return answer;
    const of = this.issuer === undefined ? '' : ` of ${quoted(this.issuer)}`;
    throw new NotEvaluatedError('key_set', `jwt: no key set${of}, because only the live configuration fetches keys`);
  }

  /** Each token is verified again, so that no cached result outlives its key. */
  holds(): boolean {
    return false;
  }

  describe(): string {
    return this.offline.keysOf(this.source)?.describe?.() ?? 'the key set is not loaded';
  }

  close(): void {
    // The live configuration owns the keys.
  }
}
