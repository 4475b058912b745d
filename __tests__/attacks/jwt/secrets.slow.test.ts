/** Shared secrets, and the algorithms that follow from keys: what a file may contain, and the defaults. */
import type * as crypto from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StaticKey } from '../../../src/tokens/key-source.js';
import { TokenVerifier } from '../../../src/tokens/token-verifier.js';
import { keyFromSecret } from '../../../src/tokens/verification-key.js';
import { built, NODE } from '../../support/built.js';
import { errorsOf, warningsOf } from '../../support/loading.js';
import { runProcess } from '../../support/process.js';
import { compact } from '../../tokens/raw-signing.js';
import { LONG_SECRET, signingKey } from '../../tokens/signing.js';

const block = (more: string): string => `jwt: { issuer: "https://x.example", audience: a, ${more} }`;
const withSecret = (secret: string): string => block(`secret: ${JSON.stringify(secret)}`);

/** Words like those of published lists of weak secrets, made for this test. */
const WORDS = [
  'a', 's', '1', 'secret', 'Secret', 'SECRET', 'secret1', 'secret123', 'mysecret', 'my-secret', 'mysecretkey', 'my_secret_key', 'jwt_secret', 'jwtsecret', 'jwt-secret-key', 'super-secret', 'supersecretkey', 'shhhhh', 'shhhhhared-secret',
  'your-256-bit-secret', 'your-384-bit-secret', 'your-512-bit-secret', 'a-string-secret', 'example', 'example_key', 'password', 'password123', 'passw0rd', 'changeme', 'change-me', 'changeit', 'default', 'admin', 'root', 'test', 'testing', 'dev',
  'development', 'production', 'key', 'private', 'privatekey', 'token', 'tokensecret', 'hmac', 'hs256', 'HS256', '123456', '12345678', '1234567890', 'qwerty', 'letmein', 'iloveyou', 'hello', 'helloworld', 'foo', 'foobar', 'null', 'undefined',
  'none', 'xxx', 'todo', 'TODO', 'placeholder', 'REPLACE_ME', '<secret>', 'keyboard cat', 'GZL0HT7Mh7Rvxx9', 'AC8d83&21Almnis710sds', 'x'.repeat(31),
]; // prettier-ignore

describe('JWT-27 weak secrets', () => {
  test('a word of a list, or any text under 32 bytes: a warning, and an error with --strict', () => {
    expect(WORDS.length).toBeGreaterThanOrEqual(50);
    const let_in = WORDS.filter((word) => !warningsOf(withSecret(word)).includes('shorter than 32 bytes'));
    expect(let_in).toEqual([]);
    const strict = WORDS.filter(
      (word) => !errorsOf(withSecret(word), { strict: true }).includes('shorter than 32 bytes'),
    );
    expect(strict).toEqual([]);
  });

  test.each([
    '',
    ' ',
    '\t',
    '   \n ',
    '${JWT_SECRET}',
    '${JWT_SECRET:-}',
    '${JWT_SECRET:-secret}',
    '${file:/nowhere/at/all}',
  ])('%j is an error, because it is not a secret', (secret) => {
    expect(errorsOf(withSecret(secret), { env: { JWT_SECRET: '' } })).toContain('middleware.auth.jwt.secret');
    expect(errorsOf(withSecret(secret))).toContain('middleware.auth.jwt.secret');
  });

  test('numbers, lists and null are not secrets', () => {
    for (const secret of [
      '123456789012345678901234567890123456',
      'true',
      'null',
      '~',
      '[]',
      '{}',
      '[a, b]',
      '2026-01-01',
    ])
      expect([secret, errorsOf(block(`secret: ${secret}`))]).toEqual([secret, expect.stringContaining('secret')]);
  });

  test('no message contains the secret', () => {
    for (const secret of ['passw0rd-of-the-file', 'x'.repeat(31)])
      expect(`${warningsOf(withSecret(secret))}${errorsOf(withSecret(secret), { strict: true })}`).not.toContain(
        secret,
      );
  });

  test('twin: 32 bytes and more load without a warning, from the environment too', () => {
    for (const secret of ['x'.repeat(16) + 'y'.repeat(16), 'é'.repeat(16), LONG_SECRET])
      expect(errorsOf(withSecret(secret), { strict: true })).toBe('');
    expect(errorsOf(withSecret('${JWT_SECRET}'), { strict: true, env: { JWT_SECRET: LONG_SECRET } })).toBe('');
  });
});

