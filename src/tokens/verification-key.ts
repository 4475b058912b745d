/** Keys that verify signatures: read once, from a JWK, PEM or secret, each with the algorithms it is good for. */
import { createPublicKey, createSecretKey, hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ALGORITHMS, ASYMMETRIC, familyOf, SYMMETRIC } from './algorithms.js';
import type { Algorithm } from './algorithms.js';
import { isRoca, isSmallOrder } from './weak-key.js';

export interface VerificationKey {
  readonly key: KeyObject;
  /** RFC 7638; what a key is, whatever its `kid` says. */
  readonly thumbprint: string;
  readonly kid?: string | undefined;
  readonly algorithms: readonly Algorithm[];
}

/** Why a key is no use; the message never quotes it. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

const MIN_RSA_BITS = 2_048;
/** Verifying costs by the square of the length, and the key set decides on it. */
const MAX_RSA_BITS = 8_192;
const CURVES: ReadonlyMap<string | undefined, Algorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
/** RFC 7518 §6.2.2, §6.3.2, §6.4: members that a public key does not have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

export function keyFromSecret(secret: string): VerificationKey {
  return verificationKey(createSecretKey(Buffer.from(secret, 'utf8')), SYMMETRIC);
}

/** A key of a key set or of the file; throws a KeyError. */
export function keyFromJwk(value: unknown): VerificationKey {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new KeyError('is no JWK');
  const jwk = value as Readonly<Record<string, unknown>>;
  if (PRIVATE.some((name) => Object.hasOwn(jwk, name))) throw new KeyError('is a private or secret key');
  const { kid, alg, use, key_ops: operations } = jwk;
  if (kid !== undefined && typeof kid !== 'string') throw new KeyError('has a "kid" that is no text');
  if (use !== undefined && use !== 'sig') throw new KeyError('is not for signatures ("use")');
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    throw new KeyError('is not for verifying ("key_ops")');
  const key = publicKey({ key: jwk, format: 'jwk' });
  const algorithms = algorithmsOf(key).filter((each) => alg === undefined || each === alg);
  if (algorithms.length === 0) throw new KeyError('has an "alg" that it cannot have');
  return { ...verificationKey(key, algorithms), ...(kid === undefined ? {} : { kid }) };
}

/** A public key as the file has it: PEM (key or certificate) or a JWK; throws a KeyError. */
export function keyFromText(text: string): VerificationKey {
  if (text.trimStart().startsWith('{')) return keyFromJwk(parseJson(text));
  if (text.includes('PRIVATE KEY')) throw new KeyError('is a private key');
  const key = publicKey(text);
  return verificationKey(key, algorithmsOf(key));
}

/** Whether a text is a key of some format rather than a shared secret: public keys are no secrets. */
export function looksLikeKey(text: string): boolean {
  const decoded = Buffer.from(text, 'base64');
  return isKeyText(text) || isKeyText(decoded.toString('latin1')) || isDerKey(decoded);
}

function isKeyText(text: string): boolean {
  return /-{4,5} ?BEGIN /.test(text) || /^\s*[[{].*"kty"/s.test(text) || /^\s*(?:ssh-|ecdsa-sha2-)\S+ AAAA/.test(text);
}

function isDerKey(bytes: Buffer): boolean {
  return (['spki', 'pkcs1'] as const).some((type) => {
    try {
      return createPublicKey({ key: bytes, format: 'der', type }).type === 'public';
    } catch {
      return false;
    }
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new KeyError('is neither PEM nor a JWK');
  }
}

function publicKey(given: Parameters<typeof createPublicKey>[0]): KeyObject {
  try {
    return createPublicKey(given);
  } catch {
    throw new KeyError('cannot be read as a public key');
  }
}

function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === 'ed25519') {
    if (isSmallOrder(key.export({ format: 'jwk' }).x as string)) throw new KeyError('is a point of small order');
    return ['EdDSA'];
  }
  if (type === 'rsa') {
    const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details;
    if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
      throw new KeyError(`is an RSA key of ${bits} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are accepted`);
    // With an exponent of 1 every text signs itself.
    if (exponent < 3n || exponent % 2n === 0n) throw new KeyError('is an RSA key with a public exponent that is none');
    if (isRoca(key.export({ format: 'jwk' }).n as string))
      throw new KeyError('is an RSA key whose private half can be computed (ROCA)');
    return ASYMMETRIC.filter((each) => familyOf(each) === 'RS' || familyOf(each) === 'PS');
  }
  const algorithm = type === 'ec' ? CURVES.get(details.namedCurve) : undefined;
  if (algorithm === undefined) throw new KeyError('is of a kind or curve that no accepted algorithm uses');
  return ALGORITHMS.filter((each) => each === algorithm);
}

function verificationKey(key: KeyObject, algorithms: readonly Algorithm[]): VerificationKey {
  // The export spells numbers in one way only, whatever leading zeros the set had.
  const { kty, crv, e, k, n, x, y } = key.export({ format: 'jwk' });
  // RFC 7638 §3: the required members in lexicographic order; JSON leaves out what the type does not have.
  return { key, thumbprint: hash('sha256', JSON.stringify({ crv, e, k, kty, n, x, y }), 'base64url'), algorithms };
}
