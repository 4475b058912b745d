/** Failed attempts of one method, counted for each client address: over the budget an attempt is refused before it costs anything. */
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { clientAddressOf } from '../http/client-address.js';
import { digestOf } from '../lib/digest.js';
import { clientNetwork } from '../lib/address.js';
import { Throttle, type Entrance, type ThrottleLimits } from '../limit/throttle.js';
import type { MethodDeps } from './method.js';
import { UnavailableError } from './outcome.js';

export interface Attempting {
  readonly request: IncomingMessage;
  /** Counts for this user of that address alone, or for this kind of attempt; never logged, for people type passwords there. */
  readonly user?: string;
}

export interface Attempted<T> extends Attempting {
  work(): Promise<T>;
  isFailure(outcome: T): boolean;
}

const TRUSTED = 10_000;
const TRUST_MS = 300_000;
const KNOWN = 'known';

export class FailureBudget {
  readonly #throttle: Throttle | undefined;
  /** Which credentials came from which addresses, each with the moment that ends it. */
  readonly #trusted = new LRUCache<string, number>({ max: TRUSTED });

  constructor(
    private readonly method: string,
    limits: ThrottleLimits | false,
    private readonly deps: MethodDeps,
  ) {
    this.#throttle = limits ? new Throttle(limits, deps.now) : undefined;
  }

  /** Does the work; rejects with an UnavailableError, and without the work, where the budget of its address is spent. */
  async run<T>(attempted: Attempted<T>): Promise<T> {
    const throttle = this.#throttle;
    if (!throttle) return attempted.work();
    const key = keyOf(attempted);
    const entrance = throttle.enter(key);
    const entered = entrance instanceof Promise ? await entrance : entrance;
    if (entered.kind !== 'entered') throw this.#refusal(entered);
    let failed = false;
    try {
      const outcome = await attempted.work();
      failed = attempted.isFailure(outcome);
      return outcome;
    } finally {
      if (throttle.leave(key, failed)) this.#tell(attempted.request);
    }
  }

  /**
   * Whether a credential that is remembered passes: over the budget only from where it came before. Else whoever has spent
   * his budget guesses on for free, and the guess that finds what somebody else is remembered by is let in.
   */
  passes(whose: Attempting, label: string): boolean {
    const throttle = this.#throttle;
    if (!throttle) return true;
    const key = keyOf(whose);
    const place = `${key} ${label}`;
    if (throttle.spent(key) && this.deps.now() >= (this.#trusted.get(place) ?? 0)) return false;
    this.#trusted.set(place, this.deps.now() + TRUST_MS);
    return true;
  }

  /** It was right, there. */
  trust(whose: Attempting, label: string): void {
    if (this.#throttle) this.#trusted.set(`${keyOf(whose)} ${label}`, this.deps.now() + TRUST_MS);
  }

  /** Whether anything but a remembered credential would be refused now. */
  isSpent(whose: Attempting): boolean {
    return this.#throttle?.spent(keyOf(whose)) !== undefined;
  }

  /** For what is remembered and asked about all the same: no crowd waits, and failures have a budget of their own. */
  async runKnown<T>(attempted: Omit<Attempted<T>, 'user'>): Promise<T> {
    const throttle = this.#throttle;
    if (!throttle) return attempted.work();
    const key = keyOf({ request: attempted.request, user: KNOWN });
    const spent = throttle.spent(key);
    if (spent) throw this.#refusal(spent);
    const outcome = await attempted.work();
    if (attempted.isFailure(outcome) && throttle.leave(key, true)) this.#tell(attempted.request);
    return outcome;
  }

  /** Not decided rather than rejected: in an `any` another credential still grants, and nobody is told that his is wrong. */
  #refusal(entrance: Exclude<Entrance, { kind: 'entered' }>): UnavailableError {
    if (entrance.kind === 'crowded') {
      const cause = new Error('too many attempts of one address wait');
      return new UnavailableError({ kind: 'unavailable', reason: 'pool_full', cause });
    }
    this.deps.metrics?.count('loom_throttled_total', { method: this.method });
    const retryAfter = Math.max(1, Math.ceil(entrance.waitMs / 1_000));
    const cause = new Error('too many failed attempts');
    return new UnavailableError({ kind: 'unavailable', reason: 'throttled', cause, retryAfter });
  }

  /** Once a window: each refusal has a line of its own anyway. */
  #tell(request: IncomingMessage): void {
    const facts = { method: this.method, client: clientAddressOf(request) };
    this.deps.log.warn(facts, 'too many failed attempts: further ones are refused for a while');
  }
}

function keyOf({ request, user }: Attempting): string {
  const address = clientAddressOf(request);
  return digestOf([clientNetwork(address) ?? address, ...(user === undefined ? [] : [user])]);
}
