/** An API key that Loom knows, from the file or from a store: its identity and its conditions. */
import { addressMatcher } from '../../../lib/address.js';
import { rememberCredential } from '../../granted-credential.js';
import type { Identity } from '../../identity.js';
import { grant } from '../../strategy-runner.js';
import type { Verdict } from '../../verdict.js';
import { subjectOf, type KeyEntry } from './key-table.js';
import type { KeyRecord } from './store/key-record.js';

export interface KnownKey {
  readonly digest: Buffer;
  readonly identity: Identity;
  /** The verdict on each request with the key. A host receives a copy of the identity. */
  readonly granted: Verdict;
  /** Milliseconds since the epoch. The key is refused before this time. */
  readonly starts: number;
  /** Milliseconds since the epoch, or Infinity. The key is refused from this time on. */
  readonly expires: number;
  /** Absent for a key of the file. */
  readonly record?: KeyRecord;
  allows(address: string): boolean;
}

export const ANYWHERE = () => true;

export function keyOfFile({ digest, name, expires, rate_limit, allowed_ips }: KeyEntry): KnownKey {
  const subject = subjectOf(name, digest.toString('hex'));
  const identity: Identity = {
    method: 'api_key',
    subject,
    ...(name === undefined ? {} : { name }),
    scopes: [],
    // Frozen, so that the copy for each request is shallow.
    claims: Object.freeze({ name: subject }),
    ...(expires === undefined ? {} : { expiresAt: Math.floor(expires / 1_000) }),
    ...(rate_limit === undefined ? {} : { rateLimit: rate_limit }),
  };
  return {
    ...grantedBy(identity, digest),
    starts: 0,
    expires: expires ?? Infinity,
    allows: allowed_ips === undefined ? ANYWHERE : addressMatcher(allowed_ips),
  };
}

/** What all requests with a key share. */
export function grantedBy(identity: Identity, digest: Buffer): Pick<KnownKey, 'digest' | 'identity' | 'granted'> {
  rememberCredential(identity, digest.toString('hex'));
  return { digest, identity, granted: grant(identity) };
}
