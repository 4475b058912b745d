/** The `loom-auth hash-password` command: prints the bcrypt hash of a password, for `basic.users[].password_hash`. */
import { hash } from 'bcryptjs';
import { InvalidArgumentError } from 'commander';
import { costWarning, HIGHEST_COST, LOW_COST } from '../auth/methods/bcrypt-cost.js';
import { hasControlCharacter } from '../lib/control-character.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { InputError, readSecret } from './secret-input.js';
import { paintFor, type Terminal } from './terminal.js';

/** Bcrypt ignores later bytes. Two long passwords with the same prefix would be equal. */
const BCRYPT_BYTES = 72;

const DEFAULT_COST = LOW_COST;

/** Reads `--cost`. The command never prints a hash that a file would reject or report as too weak. */
export function costIn(text: string): number {
  const cost = /^\d{2}$/.test(text) ? Number(text) : NaN;
  if (cost >= LOW_COST && cost <= HIGHEST_COST) return cost;
  throw new InvalidArgumentError(`must be a number from ${LOW_COST} to ${HIGHEST_COST}.`);
}

export async function hashPassword(terminal: Terminal, cost: number = DEFAULT_COST): Promise<ExitCode> {
  const password = await readSecret(terminal, 'Password', { confirm: true });
  if (Buffer.byteLength(password) > BCRYPT_BYTES) throw new InputError(`bcrypt reads only ${BCRYPT_BYTES} bytes`);
  if (hasControlCharacter(password)) throw new InputError('a password cannot hold control characters');
  const warning = costWarning(cost);
  if (warning !== undefined)
    terminal.stderr.write(`${paintFor(terminal.stderr, terminal.env)('yellow', 'warning')} ${warning}\n`);
  terminal.stdout.write(`${await hash(password, cost)}\n`);
  return EXIT.fine;
}
