/** Keys of a set that must verify nothing: weak, of other curves, off their curve, for other uses. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeGrounds } from '../../support/attack-ground.js';
import { errorsOf } from '../../support/loading.js';
import { all, REFUSED, tokenGround, type TokenGround } from '../../support/token-ground.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { compact, encoded } from '../../tokens/raw-signing.js';
import { signingKey } from '../../tokens/signing.js';
import type { Algorithm } from '../../../src/tokens/algorithms.js';

type Jwk = Readonly<Record<string, unknown>>;
interface Bad {
  readonly what: string;
  readonly jwk: Jwk;
  /** The key that signs for it, if one can sign. */
  readonly key: KeyObject;
  readonly alg: Algorithm;
  /** The algorithm that the token names instead. */
  readonly says?: string;
}

const [rsa, p256, p384, p521, ed] = [
  signingKey('RS256'),
  signingKey('ES256'),
  signingKey('ES384'),
  signingKey('ES512'),
  signingKey('EdDSA'),
];
const pair = (key: KeyObject): Jwk => key.export({ format: 'jwk' });
const short = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits });
const [rsa512, rsa1024, rsa2047, koblitz, ed448, x25519, pss] = [
  short(512), short(1_024), short(2_040), generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), generateKeyPairSync('ed448'), generateKeyPairSync('x25519'), generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }),
]; // prettier-ignore
const other = Buffer.alloc(32, 1).toString('base64url');

const WEAK: readonly Bad[] = [
  { what: 'RSA of 512 bits', jwk: pair(rsa512.publicKey), key: rsa512.privateKey, alg: 'RS256' },
  { what: 'RSA of 1,024 bits', jwk: pair(rsa1024.publicKey), key: rsa1024.privateKey, alg: 'RS256' },
  { what: 'RSA of 2,040 bits', jwk: pair(rsa2047.publicKey), key: rsa2047.privateKey, alg: 'RS256' },
  { what: 'RSA with e = 1', jwk: { ...rsa.jwk, e: 'AQ' }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'RSA with e = 2', jwk: { ...rsa.jwk, e: 'Ag' }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'RSA with e = 0', jwk: { ...rsa.jwk, e: 'AA' }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'RSA without e', jwk: { ...rsa.jwk, e: undefined }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'RSA with n = 0', jwk: { ...rsa.jwk, n: 'AA' }, key: rsa.privateKey, alg: 'RS256' },
  {
    what: 'RSA of 8,200 bits',
    jwk: { ...rsa.jwk, n: Buffer.alloc(1_025, 0xff).toString('base64url') },
    key: rsa.privateKey,
    alg: 'RS256',
  },
  { what: 'secp256k1 as ES256', jwk: pair(koblitz.publicKey), key: koblitz.privateKey, alg: 'ES256' },
  { what: 'secp256k1 as ES256K', jwk: pair(koblitz.publicKey), key: koblitz.privateKey, alg: 'ES256', says: 'ES256K' },
  { what: 'P-384 as ES256', jwk: p384.jwk, key: p384.privateKey, alg: 'ES256' },
  { what: 'P-521 as ES384', jwk: p521.jwk, key: p521.privateKey, alg: 'ES384' },
  { what: 'P-256 as ES512', jwk: p256.jwk, key: p256.privateKey, alg: 'ES512' },
  { what: 'P-256 that is called P-384', jwk: { ...p256.jwk, crv: 'P-384' }, key: p256.privateKey, alg: 'ES256' },
  { what: 'P-256 off its curve', jwk: { ...p256.jwk, y: other }, key: p256.privateKey, alg: 'ES256' },
  { what: 'P-256 at infinity', jwk: { ...p256.jwk, x: 'AA', y: 'AA' }, key: p256.privateKey, alg: 'ES256' },
  {
    what: 'P-256 beyond its field',
    jwk: { ...p256.jwk, x: Buffer.alloc(32, 0xff).toString('base64url') },
    key: p256.privateKey,
    alg: 'ES256',
  },
  { what: 'P-256 without y', jwk: { ...p256.jwk, y: undefined }, key: p256.privateKey, alg: 'ES256' },
  { what: 'Ed448 as EdDSA', jwk: pair(ed448.publicKey), key: ed448.privateKey, alg: 'EdDSA' },
  { what: 'X25519 as EdDSA', jwk: pair(x25519.publicKey), key: ed.privateKey, alg: 'EdDSA' },
  {
    what: 'X25519 that is called Ed25519',
    jwk: { ...pair(x25519.publicKey), crv: 'Ed25519' },
    key: ed.privateKey,
    alg: 'EdDSA',
  },
  {
    what: 'Ed25519 of small order',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from([1, ...Buffer.alloc(31)]).toString('base64url') },
    key: ed.privateKey,
    alg: 'EdDSA',
  },
  { what: 'Ed25519 a byte short', jwk: { ...ed.jwk, x: other.slice(0, 42) }, key: ed.privateKey, alg: 'EdDSA' },
  {
    what: 'a secret',
    jwk: { kty: 'oct', k: Buffer.from(rsa.pem).toString('base64url') },
    key: rsa.privateKey,
    alg: 'RS256',
  },
  { what: 'an unknown kind', jwk: { kty: 'AKP', pub: 'AAAA' }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'a kind in small letters', jwk: { ...rsa.jwk, kty: 'rsa' }, key: rsa.privateKey, alg: 'RS256' },
  { what: 'no kind', jwk: { ...rsa.jwk, kty: undefined }, key: rsa.privateKey, alg: 'RS256' },
];

