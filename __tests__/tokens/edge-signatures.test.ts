/** Signatures at the edges: zero, the order, other lengths, DER, other paddings; and keys for which anyone can sign. */
import {
  checkPrimeSync,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { ALGORITHMS, verifySignature, type Algorithm } from '../../src/tokens/algorithms.js';
import { keyFromJwk, keyFromSecret, keyFromText } from '../../src/tokens/verification-key.js';
import { edgesOf, pkcs1Edges } from './edge-signatures.js';
import { compact, signatureOf } from './raw-signing.js';
import { LONG_SECRET, signingKey } from './signing.js';

const shared = keyFromSecret(LONG_SECRET).key;
const pairOf = (alg: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } =>
  alg.startsWith('HS') ? { privateKey: shared, publicKey: shared } : signingKey(alg as 'RS256');

describe.each(ALGORITHMS)('%s', (alg) => {
  const { privateKey: key, publicKey } = pairOf(alg);
  const input = 'a text that was signed';
  const verifies = (signature: Buffer): boolean =>
    verifySignature(alg, publicKey, { input: Buffer.from(input), signature });

  test('accepts the signature, and none at its edges', () => {
    // ECDSA and PSS signatures are random, so the edges differ each time.
    for (let times = 0; times < 4; times++) {
      const good = signatureOf(alg, key, input);
      expect(verifies(good)).toBe(true);
      const edges = edgesOf(alg, good, { key, publicKey, input });
      expect(edges.filter(([, signature]) => verifies(signature)).map(([what]) => what)).toEqual([]);
      expect(verifies(good)).toBe(true);
    }
  });
});

test('the RS256 blocks differ from the signed block', () => {
  const { privateKey: key, publicKey } = signingKey('RS256');
  const good = signatureOf('RS256', key, 'a text');
  const same = pkcs1Edges(good, { key, publicKey, input: 'a text' }).filter(([, signature]) => signature.equals(good));
  expect(same.map(([what]) => what)).toEqual(['the valid block']);
});

test('an ECDSA signature has a second valid half; JWS does not forbid it', () => {
  const { privateKey, publicKey } = signingKey('ES256');
  const input = 'a text';
  const good = signatureOf('ES256', privateKey, input);
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${good.subarray(32).toString('hex')}`);
  const other = Buffer.concat([good.subarray(0, 32), Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')]);
  expect(verifySignature('ES256', publicKey, { input: Buffer.from(input), signature: other })).toBe(true);
});

test.each(['RS256', 'PS256'] as const)('a %s signature keeps its leading zeros (RFC 8017 §8.1.2)', (alg) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3_072 });
  const verifies = (input: string, signature: Buffer) =>
    verifySignature(alg, publicKey, { input: Buffer.from(input), signature });
  for (let times = 0; ; times++) {
    const input = `text ${times}`;
    const good = signatureOf(alg, privateKey, input);
    if (good.readUInt8(0) !== 0) continue;
    expect(verifies(input, good)).toBe(true);
    expect(verifies(input, good.subarray(1))).toBe(false);
    return;
  }
});

describe('a key for which anyone can sign is refused', () => {
  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('Ed25519, the point of small order %s, with either sign', (hex) => {
    for (const sign of [0, 0x80]) {
      const x = Buffer.from(hex, 'hex');
      x.writeUInt8(x.readUInt8(31) | sign, 31);
      expect(() => keyFromJwk({ kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') })).toThrow('small order');
    }
    expect(keyFromJwk(signingKey('EdDSA').jwk).algorithms).toEqual(['EdDSA']);
  });

  test('RSA, a modulus of the generator that leaked its primes (ROCA)', () => {
    const key = rocaKey();
    const token = compact({ alg: 'RS256' }, { sub: 'anybody' }, { alg: 'RS256', key });
    expect(token.split('.')).toHaveLength(3);
    const publicKey = createPublicKey(key);
    expect(() => keyFromJwk(publicKey.export({ format: 'jwk' }))).toThrow('ROCA');
    expect(() => keyFromText(publicKey.export({ format: 'pem', type: 'spki' }).toString())).toThrow('ROCA');
    expect(keyFromJwk(signingKey('RS256').jwk).algorithms).toContain('RS256');
  });
});

/** A key pair as the faulty generator made it: primes k·M + (65537^a mod M), M the product of the first 126 primes. */
function rocaKey(): KeyObject {
  const M = firstPrimes(126).reduce((product, prime) => product * prime, 1n);
  const prime = (): bigint => {
    for (;;) {
      const k = (1n << 53n) + BigInt(`0x${randomBytes(6).toString('hex')}`);
      const candidate = k * M + power(65_537n, BigInt(`0x${randomBytes(4).toString('hex')}`), M);
      if (candidate.toString(2).length === 1_024 && checkPrimeSync(candidate)) return candidate;
    }
  };
  const [p, q, e] = [prime(), prime(), 65_537n];
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const members = Object.entries(numbers).map(([name, value]) => [name, text(value)]);
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(members) } as JsonWebKey, format: 'jwk' });
}

function text(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

function firstPrimes(count: number): bigint[] {
  const primes: bigint[] = [];
  for (let each = 2n; primes.length < count; each++)
    if (primes.every((prime) => each % prime !== 0n)) primes.push(each);
  return primes;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const q = a / b;
    [a, b] = [b, a % b];
    [x, y] = [y, x - q * y];
  }
  return ((x % modulus) + modulus) % modulus;
}
