/** Remembers which value granted an identity, for auth methods that leave other values in their places to other methods. */
import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { readOffer, type Place } from './credentials.js';
import type { Identity } from './identity.js';

/** Digests, because an upgraded socket keeps its identity for hours. */
const digests = new WeakMap<Identity, string>();

export function rememberCredential(identity: Identity, digest: string): void {
  digests.set(identity, digest);
}

/** Returns the SHA-256 digest (hex) of the value that granted the identity, if its auth method told it. */
export function credentialDigestOf(identity: Identity): string | undefined {
  return digests.get(identity);
}

/**
 * Whether the place holds the credential that granted the identity. An auth method that told no digest read the same
 * value in all its places.
 */
export function holdsGranted(request: IncomingMessage, identity: Identity, place: Place): boolean {
  const offer = readOffer(request, [place]);
  if (offer.kind !== 'one') return false;
  const digest = digests.get(identity);
  return digest === undefined || hash('sha256', offer.value) === digest;
}
