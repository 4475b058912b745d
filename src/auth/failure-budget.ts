/** Counts failed attempts of one auth method for each client address, and refuses attempts above the budget. */
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
  /**
   * Counts for this user or kind of attempt of this address only. Never logged, because people type passwords there.
   */
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
  /** The budget of the live method, for an explanation. */
  readonly #live: FailureBudget | undefined;
  /** Pairs of credential and client address that were accepted, each with its expiry. */
  readonly #trusted = new LRUCache<string, number>({ max: TRUSTED });

  constructor(
    private readonly method: string,
    limits: ThrottleLimits | false,
    private readonly deps: MethodDeps,
  ) {
    this.#throttle = limits && !deps.aside ? new Throttle(limits, deps.now) : undefined;
    this.#live = liveBudget(deps.aside?.live);
  }

  /** Runs the work. Rejects with an UnavailableError, without the work, if the budget of the address is spent. */
  async run<T>(attempted: Attempted<T>): Promise<T> {
    const { budget, address } = this.#whose(attempted.request);
    return budget.#runFor(address, attempted);
  }

  /** In an explanation the person who asks spends the budget of the live method, and not the described client. */
  #whose(request: IncomingMessage): { readonly budget: FailureBudget; readonly address: string } {
    const asker = this.deps.aside?.asker?.();
    if (asker !== undefined && this.#live) return { budget: this.#live, address: asker };
    return { budget: this, address: clientAddressOf(request) };
  }

  async #runFor<T>(address: string, attempted: Attempted<T>): Promise<T> {
    const throttle = this.#throttle;
    if (!throttle) return attempted.work();
    const key = keyOf(address, attempted.user);
    const entrance = throttle.enter(key);
    const entered = entrance instanceof Promise ? await entrance : entrance;
    if (entered.kind !== 'entered') throw this.#refusal(entered);
    let failed = false;
    try {
      const outcome = await attempted.work();
      failed = attempted.isFailure(outcome);
      return outcome;
    } finally {
      if (throttle.leave(key, failed)) this.#tell(address);
    }
  }

  /**
   * Whether a remembered credential passes. Above the budget it passes only from an address that it was accepted from.
   * Otherwise a client could continue to guess without cost, and a guess of a remembered credential would succeed.
   */
  passes({ request, user }: Attempting, label: string): boolean {
    const { budget, address } = this.#whose(request);
    return budget.#passesFor(keyOf(address, user), label);
  }

  #passesFor(key: string, label: string): boolean {
    const throttle = this.#throttle;
    if (!throttle) return true;
    const place = `${key} ${label}`;
    if (throttle.spent(key) && this.deps.now() >= (this.#trusted.get(place) ?? 0)) return false;
    this.#trusted.set(place, this.deps.now() + TRUST_MS);
    return true;
  }

  /** Records that the credential was valid from this address. */
  trust({ request, user }: Attempting, label: string): void {
    const { budget, address } = this.#whose(request);
    if (budget.#throttle) budget.#trusted.set(`${keyOf(address, user)} ${label}`, this.deps.now() + TRUST_MS);
  }

  /** Whether every credential except a remembered one would be refused now. */
  isSpent({ request, user }: Attempting): boolean {
    const { budget, address } = this.#whose(request);
    return budget.#throttle?.spent(keyOf(address, user)) !== undefined;
  }

  /**
   * For remembered credentials that are still checked. Attempts never wait for other attempts, and their failures have
   * a separate budget.
   */
  async runKnown<T>(attempted: Omit<Attempted<T>, 'user'>): Promise<T> {
    const throttle = this.#throttle;
    if (!throttle) return attempted.work();
    const address = clientAddressOf(attempted.request);
    const key = keyOf(address, KNOWN);
    const spent = throttle.spent(key);
    if (spent) throw this.#refusal(spent);
    const outcome = await attempted.work();
    if (attempted.isFailure(outcome) && throttle.fail(key)) this.#tell(address);
    return outcome;
  }

  /** Counts a failure that is known only after the attempt. */
  fail(request: IncomingMessage): void {
    const { budget, address } = this.#whose(request);
    if (budget.#throttle?.fail(keyOf(address, undefined))) this.#tell(address);
  }

  /**
   * Undecided, not rejected: in an `any` another credential can still grant. The client does not learn that its
   * credential is wrong.
   */
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

  /** Logs once a window, because each refusal has its own access line. */
  #tell(client: string): void {
    const facts = { method: this.method, client };
    this.deps.log.warn(facts, 'too many failed attempts: further ones are refused for a while');
  }
}

function liveBudget(strategy: object | undefined): FailureBudget | undefined {
  const { budget } = (strategy ?? {}) as { readonly budget?: unknown };
  return budget instanceof FailureBudget ? budget : undefined;
}

function keyOf(address: string, user: string | undefined): string {
  return digestOf([clientNetwork(address) ?? address, ...(user === undefined ? [] : [user])]);
}
