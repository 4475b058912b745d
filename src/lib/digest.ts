/** Digests for cache keys, and comparisons in constant time; two different lists of parts never share a digest. */
import { createHmac, createSecretKey, hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Concatenates the parts, each after its length, so that `['ab', 'c']` and `['a', 'bc']` differ. The encoding is
 * UTF-16, because UTF-8 turns every lone surrogate into the same replacement character.
 */
export function lengthPrefixed(parts: readonly string[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + LENGTH_BYTES + 2 * length, 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    at = bytes.writeUInt32BE(2 * part.length, at);
    at += bytes.write(part, at, 'utf16le');
  }
  return bytes;
}

const LENGTH_BYTES = 4;

/** SHA-256 over length-prefixed parts, as base64url. */
export function digestOf(parts: readonly string[]): string {
  return hash('sha256', lengthPrefixed(parts), 'base64url');
}

/**
 * An HMAC with a key that exists only in this process. An attacker with a memory dump of a cache cannot guess
 * credentials offline without the key.
 */
export class ProcessDigest {
  /** A key object. To create it from bytes for each digest would cost five times the digest. */
  private readonly key = createSecretKey(randomBytes(32));

  of(parts: readonly string[]): string {
    return createHmac('sha256', this.key).update(lengthPrefixed(parts)).digest('base64url');
  }
}

/** Whether two texts are equal. The time does not depend on their content. */
export function constantTimeEqual(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', lengthPrefixed([a]), 'buffer'), hash('sha256', lengthPrefixed([b]), 'buffer'));
}
