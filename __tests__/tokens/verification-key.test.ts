import { generateKeyPairSync, randomBytes, type JsonWebKey } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { KeyError, keyFromJwk, keyFromSecret, keyFromText, looksLikeKey } from '../../src/tokens/verification-key.js';
import { usableKeys } from '../../src/tokens/jwks.js';
import { signingKey } from './signing.js';

const rsa = signingKey('RS256');
const ec = signingKey('ES256');
const ed = signingKey('EdDSA');
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

test.each([
  ['RSA', rsa, RSA_ALGORITHMS],
  ['P-256', ec, ['ES256']],
  ['P-384', signingKey('ES384'), ['ES384']],
  ['P-521', signingKey('ES512'), ['ES512']],
  ['Ed25519', ed, ['EdDSA']],
])(
  'a key of the kind %s verifies matching signatures, and has the thumbprint of RFC 7638',
  async (_kind, key, algorithms) => {
    const read = keyFromJwk({ ...key.jwk, kid: 'k' });
    expect(read).toMatchObject({ kid: 'k', algorithms });
    expect(read.thumbprint).toBe(await calculateJwkThumbprint(key.jwk as JWK));
    expect(keyFromText(key.pem)).toMatchObject({ algorithms, thumbprint: read.thumbprint });
    expect(keyFromText(JSON.stringify(key.jwk)).thumbprint).toBe(read.thumbprint);
  },
);

test('the alg of a key limits it to that algorithm', () => {
  expect(keyFromJwk({ ...rsa.jwk, alg: 'PS384' }).algorithms).toEqual(['PS384']);
  expect(() => keyFromJwk({ ...rsa.jwk, alg: 'ES256' })).toThrow('"alg"');
  expect(() => keyFromJwk({ ...rsa.jwk, alg: 'RSA-OAEP' })).toThrow('"alg"');
  expect(() => keyFromJwk({ ...ec.jwk, alg: 'HS256' })).toThrow('"alg"');
});

const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });
const ed448 = generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' });
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });

test.each<[string, unknown]>([
  ['null', null],
  ['a list', [rsa.jwk]],
  ['a text', 'rsa'],
  ['nothing', {}],
  ['a secret', { kty: 'oct', k: 'c2VjcmV0' }],
  ['a private RSA key', rsa.privateKey.export({ format: 'jwk' })],
  ['a private EC key', ec.privateKey.export({ format: 'jwk' })],
  ['a private Ed25519 key', ed.privateKey.export({ format: 'jwk' })],
  ['an RSA key of 1024 bits', short],
  ['an RSA key of more than 8192 bits', { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(1_025, 255).toString('base64url') }],
  ['an RSA key with the exponent 1', { ...rsa.jwk, e: 'AQ' }],
  ['an RSA key with an even exponent', { ...rsa.jwk, e: 'BA' }],
  ['secp256k1', secp256k1],
  ['Ed448', ed448],
  ['X25519', x25519],
  ['a point that is not on its curve', { ...ec.jwk, y: ec.jwk.x }],
  ['a curve that does not match the point', { ...ec.jwk, crv: 'P-384' }],
  ['a key for encryption', { ...rsa.jwk, use: 'enc' }],
  ['a key with a use that is a list', { ...rsa.jwk, use: ['sig'] }],
  ['a key for other operations', { ...rsa.jwk, key_ops: ['encrypt'] }],
  ['a key with operations that are a string', { ...rsa.jwk, key_ops: 'verify' }],
  ['a kid that is a number', { ...rsa.jwk, kid: 1 }],
  ['an RSA key without a modulus', { kty: 'RSA', e: 'AQAB' }],
  ['an RSA key with a modulus that is a number', { kty: 'RSA', e: 'AQAB', n: 7 }],
])('a JWK that is %s is refused, and left out of a set', (_what, jwk) => {
  expect(() => keyFromJwk(jwk)).toThrow(KeyError);
  expect(usableKeys([jwk, { ...rsa.jwk, use: 'sig', key_ops: ['verify'] }])).toHaveLength(1);
});

test('a set without a usable key is an error', () => {
  expect(() => usableKeys([])).toThrow('no usable key');
  expect(() => usableKeys([short, secp256k1])).toThrow('no usable key');
  expect(() => usableKeys(undefined)).toThrow('not a key set');
  expect(() => usableKeys({ keys: [] })).toThrow('not a key set');
  expect(() => usableKeys(new Array(257).fill(rsa.jwk))).toThrow('more than 256');
});

test('a key that is in a set twice counts once', () => {
  expect(usableKeys([ec.jwk, ec.jwk, { ...ec.jwk, kid: 'other' }])).toHaveLength(2);
});

test.each([
  ['a private key', () => rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
  ['a private key in its own format', () => ec.privateKey.export({ format: 'pem', type: 'sec1' }).toString()],
  ['a private JWK', () => JSON.stringify(ec.privateKey.export({ format: 'jwk' }))],
  ['no key', () => 'hello'],
  ['broken JSON', () => '{'],
  ['an empty text', () => ''],
  ['a broken PEM', () => '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
])('%s is not a public key', (_what, text) => {
  expect(() => keyFromText(text())).toThrow(KeyError);
  expect(keyFromText(rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString()).algorithms).toEqual(
    RSA_ALGORITHMS,
  );
});

test('a secret verifies only HS*', () => {
  expect(keyFromSecret('s').algorithms).toEqual(['HS256', 'HS384', 'HS512']);
});

test('public keys are recognized where a secret is expected, in every format', () => {
  const jwk: JsonWebKey = rsa.jwk;
  const der = (type: 'spki' | 'pkcs1') => rsa.publicKey.export({ format: 'der', type }).toString('base64');
  const keys = [
    rsa.pem,
    `\n ${rsa.pem}`,
    `# comment\n${rsa.pem}`,
    rsa.pem.replaceAll('\n', '\\n'),
    Buffer.from(rsa.pem).toString('base64'),
    JSON.stringify(jwk),
    JSON.stringify({ keys: [jwk] }),
    JSON.stringify([jwk]),
    Buffer.from(JSON.stringify(jwk)).toString('base64url'),
    der('spki'),
    der('pkcs1'),
    ed.publicKey.export({ format: 'der', type: 'spki' }).toString('base64url'),
    '---- BEGIN SSH2 PUBLIC KEY ----',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q ada@example',
  ];
  expect(keys.filter((text) => !looksLikeKey(Buffer.from(text)))).toEqual([]);
  const secrets = ['your-256-bit-secret', '{curly}', 'BEGIN', 'a'.repeat(64), randomBytes(48).toString('base64')];
  expect(secrets.filter((text) => looksLikeKey(Buffer.from(text)))).toEqual([]);
});
