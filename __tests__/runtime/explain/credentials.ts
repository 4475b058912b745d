/** Credentials of every kind for random requests: good, expired, of others, malformed. */
import { createSecretKey } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { base64url, LONG_SECRET, signed, signedBySecret, signingKey } from '../../tokens/signing.js';
import type { Chance } from './chance.js';

export const ISSUER = 'https://issuer.example/';
export const OTHER_ISSUER = 'https://other.example';
export const KEYS = {
  good: 'sk_live_0123456789abcdef0123456789abcdef',
  old: 'sk_live_ffffffffffffffff0123456789abcdef',
  inside: 'sk_live_eeeeeeeeeeeeeeee0123456789abcdef',
} as const;
export const PASSWORD = 'correct horse battery';
export const PASSWORD_HASH = hashSync(PASSWORD, 4);
const HOUR = 3_600;

export interface Credentials {
  readonly jwks: string;
  readonly tokens: readonly string[];
  readonly opaque: readonly string[];
  readonly passwords: readonly string[];
  readonly keys: readonly string[];
}

export async function createCredentials(): Promise<Credentials> {
  const own = signingKey('ES256');
  const stranger = signingKey('ES256');
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: ISSUER, sub: 'ada', aud: 'api', iat: now - HOUR, exp: now + HOUR, scope: 'read write' };
  const edits: object[] = [
    ...[{}, { scope: 'read' }, { scope: undefined }, { sub: undefined }, { sub: 7 }, { sub: 'x'.repeat(300) }],
    ...[{ sub: 'zo\u00eb' }, { sub: 'a\u0001b' }, { email: 'ada@example.com', email_verified: false }],
    ...[{ exp: now - HOUR }, { exp: undefined }, { exp: 'soon' }, { nbf: now + HOUR }, { iat: now + HOUR }],
    ...[{ aud: 'web' }, { aud: ['web', 'api'] }, { aud: undefined }, { iss: ISSUER.slice(0, -1) }, { iss: undefined }],
    ...[{ cnf: { jkt: 'x' } }, { tenant: 'a' }, { tenant: ['a', 'b'] }, { groups: ['a', 'b'] }, { groups: ['a,b'] }],
  ];
  const by = { alg: 'ES256', key: own.privateKey, header: { kid: 'k1' } };
  const good = await signed(claims, by);
  const ofSecret = { ...claims, iss: OTHER_ISSUER };
  const tokens = [
    ...(await Promise.all(edits.map((edit) => signed({ ...claims, ...edit }, by)))),
    ...(await Promise.all(edits.slice(0, 12).map((edit) => signedBySecret({ ...ofSecret, ...edit })))),
    await signed(claims, { ...by, header: { kid: 'k9' } }),
    await signed(claims, { ...by, header: {} }),
    await signed(claims, { ...by, header: { kid: 'k1', typ: 'at+jwt' } }),
    await signed(claims, { ...by, key: stranger.privateKey }),
    await signed(claims, { alg: 'HS256', key: createSecretKey(Buffer.from('x'.repeat(64))), header: { kid: 'k1' } }),
    ...[`${good}x`, `${good}.`, good.slice(0, -3), ` ${good}`, `${good} `, `"${good}"`, good.toUpperCase()],
    `${base64url({ alg: 'none' })}.${base64url(claims)}.`,
    ...['a.b.c', '..', '.', 'eyJhbGciOiJIUzI1NiJ9.e30.AA', 'e30.e30.e30'],
  ];
  const pair = (text: string): string => Buffer.from(text).toString('base64');
  return {
    jwks: JSON.stringify({ keys: [{ ...own.jwk, kid: 'k1', alg: 'ES256', use: 'sig' }] }),
    tokens,
    opaque: ['active-1', 'active-2', 'inactive', 'narrow', 'late', 'odd token', 'un\u00e9', 'a'.repeat(9_000)],
    passwords: [`ada:${PASSWORD}`, 'ada:wrong', 'bob:x', 'ada', ':', ''].map(pair).concat('***', 'YWRhOng', 'a b'),
    keys: [...Object.values(KEYS), 'wrong', `${KEYS.good} `, KEYS.good.toUpperCase(), '', 'a b', '\u00e9'],
  };
}

/** A value of `Authorization`. */
export function authorization(chance: Chance, from: Credentials): string {
  const scheme = chance.one(['Bearer', 'Bearer', 'Bearer', 'bearer', 'Basic', 'Basic', 'Token', 'Bearer,', '']);
  if (chance.happens(0.3)) return `Bearer ${chance.one([from.tokens[0], from.tokens[1], from.opaque[0]])}`;
  if (chance.happens(0.1)) return `Basic ${from.passwords[0]}`;
  const token = chance.happens(0.75) ? chance.one(from.tokens) : chance.one([...from.opaque, ...from.keys]);
  const value = /basic/i.test(scheme) ? chance.one(from.passwords) : token;
  return `${scheme}${chance.one([' ', ' ', ' ', ' ', '  ', '\t', ''])}${value}`;
}

export { LONG_SECRET };
