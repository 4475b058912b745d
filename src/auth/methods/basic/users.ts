/** The user table: an equal cost for every failure, and a cache of verified pairs. */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { IncomingMessage } from 'node:http';
import { ProcessDigest } from '../../../lib/digest.js';
import { SingleFlight } from '../../../lib/single-flight.js';
import type { Now } from '../../../lib/types.js';
import type { MethodDeps } from '../../method.js';
import { bcryptCheck, type Entry, type PasswordCheck } from './bcrypt-check.js';
import type { UserPass } from './credentials.js';
import { costOf, type BasicOptions } from './options.js';

const REMEMBERED = 10_000;

/** A hash with this cost that no known password matches. */
function dummyHash(cost: number): string {
  const filler = randomBytes(40).toString('hex').slice(0, 53);
  return `$2b$${String(cost).padStart(2, '0')}$${filler}`;
}

/**
 * Every failure costs one hash of each cost in the table, for existing and unknown users alike. An equal sum of rounds
 * is not enough. Each hash has a fixed part, which would reveal the number of hashes.
 */
function paddingFor(cost: number, costs: readonly number[]): readonly string[] {
  return costs.filter((each) => each !== cost).map(dummyHash);
}

/** A pair that was verified. */
interface Remembered {
  readonly label: string;
  readonly username: string;
  readonly until: number;
}

export class Users {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #nobody: Entry;
  readonly #remembered = new LRUCache<string, Remembered>({ max: REMEMBERED });
  readonly #comparisons = new SingleFlight<boolean>();
  readonly #digest = new ProcessDigest();
  readonly #ttl: number;
  readonly #now: Now;
  readonly #check: PasswordCheck;

  constructor(
    { users, cache_ttl }: Pick<BasicOptions, 'users' | 'cache_ttl'>,
    deps: Pick<MethodDeps, 'now' | 'metrics'> & { readonly check?: PasswordCheck },
  ) {
    this.#now = deps.now;
    this.#check = deps.check ?? bcryptCheck(deps.metrics);
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

  has(username: string): boolean {
    return this.#entries.has(username);
  }

  /** The pair of a token, if it was verified within the TTL. */
  remembered(token: string): Omit<Remembered, 'until'> | undefined {
    const known = this.#remembered.get(this.labelOf({ token }));
    return known && this.#now() < known.until ? known : undefined;
  }

  /** Whether a comparison of the pair is in progress. A request that joins it costs no hash. */
  compares(pair: UserPass): boolean {
    return this.#comparisons.has(this.labelOf(pair));
  }

  /**
   * Returns true synchronously for a remembered pair. Otherwise all requests with the same pair share one comparison.
   * `request`: for a check that needs more than the pair.
   */
  verify(pair: UserPass, request?: IncomingMessage): true | Promise<boolean> {
    if (this.remembered(pair.token)) return true;
    const label = this.labelOf(pair);
    return this.#comparisons.run(label, () => this.#compare(pair, label, request));
  }

  close(): Promise<void> {
    this.#remembered.clear();
    return this.#check.close();
  }

  async #compare(pair: UserPass, label: string, request?: IncomingMessage): Promise<boolean> {
    const entry = this.entryOf(pair.username);
    const matches = await this.#check.matches(pair, entry, request);
    if (!matches || !entry.exists) return false;
    const { username } = pair;
    if (this.#ttl > 0) this.#remembered.set(label, { label, username, until: this.#now() + this.#ttl });
    return true;
  }

  /** The data of a comparison for a user, also for an unknown user. */
  entryOf(username: string): Entry {
    return this.#entries.get(username) ?? this.#nobody;
  }

  /** The name of a pair in caches. The pair cannot be guessed from the name. */
  labelOf({ token }: Pick<UserPass, 'token'>): string {
    return this.#digest.of([token]);
  }
}
