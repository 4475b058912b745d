/** Compares the credentials of the admin address in constant time, with a budget of failed attempts for each client. */
import { LRUCache } from 'lru-cache';
import type { PlannedAdmin } from '../config/plan-types.js';
import { clientNetwork } from '../lib/address.js';
import { canonical } from '../difference/tree.js';
import { constantTimeEqual, ProcessDigest } from '../lib/digest.js';
import type { Now } from '../lib/types.js';
import { Throttle } from '../limit/throttle.js';
import type { GivenCredential } from './access.js';
import type { Role } from './page.js';
import { AdminUsers, type PasswordCheck } from './users.js';

export type CredentialCheck = PasswordCheck | 'operator_required';

export type Credentials = Pick<PlannedAdmin, 'auth' | 'operator'>;

/** A credential, and who sent it for which role. */
export interface Attempt {
  readonly role: Role;
  readonly given: GivenCredential | undefined;
  readonly address: string;
}

const BUDGET = { failures: 20, per: 60_000 };
const REMEMBER_MS = 300_000;
const MAX_REMEMBERED = 1_000;

export class AdminCredentials {
  readonly #throttle: Throttle;
  readonly #users: AdminUsers;
  readonly #digest = new ProcessDigest();
  /** Digests of the credentials that each client has proven, so that another client of its network cannot block it. */
  readonly #proven: LRUCache<string, string>;

  constructor(now: Now) {
    this.#throttle = new Throttle(BUDGET, now);
    this.#users = new AdminUsers(now, this.#throttle);
    this.#proven = new LRUCache({ max: MAX_REMEMBERED, ttl: REMEMBER_MS, perf: { now } });
  }

  /** Whether the credential is one of the role. A missing credential is no attempt. */
  async check({ role, given, address }: Attempt, { auth, operator }: Credentials): Promise<CredentialCheck> {
    const key = clientNetwork(address) ?? address;
    if (!given) return 'unauthorized';
    if (given.scheme === 'basic') {
      // An operator has a bearer token alone: a browser sends Basic unasked.
      if (role === 'operator') return 'unauthorized';
      if (auth.kind === 'users') return this.#users.check(auth, given.token, key);
    }
    const isOperator = given.scheme === 'bearer' && operator !== undefined && equal(given.token, operator.token);
    const reader = readerCredential(auth, given.scheme);
    const isReader = reader !== undefined && equal(given.token, reader);
    return this.#settle(key, { given, valid: isOperator || isReader, enough: isOperator || role !== 'operator' });
  }

  async close(): Promise<void> {
    await this.#users.close();
  }

  /** Above the budget only a credential that the same client has proven before is accepted. */
  #settle(key: string, { given, valid, enough }: Outcome): CredentialCheck {
    const mark = this.#digest.of([given.scheme, given.token]);
    const place = `${key} ${enough ? 'enough' : 'less'}`;
    const spent = this.#throttle.spent(key) !== undefined;
    if (spent && !(valid && this.#proven.get(place) === mark)) return 'too_many_failures';
    if (!valid) {
      this.#throttle.fail(key);
      return 'unauthorized';
    }
    this.#proven.set(place, mark);
    return enough ? 'granted' : 'operator_required';
  }
}

interface Outcome {
  readonly given: GivenCredential;
  readonly valid: boolean;
  /** Whether a valid credential opens the page. */
  readonly enough: boolean;
}

const equal = (given: string, expected: string): boolean => constantTimeEqual(given, expected);

function readerCredential(auth: PlannedAdmin['auth'], scheme: GivenCredential['scheme']): string | undefined {
  if (auth.kind === 'bearer' && scheme === 'bearer') return auth.token;
  if (auth.kind === 'basic' && scheme === 'basic')
    return Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return undefined;
}

/** Whether two configurations accept the same credentials. */
export function hasSameCredentials(one: Credentials, other: Credentials): boolean {
  if (one.auth === other.auth && one.operator === other.operator) return true;
  const [left, right] = [one, other].map(({ auth, operator }) => canonical([auth, operator ?? null]));
  return left === right;
}