const USES: readonly Jwk[] = [
  { use: 'enc' }, { use: 'SIG' }, { use: 'sig ' }, { use: '' }, { use: null }, { use: ['sig'] }, { use: 'sig,enc' }, { key_ops: ['encrypt'] }, { key_ops: ['sign'] }, { key_ops: [] }, { key_ops: ['wrapKey', 'deriveBits'] },
  { key_ops: 'verify' }, { key_ops: ['Verify'] }, { key_ops: null }, { key_ops: { verify: true } }, { use: 'enc', key_ops: ['verify'] }, { use: 'sig', key_ops: ['encrypt'] },
  { alg: 'RSA-OAEP' }, { alg: 'RS512' }, { alg: 'PS256' }, { alg: 'HS256' }, { alg: 'none' }, { alg: 'rs256' }, { alg: null }, { alg: ['RS256'] }, { alg: '' },
]; // prettier-ignore

const misused: readonly Bad[] = USES.map((use) => ({
  what: JSON.stringify(use),
  jwk: { ...rsa.jwk, ...use },
  key: rsa.privateKey,
  alg: 'RS256',
}));
const good = signingKey('RS256');
const ISSUER = 'https://weak.example';

let at: TokenGround;
let keySet: AskedServer;
beforeAll(async () => {
  const bad = [...WEAK, ...misused].map(({ jwk, what }) => ({ ...jwk, kid: what }));
  const fine = [
    { ...good.jwk, kid: 'good', use: 'sig', alg: 'RS256' },
    { ...p256.jwk, kid: 'curve', key_ops: ['verify'] },
    { ...ed.jwk, kid: 'ed', ext: true, x5t: 'AAAA' },
  ];
  keySet = await askedServer(json({ keys: [...bad.slice(0, 20), ...fine, ...bad.slice(20)] }));
  at = await tokenGround({ issuers: `{ issuer: "${ISSUER}", jwks_url: "${keySet.origin}/jwks" }` });
});
afterAll(async () => {
  await closeGrounds();
  await keySet.close();
});

const claims = (): object => ({ ...at.claims('RS256'), iss: ISSUER });

/** Signed by the key itself if it can sign, otherwise a fake signature of the right length. */
function tokenOf({ what, key, alg, says }: Bad): string {
  const header = { alg: says ?? alg, kid: what };
  try {
    return compact(header, claims(), { alg, key });
  } catch {
    return `${encoded(header)}.${encoded(claims())}.${Buffer.alloc(64, 1).toString('base64url')}`;
  }
}

const twin = async (): Promise<void> => {
  const keys = [['good', 'RS256', good], ['curve', 'ES256', p256], ['ed', 'EdDSA', ed]] as const; // prettier-ignore
  for (const [kid, alg, { privateKey: key }] of keys)
    expect([kid, await at.outcome(`Bearer ${compact({ alg, kid }, claims(), { alg, key })}`)]).toEqual([
      kid,
      '200 ada',
    ]);
};

describe('JWT-34 weak keys and other curves', () => {
  // The kinds of keys in the cited vectors, and more, generated here.
  test('verify nothing, although the set contains them and they signed', async () => {
    const cases = WEAK.map((each) => [each.what, tokenOf(each)] as const);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('with e = 1 a text is its own signature, so it is not a key', async () => {
    const input = `${encoded({ alg: 'RS256', kid: 'RSA with e = 1' })}.${encoded(claims())}`;
    const digestInfo = '3031300d060960864801650304020105000420';
    const hex = createHash('sha256').update(input).digest('hex');
    const block = Buffer.from(`0001${'ff'.repeat(202)}00${digestInfo}${hex}`, 'hex');
    expect(block.length).toBe(256);
    expect(await at.outcome(`Bearer ${input}.${block.toString('base64url')}`)).toBe(REFUSED);
  });

  test('do not load from a file either', () => {
    const pem = (key: KeyObject): string => JSON.stringify(key.export({ format: 'pem', type: 'spki' }));
    const load = (key: KeyObject): string => errorsOf(`jwt: { issuer: x, audience: y, public_key: ${pem(key)} }`);
    for (const { publicKey } of [rsa512, rsa1024, rsa2047, koblitz, ed448, x25519, pss])
      expect(load(publicKey)).toContain('public_key');
    for (const { publicKey } of [rsa, p256, p384, p521, ed]) expect(load(publicKey)).toBe('');
  });

  test('twin: good keys of the same set verify', twin);
});

describe('JWT-35 keys for another use', () => {
  test('verify nothing', async () => {
    const cases = misused.map((each) => [each.what, tokenOf(each)] as const);
    expect(await at.outcomes(cases)).toEqual(all(cases, REFUSED));
  });

  test('twin: those for signatures, or without a stated use, verify', twin);
});
