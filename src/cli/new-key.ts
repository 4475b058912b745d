/** The `loom-auth new-key` command: prints a new API key and its hash for the file. */
import { randomBytes } from 'node:crypto';
import { EXIT, type ExitCode } from './exit-codes.js';
import { keyHash } from './hash-key.js';
import type { Terminal } from './terminal.js';

const KEY_BYTES = 32;

export function newKey({ stdout }: Terminal): ExitCode {
  const key = `sk_${randomBytes(KEY_BYTES).toString('base64url')}`;
  stdout.write(`key:      ${key}\nkey_hash: "${keyHash(key)}"\n`);
  return EXIT.fine;
}
