/** The `loom-auth hash-key` command: prints the SHA-256 of an API key, for `api_key.keys[].key_hash`. */
import { createHash } from 'node:crypto';
import { EXIT, type ExitCode } from './exit-codes.js';
import { InputError, readSecret } from './secret-input.js';
import type { Terminal } from './terminal.js';

/** The keys that the gateway can read from a header. No client could send another key. */
const KEY = /^[\x21-\x2b\x2d-\x7e]{1,512}$/;

/** A key is random and long, so an attacker cannot guess it and one round is enough. */
export function keyHash(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

export async function hashKey(terminal: Terminal): Promise<ExitCode> {
  const key = await readSecret(terminal, 'API key');
  if (!KEY.test(key)) throw new InputError('a key is visible ASCII without spaces and commas, at most 512 characters');
  terminal.stdout.write(`${keyHash(key)}\n`);
  return EXIT.fine;
}
