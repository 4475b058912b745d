import { readFile } from 'node:fs/promises';
import { jwt } from '../../../../src/auth/methods/jwt/jwt.js';
import { CertificateOffice } from '../../../support/certificates.js';
import { LONG_SECRET, SECRET, signingKey } from '../../../tokens/signing.js';

const rsa = signingKey('RS256');
const ISSUER = 'https://auth.example.com';
const whole = { issuer: ISSUER, audience: 'api', jwks_url: `${ISSUER}/keys` };

const findings = (block: object) => jwt.findings(jwt.options.parse(block));
const brief = (block: object) =>
  findings(block).map(({ level, path, message }) => `${level} ${path.join('.')}: ${message}`);
const errors = (block: object) => brief(block).filter((line) => line.startsWith('error'));
const warnings = (block: object) => brief(block).filter((line) => line.startsWith('warning'));
const issues = (block: object) => jwt.options.safeParse(block).error?.issues.map((each) => each.path.join('.')) ?? [];

test.each<[string, object]>([
  ['the first block', { header: 'Authorization', scheme: 'Bearer', ...whole, claims_to_headers: { sub: 'X-User-ID' } }],
  ['the static secret', { algorithm: 'HS256', secret: 'your-256-bit-secret' }],
  [
    'several issuers',
    {
      issuers: [
        { name: 'auth0', issuer: 'https://t.auth0.com/', jwks_url: 'https://t.auth0.com/.well-known/jwks.json' },
        { name: 'okta', issuer: 'https://o.okta.com', jwks_url: 'https://o.okta.com/oauth2/default/v1/keys' },
      ],
    },
  ],
])('%s of the Loom page has no error', (_what, block) => {
  expect(errors(block)).toEqual([]);
});

test('a block that says everything has no finding', () => {
  expect(brief(whole)).toEqual([]);
  expect(brief({ issuer: ISSUER, audience: ['a', 'b'] })).toEqual([]);
  expect(brief({ issuer: ISSUER, audience: 'a', secret: SECRET })).toEqual([]);
  expect(brief({ issuer: ISSUER, audience: 'a', public_key: rsa.pem, algorithm: 'PS256' })).toEqual([]);
});

test('what is not checked is a warning', () => {
  expect(warnings({ secret: SECRET })).toEqual([
    expect.stringContaining('warning issuer: no issuer: "iss" is unchecked'),
    expect.stringContaining('warning audience: no audience: tokens for ANY AUDIENCE'),
  ]);
  expect(warnings({ issuers: [{ issuer: ISSUER }, { issuer: 'https://b.example', audience: 'b' }] })).toEqual([
    expect.stringContaining('warning issuers.0.audience: '),
  ]);
});

test('a secret is at least 32 bytes long, or a warning that does not quote it', () => {
  const [line, ...rest] = warnings({ ...whole, jwks_url: undefined, secret: 'x'.repeat(31) });
  expect(rest).toEqual([]);
  expect(line).toContain('warning secret: is shorter than 32 bytes');
  expect(line).not.toContain('xxx');
  expect(warnings({ ...whole, jwks_url: undefined, secret: 'é'.repeat(16) })).toEqual([]);
  expect(issues({ secret: '' })).toEqual(['secret']);
});

test.each<[string, object, string]>([
  ['no key and no issuer', {}, 'jwks_url'],
  ['headers alone', { claims_to_headers: { sub: 'X-User-ID' } }, 'jwks_url'],
  ['issuer beside issuers', { issuer: ISSUER, issuers: [{ issuer: ISSUER }] }, 'issuer'],
  ['a secret beside a key set', { ...whole, secret: SECRET }, 'jwks_url'],
  ['a secret beside a public key', { secret: SECRET, public_key: rsa.pem }, 'secret'],
  ['an issuer with both', { issuers: [{ issuer: ISSUER, secret: SECRET, jwks_url: ISSUER }] }, 'issuers.0.jwks_url'],
  ['a secret with RS256', { secret: SECRET, algorithm: 'RS256' }, 'algorithm'],
  ['a secret with both families', { secret: SECRET, algorithms: ['HS256', 'ES256'] }, 'algorithms'],
  ['a key set with HS256', { ...whole, algorithms: ['RS256', 'HS256'] }, 'algorithms'],
  ['discovery with HS256', { issuer: ISSUER, algorithm: 'HS256' }, 'algorithm'],
  ['a public key with HS256', { public_key: rsa.pem, algorithm: 'HS256' }, 'algorithm'],
  ['a public key of another kind', { public_key: rsa.pem, algorithm: 'ES256' }, 'public_key'],
  ['a public key as a secret', { secret: rsa.pem }, 'secret'],
  ['a JWK as a secret', { secret: JSON.stringify(rsa.jwk) }, 'secret'],
  ['a public key that is none', { public_key: 'hello' }, 'public_key'],
  ['algorithm beside algorithms', { secret: SECRET, algorithm: 'HS256', algorithms: ['HS384'] }, 'algorithm'],
  ['a key set over http', { ...whole, jwks_url: 'http://id.example/keys' }, 'jwks_url'],
  ['an issuer over http', { issuer: 'http://id.example' }, 'issuer'],
  ['an issuer that is no URL', { issuer: 'me' }, 'issuer'],
  ['an issuer with a query', { issuer: `${ISSUER}?a=b` }, 'issuer'],
  ['an issuer twice', { issuers: [{ issuer: ISSUER }, { issuer: ISSUER, public_key: rsa.pem }] }, 'issuers.1.issuer'],
  [
    'a name twice',
    {
      issuers: [
        { name: 'a', issuer: ISSUER },
        { name: 'a', issuer: 'https://b.example' },
      ],
    },
    'issuers.1.name',
  ],
])('%s is an error', (_what, block, path) => {
  expect(errors(block).map((line) => line.slice(0, line.indexOf(':')))).toContain(`error ${path}`);
});

