/** Keys and tokens for tests. jose signs them, so that our verifier is tested against an independent implementation. */
import { createSecretKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import type { Algorithm } from '../../src/tokens/algorithms.js';

export const SECRET = 'a secret of more than thirty-two bytes, and of no other use';
/** Long enough for HS512, for which jose requires 64 bytes. */
export const LONG_SECRET = `${SECRET} ${SECRET}`;

export interface SigningKey {
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JsonWebKey;
  readonly pem: string;
}

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;

/** A fresh key pair for an asymmetric algorithm. */
export function signingKey(alg: Exclude<Algorithm, `HS${string}`>): SigningKey {
  const { privateKey, publicKey } = pairFor(alg);
  const jwk = publicKey.export({ format: 'jwk' });
  return { alg, privateKey, publicKey, jwk, pem: publicKey.export({ format: 'pem', type: 'spki' }).toString() };
}

function pairFor(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (alg in CURVES) return generateKeyPairSync('ec', { namedCurve: CURVES[alg as keyof typeof CURVES] });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export interface Signing {
  readonly alg: string;
  readonly key: KeyObject;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Returns the compact JWS of the claims, or of an unchanged payload. */
export function signed(claims: object | string, { alg, key, header = {} }: Signing): Promise<string> {
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg, ...header }).sign(key);
}

export function signedBySecret(claims: object | string, header: object = {}, secret = LONG_SECRET): Promise<string> {
  return signed(claims, { alg: 'HS256', key: createSecretKey(Buffer.from(secret)), header: { ...header } });
}

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
