/** The work of one bcrypt worker: the first hash decides, the others only cost what other users' hashes would have. */
import { compareSync } from 'bcryptjs';

export interface Comparison {
  readonly password: string;
  readonly passwordHash: string;
  /** Hashed as well when the first does not match, so that all failures of a user table take the same time. */
  readonly padding: readonly string[];
}

export default function compare({ password, passwordHash, padding }: Comparison): boolean {
  if (compareSync(password, passwordHash)) return true;
  for (const hash of padding) compareSync(password, hash);
  return false;
}
