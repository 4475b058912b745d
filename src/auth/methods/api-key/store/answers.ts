/** What a store answered about the values of a request: looked up once, and then known without waiting. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { requestStateOf } from '../../../../http/request-state.js';
import { looksLikeJws } from '../../../../lib/jws-form.js';
import { NotEvaluatedError } from '../../../../lib/not-evaluated.js';
import type { MaybePromise } from '../../../../lib/types.js';
import type { Identity } from '../../../identity.js';
import type { CredentialStoreStatus, Sessions } from '../../../method.js';
import { UnavailableError } from '../../../outcome.js';
import type { KnownKey } from '../known-key.js';
import type { Wanted } from './key-lookup.js';
import type { Keys } from './keys.js';
import { isMistyped } from './key-text.js';

/** The keys of a store as the strategy sees them. */
export interface KeysOfStore {
  /** Settles when it is known whether the store answers. Never rejects. */
  readonly ready: Promise<void>;
  readonly administration: Keys | undefined;
  readonly status?: CredentialStoreStatus;
  /** Looks up the values that a key can have. Returns undefined if nothing needs to be awaited. */
  prepare(request: IncomingMessage, offered: readonly Offered[]): Promise<void> | undefined;
  /** The key of a value that was prepared. Throws an UnavailableError if the store did not answer. */
  find(request: IncomingMessage, value: string): KnownKey | undefined;
  /** A key of the store granted an identity. */
  granted(identity: Identity, key: KnownKey): void;
  watchSessions(sessions: Sessions): () => void;
  close(): Promise<void>;
}

/** A value in one place of a request. */
export interface Offered {
  readonly value: string;
  readonly isShared: boolean;
}

type Answer = KnownKey | UnavailableError | undefined;

/** No key has another form, so such a value needs no lookup. */
const KEY_FORM = /^[\x21-\x2b\x2d-\x7e]{1,512}$/;

const canBeKey = (value: string): boolean => KEY_FORM.test(value) && !looksLikeJws(value) && !isMistyped(value);

/** One lookup for each request and value. */
export class AnswersOfRequests {
  constructor(private readonly look: (wanted: Wanted) => MaybePromise<KnownKey | undefined>) {}

  prepare(request: IncomingMessage, offered: readonly Offered[]): Promise<void> | undefined {
    const answers = this.#answersOf(request);
    const waits = offered.flatMap(({ value, isShared }): Promise<void>[] => {
      if (answers.has(value) || !canBeKey(value)) return [];
      const found = this.#find({ request, digest: hash('sha256', value), isShared });
      if (!(found instanceof Promise)) {
        answers.set(value, found);
        return [];
      }
      return [found.then((answer) => void answers.set(value, answer))];
    });
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  find(request: IncomingMessage, value: string): KnownKey | undefined {
    if (!canBeKey(value)) return undefined;
    const answers = this.#answersOf(request);
    const answer = answers.has(value) ? answers.get(value) : unavailableOf('the key was not looked up');
    if (answer instanceof UnavailableError) throw answer;
    if (!answer) return undefined;
    return timingSafeEqual(hash('sha256', value, 'buffer'), answer.digest) ? answer : undefined;
  }

  #find(wanted: Wanted): MaybePromise<Answer> {
    try {
      const found = this.look(wanted);
      return found instanceof Promise ? found.catch(unavailableOf) : found;
    } catch (cause) {
      // The evaluation of a shadow file ends here: no other method may decide.
      if (cause instanceof NotEvaluatedError) throw cause;
      return unavailableOf(cause);
    }
  }

  /** Another gateway of this process may ask another store about the same request. */
  #answersOf(request: IncomingMessage): Map<string, Answer> {
    const lookups = (requestStateOf(request).lookups ??= new Map());
    let answers = lookups.get(this) as Map<string, Answer> | undefined;
    if (!answers) lookups.set(this, (answers = new Map()));
    return answers;
  }
}

function unavailableOf(cause: unknown): UnavailableError {
  if (cause instanceof UnavailableError) return cause;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  return new UnavailableError({ kind: 'unavailable', reason: 'key_store_unavailable', cause: error });
}