describe('JWT-41 no list of algorithms', () => {
  const check = async (jwt: string): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-check-'));
    const file = join(folder, 'loom.yaml');
    writeFileSync(file, `middleware: { auth: { ${jwt} } }\nroutes: [{ path: /*, auth: { jwt: true } }]\n`);
    const { stdout } = await runProcess(NODE, [built(), 'check', file], { env: { NO_COLOR: '1' } });
    rmSync(folder, { recursive: true });
    return stdout;
  };

  test('means those of the key: HS* with a secret, never with keys; check prints them', async () => {
    const [secret, url] = [
      await check(withSecret(LONG_SECRET)),
      await check(block('jwks_url: "https://x.example/jwks"')),
    ];
    expect(secret).toMatch(/HS256, HS384, HS512/);
    expect(secret).not.toMatch(/\b(?:[RPE]S\d{3}|EdDSA)\b/);
    expect(url).toMatch(/RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA/);
    expect(url).not.toMatch(/\bHS\d{3}\b|none/i);
  });

  test('no algorithm may be listed that does not fit the key', () => {
    const { pem } = signingKey('RS256');
    const keys = ['jwks_url: "https://x.example/jwks"', `public_key: ${JSON.stringify(pem)}`];
    for (const key of keys)
      for (const hmac of ['HS256', '[HS256]', '[RS256, HS256]', '[RS256, HS384]', 'HS512']) {
        const option = hmac.startsWith('[') ? 'algorithms' : 'algorithm';
        expect([hmac, errorsOf(block(`${key}, ${option}: ${hmac}`))]).toEqual([
          hmac,
          expect.stringContaining('HS* needs a "secret"'),
        ]);
      }
    for (const other of ['RS256', 'ES256', 'EdDSA', 'PS512'])
      expect(errorsOf(block(`secret: "${LONG_SECRET}", algorithm: ${other}`))).toContain(
        'HS256, HS384 and HS512 alone',
      );
    for (const none of [
      'none',
      'None',
      '""',
      'null',
      'rs256',
      'RS1',
      'ES256K',
      '"*"',
      'any',
      '[]',
      '[none]',
      '[RS256, none]',
    ])
      expect([none, errorsOf(block(`${keys[0]}, algorithms: ${none}`))]).toEqual([
        none,
        expect.stringContaining('algorithms'),
      ]);
    expect(errorsOf(block(`secret: "${LONG_SECRET}", jwks_url: "https://x.example/jwks"`))).toContain('side by side');
  });

  test('a public key is not a secret, in any form', () => {
    const { pem, jwk, publicKey } = signingKey('RS256');
    const forms = [
      pem,
      pem.trim(),
      ` \n${pem}`,
      `# key\n${pem}`,
      JSON.stringify(jwk),
      JSON.stringify({ keys: [jwk] }),
      Buffer.from(pem).toString('base64'),
      publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    ];
    for (const form of forms) expect(errorsOf(withSecret(form))).toContain('not a shared secret');
  });

  test('twin: each key with its own algorithms loads', () => {
    expect(errorsOf(block(`secret: "${LONG_SECRET}", algorithm: HS512`))).toBe('');
    expect(errorsOf(block('jwks_url: "https://x.example/jwks", algorithms: [RS256, ES256]'))).toBe('');
    expect(errorsOf(block(`public_key: ${JSON.stringify(signingKey('EdDSA').pem)}`))).toBe('');
  });
});

type Crypto = Pick<typeof crypto, 'timingSafeEqual'>;

describe('JWT-36 the time that a comparison takes', () => {
  const key = keyFromSecret(LONG_SECRET);
  const rules = { leeway: 0, requireExp: false, tokenType: 'any' as const, maxTokenSize: 12_000, ignoreCnf: false };
  const verifier = new TokenVerifier(
    [{ ...rules, algorithms: ['HS256', 'HS384', 'HS512'], keys: new StaticKey(key) }],
    { now: Date.now },
  );

  /** The right signature with one byte changed. */
  const wrongAt = (alg: 'HS256' | 'HS512', at: number): string => {
    const [header = '', payload = '', signature = ''] = compact({ alg }, { sub: 'ada' }, { alg, key: key.key }).split(
      '.',
    );
    const bytes = Buffer.from(signature, 'base64url');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return `${header}.${payload}.${bytes.toString('base64url')}`;
  };

  test('is the same for all: one constant-time comparison of all bytes', () => {
    const compared = jest.spyOn(jest.requireActual<Crypto>('node:crypto'), 'timingSafeEqual');
    try {
      for (const [alg, length] of [
        ['HS256', 32],
        ['HS512', 64],
      ] as const)
        for (const at of [0, 1, length / 2, length - 1]) {
          compared.mockClear();
          expect(verifier.verify(wrongAt(alg, at))).toEqual({ kind: 'rejected', reason: 'token_signature' });
          expect(compared.mock.calls.map(([one, two]) => [one.byteLength, two.byteLength])).toEqual([[length, length]]);
        }
    } finally {
      compared.mockRestore();
    }
  });

  test('medians over first and last byte differ by less than half; `bench/hmac-timing.mjs` measures it precisely', () => {
    const tokens = [wrongAt('HS256', 0), wrongAt('HS256', 31)] as const;
    const times = tokens.map((): number[] => []);
    for (let round = 0; round < 6_000; round++) {
      // The order alternates.
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = process.hrtime.bigint();
        void verifier.verify(tokens[which] ?? '');
        times[which]?.push(Number(process.hrtime.bigint() - start));
      }
    }
    const [first = 0, last = 0] = times.map((each) => each.sort((a, b) => a - b)[each.length / 2] ?? 0);
    expect(Math.max(first, last) / Math.min(first, last)).toBeLessThan(1.5);
  });

  test('twin: the right signature verifies', () => {
    expect(verifier.verify(compact({ alg: 'HS256' }, { sub: 'ada' }, { alg: 'HS256', key: key.key }))).toMatchObject({
      kind: 'verified',
    });
  });
});
