/** `loom-auth hash-password`: the bcrypt hash of a password, for `basic.users[].password_hash`. */
import { hash } from 'bcryptjs';
import { hasControlCharacter } from '../lib/control-character.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { InputError, readSecret } from './secret-input.js';
import type { Terminal } from './terminal.js';

const COST = 10;
/** Bcrypt reads no further: two long passwords would be one. */
const BCRYPT_BYTES = 72;

export async function hashPassword(terminal: Terminal): Promise<ExitCode> {
  const password = await readSecret(terminal, 'Password', true);
  if (Buffer.byteLength(password) > BCRYPT_BYTES) throw new InputError(`bcrypt reads only ${BCRYPT_BYTES} bytes`);
  if (hasControlCharacter(password)) throw new InputError('a password cannot hold control characters');
  terminal.stdout.write(`${await hash(password, COST)}\n`);
  return EXIT.fine;
}
