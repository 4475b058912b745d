/** The keys of an issuer for an explanation: keys that are known already. Nothing is fetched. */
import { NotEvaluatedError } from '../../../lib/not-evaluated.js';
import { StaticKeySet, type KeyAnswer, type KeyQuery, type KeySource } from '../../../tokens/key-source.js';
import type { Aside } from '../../aside.js';
import type { JwtIssuer } from './issuers.js';

/**
 * Returns the keys that the operator gives, else those that the gateway has loaded. Returns undefined if the keys may be
 * fetched.
 */
export function asideKeysOf(issuer: JwtIssuer, aside: Aside, loaded: KeySource | undefined): KeySource | undefined {
  const given = aside.keysOf?.(issuer.issuer);
  if (given) return new StaticKeySet(given);
  if (loaded) return new LoadedKeys(loaded);
  return aside.online ? undefined : new UnknownKeys(issuer.issuer);
}

/** The keys that another key set has loaded. A question never makes that set load. */
class LoadedKeys implements KeySource {
  readonly ready = Promise.resolve();

  constructor(private readonly source: KeySource) {}

  find(query: KeyQuery): ReturnType<KeySource['find']> {
    return this.source.peek?.(query) ?? this.source.find(query);
  }

  /** Each token is verified again, so that no cached result outlives its key. */
  holds(): boolean {
    return false;
  }

  describe(): string {
    return this.source.describe?.() ?? '';
  }

  close(): void {
    // The other key set is in use.
  }
}

class UnknownKeys implements KeySource {
  readonly ready = Promise.resolve();
  private readonly answer: KeyAnswer;

  constructor(issuer: string | undefined) {
    const whose = issuer === undefined ? 'the key set' : `the key set of ${issuer}`;
    this.answer = { kind: 'unavailable', cause: new NotEvaluatedError('key_set', `${whose} is not known here`) };
  }

  find(): KeyAnswer {
    return this.answer;
  }

  holds(): boolean {
    return false;
  }

  close(): void {
    // There is nothing to stop.
  }
}
