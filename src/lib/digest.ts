/** Digests for cache keys, and comparisons in constant time; two different lists of parts never share a digest. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

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
 * A digest with a key that exists only in this process. An attacker with a memory dump of a cache cannot guess
 * credentials offline without the key. SHA-512/256 has no length extension, so the key can stand before the parts. An
 * HMAC would take three times as long.
 */
export class ProcessDigest {
  private readonly key = randomBytes(32).toString('base64url');

  of(parts: readonly string[]): string {
    return hash('sha512-256', lengthPrefixed([this.key, ...parts]), 'base64url');
  }
}

/** Whether two texts are equal. The time does not depend on their content. */
export function constantTimeEqual(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', lengthPrefixed([a]), 'buffer'), hash('sha256', lengthPrefixed([b]), 'buffer'));
}
