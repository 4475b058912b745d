/** The users of the admin address: bcrypt hashes, within the budget of failed attempts of each client. */
import { PoolFullError } from '../auth/methods/basic/bcrypt-pool.js';
import { readUserPass } from '../auth/methods/basic/credentials.js';
import { Users } from '../auth/methods/basic/users.js';
import type { AdminAuth } from '../config/plan-types.js';
import type { Now } from '../lib/types.js';
import type { Throttle } from '../limit/throttle.js';

type UsersAuth = AdminAuth & { readonly kind: 'users' };

const REMEMBER_MS = 300_000;

export type PasswordCheck = 'granted' | 'unauthorized' | 'too_many_failures' | 'busy';

export class AdminUsers {
  #current: { readonly auth: UsersAuth; readonly users: Users } | undefined;

  constructor(
    private readonly now: Now,
    private readonly throttle: Throttle,
  ) {}

  /** Compares the token of `Authorization: Basic`. A pair that was verified in the last five minutes costs no hash. */
  async check(auth: UsersAuth, token: string, address: string): Promise<PasswordCheck> {
    const users = this.#usersOf(auth);
    if (users.remembered(token)) return 'granted';
    const pair = readUserPass(token);
    if (!pair) return 'unauthorized';
    const entrance = await this.throttle.enter(address);
    if (entrance.kind !== 'entered') return 'too_many_failures';
    let failed = false;
    try {
      failed = !(await users.verify(pair));
      return failed ? 'unauthorized' : 'granted';
    } catch (cause) {
      if (cause instanceof PoolFullError) return 'busy';
      throw cause;
    } finally {
      this.throttle.leave(address, failed);
    }
  }

  async close(): Promise<void> {
    await this.#current?.users.close();
  }

  /** A reload makes another table, and the old one forgets its pairs. */
  #usersOf(auth: UsersAuth): Users {
    if (this.#current?.auth !== auth) {
      void this.#current?.users.close();
      const users = new Users({ users: [...auth.users], cache_ttl: REMEMBER_MS }, { now: this.now });
      this.#current = { auth, users };
    }
    return this.#current.users;
  }
}
