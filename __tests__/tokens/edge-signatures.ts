/** Signatures at the edges of what an algorithm defines, made from a valid one. All of them must be refused. */
import { constants, createHash, privateEncrypt, sign, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../../src/tokens/algorithms.js';

export type Edge = readonly [what: string, signature: Buffer];

/** The orders n and the moduli p of P-256, P-384 and P-521 (FIPS 186-4 D.1.2), and the order L of Ed25519 (RFC 8032 §5.1). */
const CURVES = {
  ES256: {
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  },
  ES384: {
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
  },
  ES512: {
    n: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    p: 2n ** 521n - 1n,
  },
} as const;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const hexOf = (value: bigint, length: number): string => value.toString(16).padStart(length * 2, '0');
const bytesOf = (value: bigint, length: number): Buffer => Buffer.from(hexOf(value, length).slice(-length * 2), 'hex');
const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const reversed = (bytes: Buffer): Buffer => Buffer.from(bytes).reverse();

/** For any algorithm: wrong lengths, and constant bytes. */
export function commonEdges(good: Buffer): Edge[] {
  const { length } = good;
  const zero = Buffer.alloc(1);
  return [
    ['empty', Buffer.alloc(0)],
    ['one byte', zero],
    ['all zeros', Buffer.alloc(length)],
    ['all ones', Buffer.alloc(length, 0xff)],
    ['a byte short', good.subarray(0, -1)],
    ['the first byte gone', good.subarray(1)],
    ['a zero before', Buffer.concat([zero, good])],
    ['a zero behind', Buffer.concat([good, zero])],
    ['twice', Buffer.concat([good, good])],
    ['half', good.subarray(0, length / 2)],
    ['backwards', reversed(good)],
    ['the last bit changed', Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) ?? 0) ^ 1])])],
  ];
}

/** Wycheproof's special cases of ECDSA in the form of RFC 7518 §3.4, and in other forms. */
export function ecdsaEdges(alg: keyof typeof CURVES, good: Buffer, signed: { key: KeyObject; input: string }): Edge[] {
  const { n, p } = CURVES[alg];
  const half = good.length / 2;
  const [r, s] = [numberOf(good.subarray(0, half)), numberOf(good.subarray(half))];
  const pair = (a: bigint, b: bigint): Buffer => Buffer.concat([bytesOf(a, half), bytesOf(b, half)]);
  const special = { '0': 0n, '1': 1n, 'n - 1': n - 1n, n, 'n + 1': n + 1n, p, 'p + 1': p + 1n };
  const named = Object.entries(special);
  const pairs = named.flatMap(([a, first]) =>
    named.map(([b, second]): Edge => [`r = ${a}, s = ${b}`, pair(first, second)]),
  );
  const halves = named.flatMap(([name, value]): Edge[] => [
    [`r = ${name}`, pair(value, s)],
    [`s = ${name}`, pair(r, value)],
  ]);
  const wrapped = [n, p].flatMap((more): Edge[] => [
    ['r beyond the order', pair(r + more, s)],
    ['s beyond the order', pair(r, s + more)],
  ]);
  const digest = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' }[alg];
  const der = sign(digest, Buffer.from(signed.input), signed.key);
  const padded = Buffer.concat([der, Buffer.alloc(Math.max(0, good.length - der.length))]);
  return [
    ...commonEdges(good),
    ...pairs,
    ...halves,
    // If the sum has more bits than fit, its low bits are another wrong number.
    ...wrapped,
    ['r and s swapped', pair(s, r)],
    ['r negated', pair(n - r, s)],
    ['DER', der],
    ['DER, padded to the length', padded.subarray(0, good.length)],
    [
      'each half a byte longer',
      Buffer.concat([Buffer.alloc(1), good.subarray(0, half), Buffer.alloc(1), good.subarray(half)]),
    ],
  ];
}

export function ed25519Edges(good: Buffer): Edge[] {
  const [r, s] = [good.subarray(0, 32), good.subarray(32)];
  const scalar = (value: bigint): Buffer => reversed(bytesOf(value, 32));
  const identity = scalar(1n);
  const value = numberOf(reversed(s));
  return [
    ...commonEdges(good),
    ['S + L', Buffer.concat([r, scalar(value + L)])],
    ['S + 2L', Buffer.concat([r, scalar(value + 2n * L)])],
    ['S + 8L', Buffer.concat([r, scalar(value + 8n * L)])],
    ['S negated', Buffer.concat([r, scalar(L - value)])],
    ['S = 0', Buffer.concat([r, Buffer.alloc(32)])],
    ['S = L', Buffer.concat([r, scalar(L)])],
    ['R the identity, S = 0', Buffer.concat([identity, Buffer.alloc(32)])],
    ['R of small order', Buffer.concat([Buffer.alloc(32), s])],
    ['R that is not a point', Buffer.concat([scalar(2n), s])],
    ['R with its sign changed', Buffer.concat([r.subarray(0, 31), Buffer.from([(r.at(31) ?? 0) ^ 0x80]), s])],
    ['R and S swapped', Buffer.concat([s, r])],
  ];
}

