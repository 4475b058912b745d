/**
 * Detects public keys that anyone can sign for: points of small order, and moduli of a generator that leaked its
 * primes.
 */

/**
 * Every encoding of the points whose order divides 8, without the sign bit. Under such a key a fixed signature is valid
 * for any text.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/**
 * Whether an Ed25519 key (`x` of its JWK, RFC 8037 §2) is a point of small order. Not every OpenSSL rejects such
 * points.
 */
export function isSmallOrder(x: string): boolean {
  const bytes = Buffer.from(x, 'base64url');
  if (bytes.length !== 32) return false;
  bytes.writeUInt8(bytes.readUInt8(31) & 0x7f, 31);
  return SMALL_ORDER.has(bytes.toString('hex'));
}

/** Primes modulo which 65537 has few powers, and all those powers. */
const POWERS: readonly (readonly [prime: bigint, powers: ReadonlySet<bigint>])[] = [
  11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
].map((prime) => [BigInt(prime), powersOf65537(BigInt(prime))]); // prettier-ignore

function powersOf65537(prime: bigint): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1n; !powers.has(power); power = (power * 65_537n) % prime) powers.add(power);
  return powers;
}

/**
 * ROCA (CVE-2017-15361): whether an RSA modulus (`n` of its JWK) is a power of 65537 modulo each of the small primes.
 * One good key in 2^27 also matches.
 */
export function isRoca(n: string): boolean {
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
  return POWERS.every(([prime, powers]) => powers.has(modulus % prime));
}
