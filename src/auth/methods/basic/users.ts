/** The user table at work: one price for every failure, and a memory of pairs that were verified. */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { BcryptPool } from './bcrypt-pool.js';
import { ProcessDigest } from '../../../lib/digest.js';
import { SingleFlight } from '../../../lib/single-flight.js';
import type { MethodDeps } from '../../method.js';
import type { UserPass } from './credentials.js';
import { costOf, type BasicOptions } from './options.js';

const REMEMBERED = 10_000;

/** How a password of a user, or of nobody, is compared. */
interface Entry {
  readonly passwordHash: string;
  readonly padding: readonly string[];
  readonly exists: boolean;
}

/** A hash of the cost that no password is known to match. */
function dummyHash(cost: number): string {
  const filler = randomBytes(40).toString('hex').slice(0, 53);
  return `$2b$${String(cost).padStart(2, '0')}$${filler}`;
}

/**
 * Every failure costs one hash of each cost in the table: the same hashes for whoever exists and for nobody. Fewer
 * rounds of the same sum would not do, since each hash has a fixed part that would tell how many there were.
 */
function paddingFor(cost: number, costs: readonly number[]): readonly string[] {
  return costs.filter((each) => each !== cost).map(dummyHash);
}

export class Users {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #nobody: Entry;
  readonly #pool: BcryptPool;
  readonly #remembered = new LRUCache<string, number>({ max: REMEMBERED });
  readonly #comparisons = new SingleFlight<boolean>();
  readonly #digest = new ProcessDigest();
  readonly #ttl: number;

  constructor(
    { users, cache_ttl }: BasicOptions,
    private readonly deps: Pick<MethodDeps, 'now' | 'metrics'>,
  ) {
    this.#pool = new BcryptPool({ metrics: deps.metrics });
    const costs = [...new Set(users.map((each) => costOf(each.password_hash)))];
    const highest = Math.max(...costs);
    this.#entries = new Map(
      users.map(({ username, password_hash }) => [
        username,
        { passwordHash: password_hash, padding: paddingFor(costOf(password_hash), costs), exists: true },
      ]),
    );
    this.#nobody = { passwordHash: dummyHash(highest), padding: paddingFor(highest, costs), exists: false };
    this.#ttl = cache_ttl;
  }

  /** The label of a pair that was verified within the TTL. */
  remembered(pair: UserPass): string | undefined {
    const label = this.labelOf(pair);
    return this.#isRemembered(label) ? label : undefined;
  }

  /** Whether the pair is being compared: whoever joins costs no hash. */
  compares(pair: UserPass): boolean {
    return this.#comparisons.has(this.labelOf(pair));
  }

  /** True at once for a remembered pair; otherwise one comparison, shared by everybody who sends the same pair. */
  verify(pair: UserPass): true | Promise<boolean> {
    const label = this.labelOf(pair);
    if (this.#isRemembered(label)) return true;
    return this.#comparisons.run(label, () => this.#compare(pair, label));
  }

  close(): Promise<void> {
    this.#remembered.clear();
    return this.#pool.close();
  }

  async #compare({ username, password }: UserPass, label: string): Promise<boolean> {
    const { passwordHash, padding, exists } = this.entryOf(username);
    const matches = await this.#pool.verify({ password, passwordHash, padding });
    if (!matches || !exists) return false;
    if (this.#ttl > 0) this.#remembered.set(label, this.deps.now() + this.#ttl);
    return true;
  }

  /** What is compared for a user, also for one that does not exist. */
  entryOf(username: string): Entry {
    return this.#entries.get(username) ?? this.#nobody;
  }

  #isRemembered(label: string): boolean {
    const until = this.#remembered.get(label);
    return until !== undefined && this.deps.now() < until;
  }

  /** The stored hash is part of it: a changed password is never met by what was remembered of the old one. */
  labelOf({ username, password }: UserPass): string {
    return this.#digest.of([username, password, this.entryOf(username).passwordHash]);
  }
}