/** SHA-256's DigestInfo (RFC 8017 §9.2, note 1), before the digest. */
const DIGEST_INFO = '3031300d060960864801650304020105000420';

/** PKCS #1 v1.5 blocks that a lenient reader accepts. The private key itself encrypted them. */
export function pkcs1Edges(
  good: Buffer,
  { key, publicKey, input }: { key: KeyObject; publicKey: KeyObject; input: string },
): Edge[] {
  const { length } = good;
  const n = numberOf(Buffer.from(publicKey.export({ format: 'jwk' }).n as string, 'base64url'));
  const digest = createHash('sha256').update(input).digest('hex');
  /** Returns `tail` after the given padding. Without padding, fills the block. */
  const block = (tail: string, padding?: string, type = '0001'): Buffer => {
    const room = length - 3 - tail.length / 2;
    const em = Buffer.from(
      `${type}${padding ?? 'ff'.repeat(room)}00${tail}`.padEnd(length * 2, '0').slice(0, length * 2),
      'hex',
    );
    return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, em);
  };
  const info = DIGEST_INFO + digest;
  const room = length - 3 - info.length / 2;
  return [
    ...commonEdges(good),
    ['1', bytesOf(1n, length)],
    ['n', bytesOf(n, length)],
    ['n - 1', bytesOf(n - 1n, length)],
    ['n + the signature', bytesOf(numberOf(good) + n, length)],
    // Shows that the blocks below fail for their stated reason.
    ['the valid block', block(info)],
    ['n - the signature', bytesOf(n - numberOf(good), length)],
    ['no NULL after the digest’s name', block(`302f300b0609608648016503040201${'0420'}${digest}`)],
    ['the digest alone', block(digest)],
    ['short padding, garbage after it', block(info, 'ff'.repeat(8))],
    ['no padding, garbage after it', block(info, '')],
    ['padding of block type 2', block(info, undefined, '0002')],
    ['padding of block type 0', block(info, '00'.repeat(room), '0000')],
    ['a zero within the padding', block(info, `${'ff'.repeat(room - 1)}00`)],
    ['another byte within the padding', block(info, `fe${'ff'.repeat(room - 1)}`)],
    ['a leading byte that is not zero', block(info, undefined, '0101')],
    ['the digest named as SHA-512', block(`3031300d060960864801650304020305000420${digest}`)],
    ['the digest named as SHA-1', block(`302d300906052b0e03021a05000420${digest}`)],
    ['a length in the long form', block(`308131300d060960864801650304020105000420${digest}`)],
    ['a length too great', block(`3032300d060960864801650304020105000420${digest}00`)],
    ['a parameter instead of NULL', block(`3033300f0609608648016503040201${'04020000'}0420${digest}`)],
    ['another digest', block(DIGEST_INFO + '00'.repeat(32))],
  ];
}

export function pssEdges(good: Buffer, { key, input }: { key: KeyObject; input: string }): Edge[] {
  const salted = (saltLength: number, mgf = 'sha256', padding: number = constants.RSA_PKCS1_PSS_PADDING): Buffer =>
    sign(mgf, Buffer.from(input), { key, padding, saltLength });
  return [
    ...commonEdges(good),
    ['no salt', salted(0)],
    ['a salt of 20 bytes', salted(20)],
    ['a salt of 31 bytes', salted(31)],
    ['a salt of 33 bytes', salted(33)],
    ['the longest salt', salted(constants.RSA_PSS_SALTLEN_MAX_SIGN)],
    ['SHA-512 within', salted(32, 'sha512')],
    ['SHA-384 within', salted(32, 'sha384')],
    ['PKCS #1 v1.5', sign('sha256', Buffer.from(input), key)],
  ];
}

/** The cases that only some algorithms have. */
export function edgesOf(
  alg: Algorithm,
  good: Buffer,
  signed: { readonly key: KeyObject; readonly publicKey: KeyObject; readonly input: string },
): Edge[] {
  const edges = ((): Edge[] => {
    switch (alg) {
      case 'ES256':
      case 'ES384':
      case 'ES512':
        return ecdsaEdges(alg, good, signed);
      case 'EdDSA':
        return ed25519Edges(good);
      case 'RS256':
        return pkcs1Edges(good, signed);
      case 'PS256':
        return pssEdges(good, signed);
      default:
        return commonEdges(good);
    }
  })();
  return edges.filter(([, signature]) => !signature.equals(good));
}
