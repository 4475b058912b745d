/** Secrets that an attacker tries first are reported without being shown; random secrets are not reported. */
import { hash, randomBytes } from 'node:crypto';
import { isCommonPassword } from '../../../src/config/lint/common-passwords.js';
import { whyGuessable } from '../../../src/lib/guessable.js';
import { linted, toldBy } from './linting.js';

const KEY = (key: string): string => `middleware:
  auth:
    api_key:
      keys: [{key: ${JSON.stringify(key)}, name: alice}]
    chain: [api_key]
`;

test.each([
  ...[
    'secret',
    'changeme',
    'Secret',
    'my-super-secret-jwt-key',
    'loom-auth-secret',
    'LoomAuthSecretKey2026',
    'S3cr3tK3y',
  ],
  ...['your_jwt_secret_key_here', 'test-api-key-1', 'admin123', 'this is a secret', 'change.it', 'P@ssw0rd!'],
  ...['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'abcabcabcabcabc', '0000000000000000', '12341234123412341234'],
  ...[
    'qwertyuiop',
    'asdfghjklasdfghjkl',
    '1qaz2wsx3edc',
    'abcdefghijklmnop',
    '0123456789abcdef',
    '9876543210',
    'zyxwvut',
  ],
])('%s can be guessed', (secret) => {
  expect(whyGuessable(secret)).toMatch(/^(?:is|repeats) /);
});

test.each([
  ...['correct horse battery staple', 'kT9#vLp2', 'sk_live_9f8e7d6c5b4a39281706', 'V2hhdCBpcyB0aGlz', 'xvqzjrpw'],
  ...['k-1234567890abcdef', 'secretaryship-of-xvq', 'loom_live_4fGq92LmZpX7Rv81'],
])('%s is not reported', (secret) => {
  expect(whyGuessable(secret)).toBeUndefined();
});

test('random secrets of every usual form are never reported', () => {
  const forms = ['hex', 'base64', 'base64url'] as const;
  const made = Array.from({ length: 3_000 }, (_, at) => randomBytes(16).toString(forms[at % 3]));
  expect(made.filter((each) => whyGuessable(each) !== undefined || isCommonPassword(each))).toEqual([]);
});

test.each(['123456', 'password', 'qwerty', 'letmein', 'dragon', 'monkey', 'iloveyou', 'trustno1', 'Password'])(
  '%s is a common password',
  (password) => {
    expect(isCommonPassword(password)).toBe(true);
  },
);

describe('a file', () => {
  const encoded = (text: string, encoding: 'base64' | 'base64url' | 'hex'): string =>
    Buffer.from(text).toString(encoding);

  test.each([
    ['guessable_secret', 'my-secret-api-key'],
    ['guessable_secret', encoded('my-secret-api-key', 'base64')],
    ['guessable_secret', encoded('my-secret-api-key!?', 'base64url')],
    ['guessable_secret', encoded('my-secret-api-key', 'hex')],
    ['guessable_secret', Buffer.alloc(32).toString('base64')],
    ['leaked_secret', 'trustno1'],
    ['leaked_secret', encoded('trustno1', 'base64')],
    ['printed_secret', 'sk_live_abc123'],
    ['printed_secret', encoded('your-256-bit-secret', 'base64')],
  ])('%s: %s', (code, key) => {
    const found = linted(KEY(key));
    expect(found.map((each) => each.code)).toEqual([code]);
    expect(found[0]).toMatchObject({ level: 'warning', path: 'middleware.auth.api_key.keys[0].key', line: 4 });
    expect(JSON.stringify(found)).not.toContain(key);
  });

  test('the hash of a common password is reported as well', () => {
    const text = (key: string): string => KEY('x').replace(/key: "x"/, `key_hash: "sha256:${hash('sha256', key)}"`);
    expect(toldBy('leaked_secret', linted(text('trustno1')))).toEqual([
      'middleware.auth.api_key.keys[0].key_hash: is the hash of a common password; make a new key',
    ]);
    expect(linted(text('sk_live_9f8e7d6c5b4a39281706'))).toEqual([]);
  });

  test('every kind of secret is judged, also that of a variable', () => {
    const text = `middleware:
  auth:
    jwt: {issuer: "https://id.example", audience: api, secret: "\${JWT_SECRET}"}
    oauth: {introspection_url: "https://id.example/i", client_id: loom, client_secret: change-me-please}
    chain: [jwt, oauth]
    require_any: true
listeners: [{address: ":8080"}]
upstreams: [{name: a, endpoints: ["127.0.0.1:9"]}]
admin: {address: "127.0.0.1:9090", auth: {type: bearer, bearer: {token: "changeme-changeme-changeme"}}}
routes: [{path: /a, upstream: a}]
`;
    const found = linted(text, { env: { JWT_SECRET: 'this-is-a-very-long-secret-for-jwt-signing' }, mode: 'serve' });
    const told = toldBy('guessable_secret', found).map((each) => each.split(':')[0]);
    expect(told).toEqual([
      'middleware.auth.jwt.secret',
      'middleware.auth.oauth.client_secret',
      'admin.auth.bearer.token',
    ]);
    const admin = text.replace(
      /auth: \{type: bearer.*\}\}\}/,
      'auth: {type: basic, basic: {username: ops, password: "qwertyuiop"}}}',
    );
    expect(toldBy('leaked_secret', linted(admin, { env: { JWT_SECRET: 'x' }, mode: 'serve' })).join()).toContain(
      'admin.auth.basic.password',
    );
  });
});
