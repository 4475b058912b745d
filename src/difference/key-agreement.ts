/** Agrees on the key of one comparison between two processes, so that a reader of the network never has the key. */
import { createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';

export interface AgreementHalf {
  readonly privateKey: KeyObject;
  /** Sent to the other process, in base64url. */
  readonly publicText: string;
}

/** X25519, with a new pair of keys for each comparison. */
export function newHalf(): AgreementHalf {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { privateKey, publicText: publicKey.export({ format: 'der', type: 'spki' }).toString('base64url') };
}

/** @throws {Error} The text is no X25519 key. */
export function agreedKey({ privateKey }: Pick<AgreementHalf, 'privateKey'>, otherText: string): Uint8Array {
  const other = createPublicKey({ key: Buffer.from(otherText, 'base64url'), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey, publicKey: other });
  return new Uint8Array(hkdfSync('sha256', secret, Buffer.alloc(0), 'loom-auth diff', 32));
}
