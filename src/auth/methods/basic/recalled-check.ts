/** Decides about a password without a hash: by the comparison of the live configuration with the same stored hash. */
import type { IncomingMessage } from 'node:http';
import { recordingOf } from '../../live-verdicts.js';
import { NotEvaluatedError } from '../../../lib/not-evaluated.js';
import type { PasswordCheck } from './bcrypt-check.js';
import type { UserPass } from './credentials.js';
import type { BasicOptions } from './options.js';

export function recalledCheck(): PasswordCheck {
  return {
    matches: (pair, { passwordHash, exists }, request) =>
      new Promise((resolve) => resolve(exists && matchesLive(pair, passwordHash, request))),
    close: () => Promise.resolve(),
  };
}

/** @throws NotEvaluatedError if the live configuration has not compared the password with this hash */
function matchesLive({ username }: UserPass, passwordHash: string, request: IncomingMessage | undefined): boolean {
  for (const { method, verdict } of (request && recordingOf(request)?.verdicts) ?? []) {
    if (method.type !== 'basic') continue;
    const { users } = method.options as BasicOptions;
    if (users.find((each) => each.username === username)?.password_hash !== passwordHash) continue;
    if (verdict.kind === 'granted') return true;
    if (verdict.kind === 'rejected' && verdict.reason === 'credential_invalid') return false;
  }
  throw new NotEvaluatedError(
    undefined,
    'basic: the live configuration has not compared the password with the hash of this user',
  );
}
