/** Tokens that no issuer signed. Each kind has been accepted, or has ended a process, in some product. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { base64url, type SigningKey } from '../tokens/signing.js';

export type Forged = readonly [what: string, token: string];

export interface Target {
  /** Good claims, written by the forger. */
  readonly claims: object;
  readonly key: SigningKey;
  readonly kid: string;
  /** The URL of the forger's own key set and certificate. */
  readonly elsewhere: string;
  /** A token that the issuer did sign. */
  readonly good: string;
}

const unsigned = (header: unknown, claims: unknown): string => `${base64url(header)}.${base64url(claims)}`;

const hmac = (header: object, claims: object, secret: string | Buffer): string => {
  const input = unsigned(header, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};

const rsa = (header: object, claims: object, key: KeyObject): string => {
  const input = unsigned(header, claims);
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
};

export function forgedTokens({ claims, key, kid, elsewhere, good }: Target): Forged[] {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = own.publicKey.export({ format: 'jwk' });
  const [goodHeader = '', goodClaims = '', goodSignature = ''] = good.split('.');
  const empty = (what: string, header: unknown): Forged => [`${what}, empty signature`, `${unsigned(header, claims)}.`];
  const self = (what: string, header: object): Forged => [
    what,
    rsa({ alg: 'RS256', kid, ...header }, claims, own.privateKey),
  ];
  return [
    empty('unknown kid', { alg: 'RS256', kid: 'nobody' }),
    empty('known kid', { alg: 'RS256', kid }),
    empty('kid missing', { alg: 'RS256' }),
    ...[
      null,
      7,
      true,
      {},
      { a: 1 },
      [],
      [kid],
      '',
      '__proto__',
      'constructor',
      '../../etc/passwd',
      'x'.repeat(4_000),
    ].map((odd) => empty(`kid ${JSON.stringify(odd).slice(0, 24)}`, { alg: 'RS256', kid: odd })),
    ...['none', 'None', 'NONE', 'nOnE', '', 'RS256 ', 'toString', null, 0, ['RS256'], {}].map((alg) =>
      empty(`alg ${JSON.stringify(alg)}`, { alg, kid }),
    ),
    empty('alg missing', { kid }),
    ...['"RS256"', '[]', 'null', '{', '', '\u0000'].map((header) => empty(`header ${JSON.stringify(header)}`, header)),
    ['alg none with the signature of another', `${unsigned({ alg: 'none', kid }, claims)}.${goodSignature}`],
    ['HS256 under the public PEM', hmac({ alg: 'HS256', kid }, claims, key.pem)],
    ['HS256 under the public PEM, trimmed', hmac({ alg: 'HS256', kid }, claims, key.pem.trim())],
    [
      'HS256 under the public DER',
      hmac({ alg: 'HS256', kid }, claims, key.publicKey.export({ format: 'der', type: 'spki' })),
    ],
    ['HS256 under the modulus', hmac({ alg: 'HS256', kid }, claims, String(key.jwk.n))],
    ['HS256 under nothing', hmac({ alg: 'HS256', kid }, claims, '')],
    self('own key under the kid of the issuer', {}),
    self('own key, jku', { kid: 'own', jku: `${elsewhere}/jwks.json` }),
    self('own key, jku and the kid of the issuer', { jku: `${elsewhere}/jwks.json` }),
    self('own key, x5u', { x5u: `${elsewhere}/cert.pem` }),
    self('own key, jwk', { jwk }),
    self('own key, jwk that claims the kid', { jwk: { ...jwk, kid } }),
    self('own key, x5c', { x5c: [own.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }),
    self('own key, crit', { crit: ['b64'], b64: false }),
    ['good signature, other claims', `${goodHeader}.${base64url(claims)}.${goodSignature}`],
    ['good signature, other header', `${base64url({ alg: 'RS256' })}.${goodClaims}.${goodSignature}`],
    ['good signature cut short', good.slice(0, -4)],
    ['good token, signature removed', `${goodHeader}.${goodClaims}.`],
    ['good token, signature of zeros', `${goodHeader}.${goodClaims}.${Buffer.alloc(256).toString('base64url')}`],
    ['good token, signature padded', `${good}==`],
    ['two parts', `${goodHeader}.${goodClaims}`],
    ['four parts', `${good}.x`],
    ['five parts', `${goodHeader}..${goodClaims}.${goodSignature}.x`],
    ['dots alone', '..'],
    ['ES256, r and s zero', `${unsigned({ alg: 'ES256', kid }, claims)}.${Buffer.alloc(64).toString('base64url')}`],
  ];
}
