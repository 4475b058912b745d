/** Keys that verify signatures. Each is read once, from a JWK, PEM or secret, with the algorithms that it supports. */
import { createPublicKey, createSecretKey, hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ALGORITHMS, ASYMMETRIC, familyOf, SYMMETRIC } from './algorithms.js';
import type { Algorithm } from './algorithms.js';
import { isRoca, isSmallOrder } from './weak-key.js';

export interface VerificationKey {
  readonly key: KeyObject;
  /** RFC 7638 thumbprint: identifies a key independently of its `kid`. */
  readonly thumbprint: string;
  readonly kid?: string | undefined;
  /** The only issuer that the key signs for. A key set of several tenants names it in each key. */
  readonly issuer?: string | undefined;
  readonly algorithms: readonly Algorithm[];
}

/** Why a key is not usable. The message never quotes the key. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

const MIN_RSA_BITS = 2_048;
/** The cost of verifying grows with the square of the length, and the key set controls the length. */
const MAX_RSA_BITS = 8_192;
const CURVES: ReadonlyMap<string | undefined, Algorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
/** Signing keys: RFC 7517 §4.2, and a JWT-SVID bundle (SPIFFE). */
const USES: ReadonlySet<unknown> = new Set(['sig', 'jwt-svid']);
/** RFC 7518 §6.2.2, §6.3.2, §6.4: members that a public key does not have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

export function keyFromSecret(secret: string | Buffer): VerificationKey {
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret;
  // Every client knows an empty HMAC key.
  if (bytes.length === 0) throw new KeyError('is empty');
  return verificationKey(createSecretKey(bytes), SYMMETRIC);
}

/** Reads a key of a key set or of the file. Throws a KeyError. */
export function keyFromJwk(value: unknown): VerificationKey {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new KeyError('is no JWK');
  const jwk = value as Readonly<Record<string, unknown>>;
  if (PRIVATE.some((name) => Object.hasOwn(jwk, name))) throw new KeyError('is a private or secret key');
  const { kid, alg, use, issuer, key_ops: operations } = jwk;
  if (kid !== undefined && typeof kid !== 'string') throw new KeyError('has a "kid" that is not a string');
  if (issuer !== undefined && typeof issuer !== 'string') throw new KeyError('has an "issuer" that is not a string');
  if (use !== undefined && !USES.has(use)) throw new KeyError('is not for signatures ("use")');
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    throw new KeyError('is not for verifying ("key_ops")');
  const key = publicKey({ key: jwk, format: 'jwk' });
  const algorithms = algorithmsOf(key).filter((each) => alg === undefined || each === alg);
  if (algorithms.length === 0) throw new KeyError('has an "alg" that does not fit the key');
  return {
    ...verificationKey(key, algorithms),
    ...(kid === undefined ? {} : { kid }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/** Reads a public key from the file: PEM (key or certificate) or a JWK. Throws a KeyError. */
export function keyFromText(text: string): VerificationKey {
  if (text.trimStart().startsWith('{')) return keyFromJwk(parseJson(text));
  if (text.includes('PRIVATE KEY')) throw new KeyError('is a private key');
  const key = publicKey(text);
  return verificationKey(key, algorithmsOf(key));
}

/** Whether a shared secret is a key of some format, plain or in base64. Public keys are not secrets. */
export function looksLikeKey(secret: Buffer): boolean {
  const text = secret.toString('latin1');
  const decoded = Buffer.from(text, 'base64');
  return isKeyText(text) || isKeyText(decoded.toString('latin1')) || isDerKey(decoded) || isDerKey(secret);
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
    // With an exponent of 1 every text is its own signature.
    if (exponent < 3n || exponent % 2n === 0n) throw new KeyError('is an RSA key with an invalid public exponent');
    if (isRoca(key.export({ format: 'jwk' }).n as string))
      throw new KeyError('is an RSA key whose private half can be computed (ROCA)');
    return ASYMMETRIC.filter((each) => familyOf(each) === 'RS' || familyOf(each) === 'PS');
  }
  const algorithm = type === 'ec' ? CURVES.get(details.namedCurve) : undefined;
  if (algorithm === undefined) throw new KeyError('is of a kind or curve that no accepted algorithm uses');
  return ALGORITHMS.filter((each) => each === algorithm);
}

function verificationKey(key: KeyObject, algorithms: readonly Algorithm[]): VerificationKey {
  // The export writes each number in one way, whatever leading zeros the set had.
  const { kty, crv, e, k, n, x, y } = key.export({ format: 'jwk' });
  // RFC 7638 §3: the required members in lexicographic order. JSON omits members that the type does not have.
  return { key, thumbprint: hash('sha256', JSON.stringify({ crv, e, k, kty, n, x, y }), 'base64url'), algorithms };
}
