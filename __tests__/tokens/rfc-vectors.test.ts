/** The examples of RFC 7515, 7519, 7520, 7638 and 8037. jose and our verifier both accept the signatures. */
import { createSecretKey } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { ALGORITHMS, verifySignature } from '../../src/tokens/algorithms.js';
import { StaticKey } from '../../src/tokens/key-source.js';
import { TokenVerifier } from '../../src/tokens/token-verifier.js';
import { keyFromJwk, type VerificationKey } from '../../src/tokens/verification-key.js';
import { JWT_OF_JOE, THUMBPRINTS, UNSECURED, VECTORS, type Vector } from './rfc-vectors.js';

/** A shared secret is not a key of a set. The file holds it as text, and these bytes are not text. */
function keyOf({ key }: Vector): VerificationKey {
  const { k } = key;
  if (k === undefined) return keyFromJwk(key);
  const algorithms = ALGORITHMS.filter((alg) => alg.startsWith('HS'));
  return { key: createSecretKey(Buffer.from(k, 'base64url')), thumbprint: 'of the RFC', algorithms };
}

describe.each(VECTORS)('$where', (vector) => {
  const { alg, token, key } = vector;
  const [header = '', payload = '', signature = ''] = token.split('.');
  const verifies = (input: string, bytes: Buffer): boolean =>
    verifySignature(alg, keyOf(vector).key, { input: Buffer.from(input), signature: bytes });

  test('is copied here exactly, because jose verifies it', async () => {
    const verified = await compactVerify(token, await importJWK(key as unknown as JWK, alg), { algorithms: [alg] });
    expect(Buffer.from(verified.payload).toString('base64url')).toBe(payload);
  });

  test('verifies, and with any bit changed it does not', () => {
    const good = Buffer.from(signature, 'base64url');
    expect(verifies(`${header}.${payload}`, good)).toBe(true);
    for (let at = 0; at < good.length; at += 5) {
      const other = Buffer.from(good);
      other.writeUInt8(other.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(verifies(`${header}.${payload}`, other)).toBe(false);
    }
    expect(verifies(`${header}.${payload}A`, good)).toBe(false);
    expect(verifies(`${header.slice(0, -1)}.${payload}`, good)).toBe(false);
  });

  test('is a token only if its payload holds claims with a subject that are valid now', () => {
    const rules = { leeway: 0, requireExp: true, tokenType: 'any' as const, maxTokenSize: 12_000, ignoreCnf: false };
    const keys = new StaticKey(keyOf(vector));
    const at = new TokenVerifier([{ ...rules, algorithms: [alg], keys }], { now: () => 1_300_000_000_000 });
    const isClaims = Buffer.from(payload, 'base64url').toString().startsWith('{');
    // Joe's claims have an issuer and an `exp`, and no `sub`.
    expect(at.verify(token)).toEqual({ kind: 'rejected', reason: isClaims ? 'subject_missing' : 'token_malformed' });
  });
});

test('the unsecured JWT of RFC 7515 A.5 and RFC 7519 §6.1 verifies under no key', () => {
  for (const vector of VECTORS) {
    const keys = new StaticKey(keyOf(vector));
    const rules = { leeway: 0, requireExp: false, tokenType: 'any' as const, maxTokenSize: 12_000, ignoreCnf: false };
    const at = new TokenVerifier([{ ...rules, algorithms: ALGORITHMS, keys }], { now: () => 0 });
    expect(at.verify(UNSECURED)).toEqual({ kind: 'rejected', reason: 'token_signature' });
    const [header = ''] = UNSECURED.split('.');
    const [, payload = '', signature = ''] = JWT_OF_JOE.token.split('.');
    expect(at.verify(`${header}.${payload}.${signature}`)).toEqual({ kind: 'rejected', reason: 'token_signature' });
  }
});

test.each(THUMBPRINTS)('the key of %s has the RFC’s thumbprint', async (_where, jwk, thumbprint) => {
  expect(keyFromJwk(jwk).thumbprint).toBe(thumbprint);
  expect(await calculateJwkThumbprint(jwk as JWK)).toBe(thumbprint);
});
