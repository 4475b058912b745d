/** The key that a record of a store describes. */
import { addressMatcher } from '../../../../lib/address.js';
import type { Identity } from '../../../identity.js';
import { ANYWHERE, grantedBy, type KnownKey } from '../known-key.js';
import { endOf, type KeyRecord } from './key-record.js';

/** `metadata` is one claim, so that a customer who names a key cannot choose another claim. */
export function keyOfRecord(record: KeyRecord): KnownKey {
  const { name, digest, scopes, metadata, rate_limit, allowed_ips, not_before = 0 } = record;
  const expires = endOf(record);
  const identity: Identity = {
    method: 'api_key',
    subject: name,
    name,
    scopes: Object.freeze([...scopes]),
    claims: Object.freeze({
      name,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      metadata: deepFrozen(metadata),
    }),
    ...(expires !== Infinity && { expiresAt: Math.floor(expires / 1_000) }),
    ...(rate_limit !== undefined && { rateLimit: rate_limit }),
  };
  const allows = allowed_ips === undefined ? ANYWHERE : addressMatcher(allowed_ips);
  return { ...grantedBy(identity, Buffer.from(digest, 'hex')), starts: not_before, expires, record, allows };
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const each of Object.values(value)) deepFrozen(each);
  return Object.freeze(value);
}
