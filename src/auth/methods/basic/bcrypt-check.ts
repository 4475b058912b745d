/** The comparison of a password with the hash of its user, by bcrypt in the pool of worker threads. */
import type { IncomingMessage } from 'node:http';
import type { Metrics } from '../../../lib/metrics.js';
import { BcryptPool } from './bcrypt-pool.js';
import type { UserPass } from './credentials.js';

/** The data of a comparison for an existing or an unknown user. */
export interface Entry {
  readonly passwordHash: string;
  readonly padding: readonly string[];
  readonly exists: boolean;
}

export interface PasswordCheck {
  matches(pair: UserPass, entry: Entry, request?: IncomingMessage): Promise<boolean>;
  close(): Promise<void>;
}

export function bcryptCheck(metrics?: Metrics): PasswordCheck {
  const pool = new BcryptPool({ metrics });
  return {
    matches: ({ password }, { passwordHash, padding }) => pool.verify({ password, passwordHash, padding }),
    close: () => pool.close(),
  };
}