test('an option that an issuer inherits is named where it stands', () => {
  const issuers = [{ issuer: ISSUER }, { issuer: 'https://b.example', secret: SECRET }];
  const paths = (block: object) =>
    findings(block)
      .filter(({ level }) => level === 'error')
      .map(({ path }) => path);
  expect(paths({ algorithm: 'HS256', issuers })).toEqual([['algorithm']]);
  expect(paths({ issuers: [{ ...issuers[0], algorithms: ['HS256'] }] })).toEqual([['issuers', 0, 'algorithms']]);
  expect(paths({ public_key_file: 'key.pem', public_key: 'hello', issuer: ISSUER })).toEqual([['public_key_file']]);
});

test('http is fine on loopback, and where the file says so', () => {
  expect(errors({ ...whole, jwks_url: 'http://127.0.0.1:8080/keys' })).toEqual([]);
  expect(errors({ ...whole, jwks_url: 'http://id.example/keys', allow_insecure_http: true })).toEqual([]);
  expect(errors({ issuer: 'me', secret: SECRET })).toEqual([]);
});

test('issuers that differ by a slash at the end are a warning', () => {
  expect(warnings({ audience: 'a', issuers: [{ issuer: ISSUER }, { issuer: `${ISSUER}/` }] })).toEqual([
    expect.stringContaining('warning issuers.1.issuer: differs'),
  ]);
});

test('two issuers that feed one header are a warning unless iss is mapped too', () => {
  const issuers = [{ issuer: ISSUER }, { issuer: 'https://b.example' }];
  const of = (claims_to_headers: object) => warnings({ audience: 'a', issuers, claims_to_headers });
  expect(of({ sub: 'X-User-ID' })).toEqual([expect.stringContaining('several issuers feed "x-user-id"')]);
  expect(of({ sub: 'X-User-ID', iss: 'X-Issuer' })).toEqual([]);
  const apart = issuers.map((each, i) => ({ ...each, claims_to_headers: { sub: `X-User-${i}` } }));
  expect(warnings({ audience: 'a', issuers: apart })).toEqual([]);
});

test.each(['none', 'None', 'hs256', 'HS256 ', 'ES256K', ''])('the algorithm %j is not in the schema', (algorithm) => {
  expect(issues({ secret: SECRET, algorithm })).toEqual(['algorithm']);
  expect(issues({ secret: SECRET, algorithm: 'HS256' })).toEqual([]);
});

test('the leeway has a limit', () => {
  expect(issues({ secret: SECRET, leeway: '6m' })).toEqual(['leeway']);
  expect(issues({ secret: SECRET, leeway: '5m' })).toEqual([]);
});

test('no message and no line of the summary quotes a secret', () => {
  const block = { secret: LONG_SECRET, algorithm: 'RS256', public_key: 'hello-there' };
  const options = jwt.options.parse(block);
  const said = JSON.stringify([jwt.findings(options), jwt.summary(options)]);
  expect(said).not.toContain(SECRET);
  expect(said).not.toContain('hello-there');
  expect(said).toContain('ANY AUDIENCE');
  const summary = jwt.summary(jwt.options.parse({ ...whole, jwks_url: `${ISSUER}/keys?token=hidden` }));
  expect(summary).toContainEqual(['keys', `${ISSUER}/keys`]);
});

test('a certificate is a public key too', async () => {
  const office = await CertificateOffice.open();
  const of = async (name: string, key: 'ec' | 'rsa1024') =>
    readFile((await office.issue(name, { subject: '/CN=id', key })).cert, 'utf8');
  const good = { ...whole, jwks_url: undefined, public_key: await of('good', 'ec') };
  const short = { ...good, public_key: await of('short', 'rsa1024') };
  await office.remove();
  expect(errors(good)).toEqual([]);
  expect(errors(short)).toEqual([expect.stringContaining('RSA key of 1024 bits')]);
});

test('a route may only name issuers that the block knows', () => {
  const of = (block: object, issuers: string[]) =>
    jwt.unknownNames(jwt.options.parse(block), { issuers }).map(({ path }) => path.join('.'));
  const block = { issuers: [{ name: 'one', issuer: ISSUER }] };
  expect(of(block, ['one', ISSUER])).toEqual([]);
  expect(of(block, ['one', 'two'])).toEqual(['issuers.1']);
  expect(of(whole, ['https://evil.example'])).toEqual(['issuers.0']);
  expect(of({ secret: SECRET }, ['https://any.example'])).toEqual([]);
});
