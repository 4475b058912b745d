/** Digests for cache keys and comparisons: no two lists of parts give one digest, and no time tells how far they agree. */
import { createHmac, createSecretKey, hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * The parts one after the other, each behind its length: `['ab', 'c']` and `['a', 'bc']` stay apart. UTF-16, because
 * UTF-8 turns every lone surrogate into the same replacement character.
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

/** An HMAC under a key that only this process ever had: a memory dump of a cache gives no credential to guess at. */
export class ProcessDigest {
  /** A key object: made of bytes anew each time, it would cost five times the digest. */
  private readonly key = createSecretKey(randomBytes(32));

  of(parts: readonly string[]): string {
    return createHmac('sha256', this.key).update(lengthPrefixed(parts)).digest('base64url');
  }
}

/** Whether two texts are equal, in a time that depends on neither. */
export function constantTimeEqual(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', lengthPrefixed([a]), 'buffer'), hash('sha256', lengthPrefixed([b]), 'buffer'));
}
