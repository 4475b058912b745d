/** The signature algorithms of RFC 7518 §3 and RFC 8037 that a token may use, and the check of one signature. */
import { constants, createHmac, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export const ALGORITHMS = [
  'RS256', 'RS384', 'RS512',
  'PS256', 'PS384', 'PS512',
  'ES256', 'ES384', 'ES512',
  'EdDSA',
  'HS256', 'HS384', 'HS512',
] as const; // prettier-ignore

export type Algorithm = (typeof ALGORITHMS)[number];
export type Family = 'RS' | 'PS' | 'ES' | 'Ed' | 'HS';

interface Shape {
  readonly family: Family;
  readonly digest: 'sha256' | 'sha384' | 'sha512';
  /** The exact length of a signature. The length of an RSA signature depends on the key. */
  readonly bytes?: number;
}

const DIGESTS = { 256: 'sha256', 384: 'sha384', 512: 'sha512' } as const;
const ES_BYTES = { 256: 64, 384: 96, 512: 132 } as const;

const shapes: ReadonlyMap<string, Shape> = new Map(ALGORITHMS.map((name) => [name, shapeOf(name)]));

function shapeOf(name: Algorithm): Shape {
  if (name === 'EdDSA') return { family: 'Ed', digest: 'sha512', bytes: 64 };
  const family = name.slice(0, 2) as Exclude<Family, 'Ed'>;
  const bits = Number(name.slice(2)) as keyof typeof DIGESTS;
  const digest = DIGESTS[bits];
  if (family === 'ES') return { family, digest, bytes: ES_BYTES[bits] };
  return family === 'HS' ? { family, digest, bytes: bits / 8 } : { family, digest };
}

/** Whether the text is exactly a supported algorithm. `none`, `hs256` and `HS256 ` are not. */
export function isAlgorithm(text: unknown): text is Algorithm {
  return typeof text === 'string' && shapes.has(text);
}

export function familyOf(algorithm: Algorithm): Family {
  return (shapes.get(algorithm) as Shape).family;
}

export const SYMMETRIC: readonly Algorithm[] = ALGORITHMS.filter((name) => familyOf(name) === 'HS');
export const ASYMMETRIC: readonly Algorithm[] = ALGORITHMS.filter((name) => familyOf(name) !== 'HS');

/** Whether a signature can have this length. Checked before any key is looked up. */
export function fitsLength(algorithm: Algorithm, length: number): boolean {
  const { bytes } = shapes.get(algorithm) as Shape;
  return bytes === undefined ? length >= 256 && length <= 1024 : length === bytes;
}

/** Whether the signature is valid. An error of OpenSSL counts as an invalid signature. */
export function verifySignature(
  algorithm: Algorithm,
  key: KeyObject,
  signed: { input: Buffer; signature: Buffer },
): boolean {
  const { family, digest } = shapes.get(algorithm) as Shape;
  const { input, signature } = signed;
  if (!fitsLength(algorithm, signature.length) || !fillsModulus(key, signature)) return false;
  try {
    switch (family) {
      case 'HS':
        return timingSafeEqual(createHmac(digest, key).update(input).digest(), signature);
      case 'RS':
        return verify(digest, input, key, signature);
      case 'PS':
        return verify(
          digest,
          input,
          { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
          signature,
        );
      case 'ES':
        // RFC 7518 §3.4: R and S are concatenated, never DER.
        return verify(digest, input, { key, dsaEncoding: 'ieee-p1363' }, signature);
      case 'Ed':
        return verify(null, input, key, signature);
    }
  } catch {
    return false;
  }
}

/**
 * RFC 8017 §8.1.2, §8.2.2, step 1. OpenSSL accepts a PSS signature without its leading zeros, so one token would have
 * two spellings.
 */
function fillsModulus(key: KeyObject, { length }: Buffer): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === undefined || length === Math.ceil(bits / 8);
}
