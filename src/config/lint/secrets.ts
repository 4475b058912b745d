/** Secrets that an attacker tries first: guessable ones, and those of published leaks. */
import type { Context } from '../context.js';
import type { Path } from '../report.js';
import { isPrinted, isSecret } from '../secrets.js';
import { isCommonDigest, isCommonPassword } from './common-passwords.js';
import { whyGuessable } from '../../lib/guessable.js';

export function checkSecrets(context: Context): void {
  for (const [path, value] of context.scalars()) {
    if (typeof value !== 'string' || !isSecret(path)) continue;
    const field = path.findLast((part) => typeof part === 'string');
    if (field === 'key_hash') checkDigest(path, value.replace(/^sha256:/, ''), context);
    else if (!isBcrypt(value)) checkSecret(path, value, context);
  }
}

const isBcrypt = (text: string): boolean => /^\$2[aby]\$/.test(text);

function checkDigest(path: Path, digest: string, { report }: Context): void {
  if (!isCommonDigest(digest)) return;
  report.warning({ path, code: 'leaked_secret', message: 'is the hash of a common password; make a new key' });
}

function checkSecret(path: Path, secret: string, { report }: Context): void {
  // What the documentation prints has a rule of its own.
  if (isPrinted(secret)) return;
  for (const { text, how } of readingsOf(secret)) {
    if (isPrinted(text)) {
      const message = `${how}is printed in the Loom documentation, so it is public; make a new one`;
      return report.warning({ path, code: 'printed_secret', message });
    }
    if (isCommonPassword(text)) {
      const message = `${how}is one of the 1,000 most common passwords; make a random secret`;
      return report.warning({ path, code: 'leaked_secret', message });
    }
    const why = whyGuessable(text);
    if (why === undefined) continue;
    return report.warning({ path, code: 'guessable_secret', message: `${how}${why}; make a random secret` });
  }
}

interface Reading {
  readonly text: string;
  readonly how: string;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const HEX = /^(?:[0-9a-f]{2})+$/i;

/** An encoding hides a word from people only. */
function* readingsOf(secret: string): Generator<Reading> {
  yield { text: secret, how: '' };
  const encodings = [
    ['hex', HEX],
    ['base64', BASE64],
    ['base64url', BASE64URL],
  ] as const;
  for (const [encoding, form] of encodings) {
    const text = form.test(secret) ? Buffer.from(secret, encoding).toString('latin1') : '';
    if (/^[\x20-\x7e]{4,}$/.test(text) || isOneByte(text))
      yield { text, how: `decoded from ${encoding}, this secret ` };
  }
}

const isOneByte = (text: string): boolean => text.length >= 4 && new Set(text).size === 1;
