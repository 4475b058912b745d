import { createHmac } from 'node:crypto';
import { parseJws } from '../../src/tokens/jws.js';
import { base64url, signedBySecret } from './signing.js';

const HEADER = { alg: 'HS256', typ: 'JWT', kid: 'k1' };
const CLAIMS = { sub: 'alice', exp: 2_000_000_000 };

const token = (header: unknown, payload: unknown = CLAIMS, signature = base64url('signature')) =>
  `${base64url(header)}.${base64url(payload)}.${signature}`;

test('a compact JWS is split into its content and the signed text', async () => {
  const compact = await signedBySecret(CLAIMS, { typ: 'JWT', kid: 'k1' }, 'x'.repeat(32));
  const parsed = parseJws(compact);
  expect(parsed).toMatchObject({ kind: 'jws', jws: { ...HEADER, claims: CLAIMS } });
  if (parsed.kind !== 'jws') throw new Error('not parsed');
  expect(createHmac('sha256', 'x'.repeat(32)).update(parsed.jws.input).digest()).toEqual(parsed.jws.signature);
});

test('the claims are read-only at any depth', () => {
  const parsed = parseJws(token(HEADER, { sub: 'a', deep: { list: [{}] } }));
  if (parsed.kind !== 'jws') throw new Error('not parsed');
  const { deep } = parsed.jws.claims as { deep: { list: object[] } };
  expect([parsed.jws.claims, deep, deep.list, deep.list[0]].every(Object.isFrozen)).toBe(true);
});

const jwe = [{ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9 }, 'a', 'b', 'c', 'd'].map(base64url).join('.');

test.each([
  ['an opaque token', 'sk_opaque'],
  ['an empty text', ''],
  ['two dots alone', '..'],
  ['three opaque parts', 'abc.def.ghi'],
  ['a header without a payload', base64url(HEADER)],
  ['two parts', `${base64url(HEADER)}.${base64url(CLAIMS)}`],
  ['four parts', `${token(HEADER)}.x`],
  ['six parts', `${token(HEADER)}.x.y.z`],
  ['an empty header', `.${base64url(CLAIMS)}.c2ln`],
  ['a header that is a list', token(['alg'])],
  // RFC 7516 §9: the opaque token of some issuers.
  ['a JWE', jwe],
  ['a JWE without an encrypted key', jwe.replace(/\.[^.]+/, '.')],
  ['the JSON serialization', JSON.stringify({ payload: 'e30', signature: 'e30' })],
  ['thousands of dots', '.'.repeat(8_000)],
])('%s is left to other methods', (_what, text) => {
  expect(parseJws(text)).toEqual({ kind: 'foreign' });
  expect(parseJws(token(HEADER)).kind).toBe('jws');
});

test.each([
  ['crit', token({ ...HEADER, crit: ['exp'] })],
  ['an empty crit', token({ ...HEADER, crit: [] })],
  ['b64: false', token({ ...HEADER, b64: false })],
  ['b64: false with crit', token({ ...HEADER, b64: false, crit: ['b64'] })],
  ['zip', token({ ...HEADER, zip: 'DEF' })],
  ['enc', token({ ...HEADER, enc: 'A128GCM' })],
  ['a token with disclosures and a key binding', `${token(HEADER)}~d~${token(HEADER)}`],
  ['a token within', token({ ...HEADER, cty: 'JWT' })],
  ['no alg', token({ typ: 'JWT' })],
  ['an alg that is a list', token({ ...HEADER, alg: ['HS256'] })],
  ['an alg that is null', token({ ...HEADER, alg: null })],
  ['a kid that is a number', token({ ...HEADER, kid: 1 })],
  ['a kid that is null', token({ ...HEADER, kid: null })],
  ['a kid that is an object', token({ ...HEADER, kid: {} })],
  ['a typ that is a list', token({ ...HEADER, typ: ['JWT'] })],
  ['a header member twice', token('{"alg":"none","alg":"HS256"}')],
  ['a header member twice, one escaped', token('{"alg":"none","\\u0061lg":"HS256"}')],
  ['a claim twice', token(HEADER, '{"sub":"u","sub":"admin"}')],
  ['a claim twice in a nested object', token(HEADER, '{"sub":"u","a":{"b":1,"b":2}}')],
  ['claims that are a list', token(HEADER, '[]')],
  ['claims that are a string', token(HEADER, '"alice"')],
  ['claims that are null', token(HEADER, 'null')],
  ['an empty payload', `${base64url(HEADER)}..c2ln`],
  ['claims that are not JSON', token(HEADER, '{sub:1}')],
  ['a byte order mark', token(HEADER, '\ufeff{}')],
  ['claims nested deeply', token(HEADER, `{"a":${'['.repeat(40)}${']'.repeat(40)}}`)],
  ['a header that ends early', token('{"alg":"HS256"')],
  [
    'claims that are not UTF-8',
    `${base64url(HEADER)}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.c2ln`,
  ],
  ['padding', `${token(HEADER)}=`],
  ['a signature with unused bits set', `${base64url(HEADER)}.${base64url(CLAIMS)}.c2lnbmF0dXJ`],
  ['the alphabet of base64', `${base64url(HEADER)}.${base64url(CLAIMS)}.+/+/`],
  ['a space in it', `${base64url(HEADER)}.${base64url(CLAIMS)}.c2 ln`],
  ['a line break at the end', `${token(HEADER)}\n`],
])('%s is refused', (_what, text) => {
  expect(parseJws(text)).toEqual({ kind: 'malformed' });
  expect(parseJws(token(HEADER)).kind).toBe('jws');
});

test('a claim called __proto__ is a claim and not a prototype', () => {
  const parsed = parseJws(token(HEADER, '{"__proto__":{"sub":"admin"}}'));
  if (parsed.kind !== 'jws') throw new Error('not parsed');
  expect(parsed.jws.claims['sub']).toBeUndefined();
});

test('keys and URLs in a header are ignored', () => {
  const header = { ...HEADER, jku: 'http://evil.example', x5u: 'http://evil.example', jwk: { kty: 'oct' }, x5c: ['a'] };
  const parsed = parseJws(token(header));
  expect(parsed.kind === 'jws' && Object.keys(parsed.jws).sort()).toEqual([
    'alg',
    'claims',
    'input',
    'kid',
    'signature',
    'typ',
  ]);
});
