import { gzipSync } from 'node:zlib';
import { discoverJwksUri } from '../../src/tokens/discovery.js';
import { fetchKeys } from '../../src/tokens/jwks.js';
import { askedServer, json, raw, type Answer, type AskedServer } from './introspection-server.js';
import { signingKey } from './signing.js';

const { jwk } = signingKey('ES256');
const good = json({ keys: [{ ...jwk, kid: 'k1' }] });

let server: AskedServer;
let other: AskedServer;
beforeEach(async () => {
  server = await askedServer(good);
  other = await askedServer(good);
});
afterEach(() => Promise.all([server.close(), other.close()]));

const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no failure',
    (cause: Error) => cause.message,
  );

describe('a key set', () => {
  test('is fetched once, as JSON, and read into keys', async () => {
    expect(await fetchKeys(`${server.origin}/keys?tenant=a`, { allowInsecureHttp: false })).toMatchObject([
      { kid: 'k1', algorithms: ['ES256'] },
    ]);
    expect(server.asked).toMatchObject([
      { method: 'GET', url: '/keys?tenant=a', headers: { accept: 'application/json' } },
    ]);
  });

  test.each<[string, Answer]>([
    ['HTML', raw(200, '<html>')],
    ['an empty object', json({})],
    ['an empty set', json({ keys: [] })],
    ['null for keys', json({ keys: null })],
    ['null', json(null)],
    ['a list', json([jwk])],
    ['secrets alone', json({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })],
    ['keys twice', raw(200, `{"keys":[],"keys":[${JSON.stringify(jwk)}]}`)],
    ['a byte order mark', raw(200, `\ufeff${JSON.stringify({ keys: [jwk] })}`)],
    ['an error', json({ keys: [jwk] }, 500)],
    ['not found', json({ keys: [jwk] }, 404)],
    ['no content', raw(204, '')],
    ['more than 512 KiB', raw(200, JSON.stringify({ keys: [jwk], more: 'x'.repeat(524_288) }))],
    ['a gzip bomb', raw(200, gzipSync(Buffer.alloc(64 * 1_048_576, ' ')), { 'content-encoding': 'gzip' })],
    ['a broken connection', (_asked, response) => void response.destroy()],
  ])('that is %s is an error and yields no key', async (_what, answer) => {
    server.answer = answer;
    expect(await failure(fetchKeys(server.origin, { allowInsecureHttp: false }))).not.toBe('no failure');
    server.answer = good;
    expect(await fetchKeys(server.origin, { allowInsecureHttp: false })).toHaveLength(1);
  });

  test('that never ends is cut off', async () => {
    server.answer = (_asked, response) => {
      const write = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    };
    expect(await failure(fetchKeys(server.origin, { allowInsecureHttp: false }))).toContain('more than 524288 bytes');
  });

  test('behind a redirect is not followed', async () => {
    server.answer = raw(302, '', { location: `${other.origin}/keys` });
    expect(await failure(fetchKeys(server.origin, { allowInsecureHttp: false }))).toContain('redirect');
    expect(other.asked).toEqual([]);
  });

  test('is not fetched over http from another machine unless the file allows it', async () => {
    expect(await failure(fetchKeys('http://id.invalid/keys', { allowInsecureHttp: false }))).toContain('must be https');
    expect(await failure(fetchKeys('http://id.invalid/keys', { allowInsecureHttp: true }))).toContain(
      'the exchange failed',
    );
  });
});

describe('discovery', () => {
  const document = (given: object = {}) => json({ issuer: server.origin, jwks_uri: `${server.origin}/keys`, ...given });

  const uriOf = async (issuer: string, from?: Parameters<typeof discoverJwksUri>[2]) =>
    (await discoverJwksUri(issuer, { allowInsecureHttp: false }, from)).uri;

  test('reads the document at the issuer', async () => {
    server.answer = document();
    expect(await uriOf(server.origin)).toBe(`${server.origin}/keys`);
    expect(server.asked.map(({ url }) => url)).toEqual(['/.well-known/openid-configuration']);
  });

  test.each(['/tenant', '/tenant/'])('appends its path to that of the issuer %s', async (path) => {
    server.answer = document({ issuer: `${server.origin}${path}` });
    expect(await uriOf(`${server.origin}${path}`)).toBe(`${server.origin}/keys`);
    expect(server.asked.map(({ url }) => url)).toEqual(['/tenant/.well-known/openid-configuration']);
  });

  test('may lead to another origin, as with Google', async () => {
    server.answer = document({ jwks_uri: 'https://keys.example/certs' });
    expect(await uriOf(server.origin)).toBe('https://keys.example/certs');
  });

  test.each<[string, { issuer?: string | undefined; jwks_uri?: unknown }]>([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['an issuer with an extra slash', { issuer: 'SELF/' }],
    ['no issuer', { issuer: undefined }],
    ['no jwks_uri', { jwks_uri: undefined }],
    ['a jwks_uri that is a list', { jwks_uri: ['https://keys.example'] }],
    ['a jwks_uri over http', { jwks_uri: 'http://keys.example/certs' }],
    ['a jwks_uri that is a file', { jwks_uri: 'file:///etc/passwd' }],
    ['a jwks_uri with a password', { jwks_uri: 'https://a:b@keys.example/certs' }],
  ])('refuses %s', async (_what, given) => {
    const issuer = given.issuer?.replace('SELF', server.origin);
    server.answer = document('issuer' in given ? { ...given, issuer } : given);
    expect(await failure(discoverJwksUri(server.origin, { allowInsecureHttp: false }))).toContain('discover');
    server.answer = document();
    expect(await failure(discoverJwksUri(server.origin, { allowInsecureHttp: false }))).toBe('no failure');
  });

  test.each([
    ['http://127.0.0.1/keys'],
    ['https://localhost/keys'],
    ['https://localhost./keys'],
    ['https://LOCALHOST.:8443/keys'],
    ['https://any.localhost/keys'],
    ['https://localhost.localdomain/keys'],
    ['https://127.1/keys'],
    ['https://2130706433/keys'],
    ['https://0x7f000001/keys'],
    ['https://127.0.0.1./keys'],
    ['https://0.0.0.0/keys'],
    ['https://0/keys'],
    ['https://[::1]/keys'],
    ['https://[::]/keys'],
    ['https://[::ffff:127.0.0.1]/keys'],
    ['https://[::ffff:0.0.0.0]/keys'],
    ['https://[::127.0.0.1]/keys'],
    ['https://169.254.169.254/keys'],
    ['https://[::ffff:169.254.169.254]/keys'],
    ['https://[fe80::1]/keys'],
  ])('does not let another machine send us to this one: %s', async (jwks_uri) => {
    const issuer = 'https://id.example';
    const from = (said: string) =>
      discoverJwksUri(said, { allowInsecureHttp: true }, () =>
        Promise.resolve({ document: { issuer: said, jwks_uri } }),
      );
    expect(await failure(from(issuer))).toContain('this machine');
    // An issuer on this machine may name an address of this machine.
    expect(await failure(from('https://127.0.0.1'))).toBe('no failure');
  });

  test.each([
    ['https://id.example/keys'],
    ['https://localhost.example/keys'],
    ['https://10.0.0.7/keys'],
    ['https://[2001:db8::1]/keys'],
    ['https://128.0.0.1/keys'],
    ['https://[::ffff:192.0.2.1]/keys'],
  ])('lets a local issuer send us to %s', async (jwks_uri) => {
    const issuer = 'https://id.example';
    expect(await uriOf(issuer, () => Promise.resolve({ document: { issuer, jwks_uri } }))).toBe(jwks_uri);
  });
});
