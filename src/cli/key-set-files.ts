/** Reads the key sets of `--jwks`, for issuers whose keys are on the network. */
import { readFileSync } from 'node:fs';
import type { Aside } from '../auth/aside.js';
import { parseKeySet, usableKeys } from '../tokens/jwks.js';
import type { VerificationKey } from '../tokens/verification-key.js';
import { InputError } from './secret-input.js';

const OF_ISSUER = /^([a-z][a-z\d+.-]*:\/\/[^=]*)=(.+)$/is;

/** `file` is for every issuer, and `ISSUER=file` for one. */
export function keySetsOf(given: readonly string[]): Aside['keysOf'] {
  if (given.length === 0) return undefined;
  const sets = new Map<string | undefined, readonly VerificationKey[]>();
  for (const each of given) {
    const [, issuer, file = each] = OF_ISSUER.exec(each) ?? [];
    if (sets.has(issuer)) throw new InputError('--jwks is given twice for one issuer; write --jwks ISSUER=FILE');
    sets.set(issuer, keysIn(file));
  }
  return (issuer) => sets.get(issuer) ?? sets.get(undefined);
}

function keysIn(file: string): readonly VerificationKey[] {
  try {
    return usableKeys(parseKeySet(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new InputError(`--jwks ${file}: ${(cause as Error).message}`);
  }
}
