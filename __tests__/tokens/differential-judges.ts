/** Two verifiers of one token under one policy: ours, and jose's `jwtVerify` with equivalent options. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { ALGORITHMS, ASYMMETRIC, SYMMETRIC, type Algorithm } from '../../src/tokens/algorithms.js';
import { usableKeys } from '../../src/tokens/jwks.js';
import { pickKeys, StaticKey, type KeySource } from '../../src/tokens/key-source.js';
import { TokenVerifier, type TokenPolicy } from '../../src/tokens/token-verifier.js';
import { keyFromSecret, keyFromText } from '../../src/tokens/verification-key.js';
import { LONG_SECRET, signingKey } from './signing.js';

/** Unix seconds. Both verifiers use this time. */
export const NOW = 1_800_000_000;
export const ISSUER = 'https://id.example';
export const AUDIENCES = ['api', 'other api'];

const RSA = signingKey('RS256');
const PAIRS = new Map<Algorithm, ReturnType<typeof signingKey>>(
  ASYMMETRIC.map((alg) => [alg, /^[RP]S/.test(alg) ? RSA : signingKey(alg as 'ES256')]),
);
const SHARED = createSecretKey(Buffer.from(LONG_SECRET));

/** The signing key of each algorithm: one RSA key for all six, one secret for all three. */
export const signerOf = (alg: Algorithm): KeyObject => PAIRS.get(alg)?.privateKey ?? SHARED;
export const pemOf = (alg: Algorithm): string => PAIRS.get(alg)?.pem ?? LONG_SECRET;
export const kidOf = (alg: Algorithm): string => `key for ${alg}`;

/** The keys of an attacker who has none of those keys. */
export const STRANGERS = new Map<Algorithm, KeyObject>(
  ALGORITHMS.map((alg) => [
    alg,
    PAIRS.has(alg) ? signingKey(alg as 'ES256').privateKey : createSecretKey(Buffer.alloc(64, 7)),
  ]),
);

export interface Policy extends Omit<TokenPolicy, 'keys'> {
  readonly name: string;
  /** The algorithm of most tokens. */
  readonly usual: readonly Algorithm[];
  readonly keys: KeySource;
  readonly joseKey: KeyObject | JWTVerifyGetKey;
}

const RULES = {
  issuer: ISSUER,
  audience: AUDIENCES,
  leeway: 30_000,
  requireExp: true,
  tokenType: 'any' as const,
  maxTokenSize: 8_192,
  ignoreCnf: false,
};

/** One key that both verifiers know. */
function withKey(alg: Algorithm, algorithms: readonly Algorithm[]): Policy {
  const pair = PAIRS.get(alg);
  const key = pair ? keyFromText(pair.pem) : keyFromSecret(LONG_SECRET);
  const name = `${alg}${algorithms.length > 1 ? ' and its kin' : ''}`;
  const keys = new StaticKey(key);
  return { ...RULES, name, usual: algorithms, algorithms, keys, joseKey: pair ? pair.publicKey : SHARED };
}

const SET = ASYMMETRIC.map((alg) => ({ ...PAIRS.get(alg)?.jwk, kid: kidOf(alg), alg, use: 'sig' }));

function withSet(): Policy {
  const usable = usableKeys(SET);
  const keys: KeySource = {
    ready: Promise.resolve(),
    find: (query) => pickKeys(usable, query) ?? { kind: 'unknown' },
    holds: () => true,
    close: () => undefined,
  };
  return {
    ...RULES,
    name: 'a key set',
    usual: ASYMMETRIC,
    algorithms: ASYMMETRIC,
    keys,
    joseKey: createLocalJWKSet({ keys: SET }),
  };
}

const rsaAlone = ASYMMETRIC.filter((alg) => PAIRS.get(alg) === RSA);

export const POLICIES: readonly Policy[] = [
  ...ALGORITHMS.map((alg) => withKey(alg, [alg])),
  withKey('RS256', rsaAlone),
  withKey('HS256', SYMMETRIC),
  // Every algorithm is listed, and only the key decides.
  { ...withKey('ES256', ALGORITHMS), usual: ['ES256'] },
  withSet(),
  { ...withKey('HS256', ['HS256']), name: 'access tokens', tokenType: 'access_token' },
  { ...withKey('HS256', ['HS256']), name: 'an age', maxAge: 3_600_000 },
  { ...withKey('HS256', ['HS256']), name: 'no exp needed, no leeway', requireExp: false, leeway: 0 },
  { ...withKey('EdDSA', ['EdDSA']), name: 'any issuer and audience', issuer: undefined, audience: undefined },
];

/** `accepted` with the claims, or the reason of the refusal. */
export type Judgement =
  { readonly kind: 'accepted'; readonly claims: object } | { readonly kind: 'refused'; readonly why: string };

const verifiers = new Map<Policy, TokenVerifier<Policy>>(
  POLICIES.map((policy) => [policy, new TokenVerifier([policy], { now: () => NOW * 1_000 })]),
);

export async function ours(policy: Policy, token: string): Promise<Judgement> {
  const verification = await verifiers.get(policy)?.verify(token);
  switch (verification?.kind) {
    case 'verified':
      return { kind: 'accepted', claims: verification.claims };
    case 'rejected':
      return { kind: 'refused', why: verification.reason };
    default:
      return { kind: 'refused', why: verification?.kind ?? 'no verifier' };
  }
}

export async function joses(policy: Policy, token: string): Promise<Judgement> {
  const { issuer, audience, leeway, requireExp, tokenType, maxAge, algorithms, joseKey } = policy;
  const options: JWTVerifyOptions = {
    algorithms: [...algorithms],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience: [...audience] }),
    clockTolerance: leeway / 1_000,
    requiredClaims: requireExp || tokenType === 'access_token' ? ['exp'] : [],
    ...(tokenType === 'access_token' ? { typ: 'at+jwt' } : {}),
    ...(maxAge === undefined ? {} : { maxTokenAge: maxAge / 1_000 }),
    currentDate: new Date(NOW * 1_000),
  };
  try {
    // Its two overloads, one with a key and one with a function, have the same meaning.
    const { payload } = await jwtVerify(token, joseKey as KeyObject, options);
    return { kind: 'accepted', claims: payload };
  } catch (error) {
    return { kind: 'refused', why: (error as { code?: string }).code ?? String(error) };
  }
}
