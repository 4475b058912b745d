/** Abuses of what `jwt` and `oauth` accept from many issuers, each beside an honest twin. */
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import { loom, type Loom } from '../../../src/loom.js';
import { discoverJwksUri } from '../../../src/tokens/discovery.js';
import { fetchKeys } from '../../../src/tokens/jwks.js';
import { diagnose } from '../../config/files.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { base64url, signed, signingKey } from '../../tokens/signing.js';

const rsa = signingKey('RS256');
const evil = signingKey('RS256');
const SECRET = 'a secret that only the issuer and the gateway know';
const EXP = Math.floor(Date.now() / 1_000) + 3_600;
const ISS = 'https://id.example';
const CLAIMS = { iss: ISS, sub: 'alice', aud: 'api', exp: EXP };

const closers: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(closers.map((close) => close())));

async function asked(...keys: readonly object[]): Promise<AskedServer> {
  const server = await askedServer(json({ keys }));
  closers.push(() => server.close());
  return server;
}

interface Gate {
  /** The status for a bearer token. */
  status(token: string, path?: string): Promise<number>;
}

async function gateOf(auth: object, rest: object = {}): Promise<Gate> {
  const text = JSON.stringify({ middleware: { auth }, routes: [{ path: '/*', auth: { jwt: true } }], ...rest });
  const gate: Loom = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  await gate.ready;
  const server = createServer((req, res) => gate(req, res, () => res.end(JSON.stringify(req.headers))));
  const port = await listening(server);
  closers.push(async () => (server.closeAllConnections(), await closed(server), gate.close()));
  return {
    status: async (token, path = '/') =>
      (await ask({ port, path, headers: { Authorization: `Bearer ${token}` } })).status,
  };
}

const fileOf = (auth: object): string =>
  JSON.stringify({ middleware: { auth }, routes: [{ path: '/*', auth: { jwt: true } }] });
const errorsOf = (auth: object): readonly string[] =>
  diagnose(fileOf(auth))
    .filter(({ level }) => level === 'error')
    .map(({ path, message }) => `${path}: ${message}`);

const byRsa = (claims: object = {}, header: object = {}, key = rsa.privateKey) =>
  signed({ ...CLAIMS, ...claims }, { alg: 'RS256', key, header: { ...header } });
const bySecret = (claims: object = {}, secret: string | Buffer = SECRET) =>
  signed({ ...CLAIMS, ...claims }, { alg: 'HS256', key: createSecretKey(Buffer.from(secret)) });

describe('G-09 a warm token', () => {
  test('lends its signature to no other payload, header or issuer', async () => {
    const issuers = [
      { issuer: ISS, audience: 'api', public_key: rsa.pem },
      { issuer: 'https://b.example', audience: 'api', public_key: rsa.pem, required_claims: { role: 'admin' } },
    ];
    const gate = await gateOf({ jwt: { issuers } });
    const token = await byRsa();
    for (let i = 0; i < 3; i++) expect(await gate.status(token)).toBe(200);
    const [header = '', payload = '', signature = ''] = token.split('.');
    for (const forged of [
      `${header}.${base64url({ ...CLAIMS, sub: 'admin' })}.${signature}`,
      `${header}.${base64url({ ...CLAIMS, iss: 'https://b.example' })}.${signature}`,
      `${base64url({ alg: 'RS256', kid: 'x' })}.${payload}.${signature}`,
      `${header}.${payload}.${signature}A`,
    ])
      expect(await gate.status(forged)).toBe(401);
    expect(await gate.status(token)).toBe(200);
  });

  test('is refused if one bit of any of its bytes is flipped', async () => {
    const gate = await gateOf({ jwt: { issuer: ISS, audience: 'api', public_key: rsa.pem } });
    const token = await byRsa();
    for (let i = 0; i < 3; i++) expect(await gate.status(token)).toBe(200);
    const passed: number[] = [];
    for (let at = 0; at < token.length; at++) {
      const flipped = token.slice(0, at) + String.fromCharCode(token.charCodeAt(at) ^ 1) + token.slice(at + 1);
      if ((await gate.status(flipped)) !== 401) passed.push(at);
    }
    expect(passed).toEqual([]);
    expect(await gate.status(token)).toBe(200);
  });

  test('of one entry is judged by the rules of that entry (twin)', async () => {
    const issuers = [
      { name: 'a', issuer: ISS, public_key: rsa.pem },
      { name: 'b', issuer: 'https://b.example', public_key: rsa.pem },
    ];
    const routes = [
      { path: '/a', auth: { jwt: { issuers: ['a'] } } },
      { path: '/b', auth: { jwt: { issuers: ['b'] } } },
    ];
    const gate = await gateOf({ jwt: { issuers } }, { routes });
    const token = await byRsa();
    for (let i = 0; i < 2; i++) {
      expect(await gate.status(token, '/a')).toBe(200);
      expect(await gate.status(token, '/b')).toBe(403);
    }
  });
});

describe('G-10 a secret in base64', () => {
  const short = Buffer.alloc(8, 7).toString('base64');

  test.each([
    ['no character of the alphabet', '!!!!'],
    ['an empty text of padding', '===='],
    ['a character outside the alphabet', `${Buffer.from(SECRET).toString('base64')}!`],
    ['a line break', `${Buffer.from(SECRET).toString('base64')}\n`],
    ['unused bits that are set', 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2w+Pz9='],
    ['a public key', Buffer.from(rsa.pem).toString('base64')],
    ['a public key in DER', rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
  ])('with %s is an error', (_what, secret) => {
    const found = errorsOf({ jwt: { issuer: ISS, secret, secret_encoding: 'base64' } });
    expect(found).toEqual([expect.stringMatching(/^middleware\.auth\.jwt\.secret: /)]);
  });

  test('is judged by its bytes, and no empty key verifies a token (twin)', async () => {
    const secret = Buffer.from(SECRET).toString('base64');
    const gate = await gateOf({ jwt: { issuer: ISS, secret, secret_encoding: 'base64' } });
    expect(await gate.status(await bySecret())).toBe(200);
    expect(await gate.status(await bySecret({}, secret))).toBe(401);
    const input = `${base64url({ alg: 'HS256' })}.${base64url(CLAIMS)}`;
    expect(await gate.status(`${input}.${'A'.repeat(43)}`)).toBe(401);
    const weak = { issuer: ISS, audience: 'api', secret: short, secret_encoding: 'base64' };
    expect(
      diagnose(fileOf({ jwt: weak }))
        .map(({ message }) => message)
        .join(),
    ).toMatch(/is shorter than 32 bytes/);
  });
});

const TEMPLATE = 'https://login.example/{tid}/v2.0';
const issuerOf = (tid: string) => `https://login.example/${tid}/v2.0`;

describe('G-13 an issuer template', () => {
  const ofTenant = (tid: string, claims: object = {}, header: object = {}) =>
    byRsa({ iss: issuerOf(tid), tid, ...claims }, { kid: 'shared', ...header });

  async function tenants(...keys: readonly object[]) {
    const set = await asked({ ...rsa.jwk, kid: 'shared' }, ...keys);
    const jwt = { issuer: TEMPLATE, jwks_url: set.origin, audience: 'api', required_claims: { tid: ['good', 'fine'] } };
    return { set, gate: await gateOf({ jwt }) };
  }

  test('admits no other tenant, and no claim that has two readings', async () => {
    const { gate } = await tenants();
    for (const token of [
      await ofTenant('evil'),
      await ofTenant('good', { tid: ['good', 'evil'] }),
      await ofTenant('good', { tid: ['good'] }),
      await ofTenant('good', { tid: 'evil' }),
      await ofTenant('good', { tid: 'fine' }),
      await ofTenant('good', { tid: undefined }),
      await ofTenant('good', { tid: { toString: 'good' } }),
      await ofTenant('good', { iss: TEMPLATE }),
      await ofTenant('good', { iss: issuerOf('good/../evil') }),
      await ofTenant('good', { iss: `${issuerOf('good')}/` }),
      await ofTenant('GOOD'),
    ])
      expect(await gate.status(token)).toBe(401);
    expect(await gate.status(await ofTenant('good'))).toBe(200);
  });

  test.each([
    ['realm.id', { realm: { id: 'good' } }, { realm: { id: 'evil' } }],
    ['/realm/id', { realm: { id: 'good' } }, { '/realm/id': 'good', realm: { id: 'evil' } }],
    ['realm.id', { 'realm.id': 'good' }, { 'realm.id': 'good', realm: { id: 'evil' } }],
  ])('reads {%s} as required_claims does, and admits no second reading', async (path, good, evil_) => {
    const set = await asked({ ...rsa.jwk, kid: 'shared' });
    const issuer = `https://login.example/{${path}}/v2.0`;
    const gate = await gateOf({ jwt: { issuer, jwks_url: set.origin, required_claims: { [path]: ['good', 'fine'] } } });
    const withClaims = (claims: object) => byRsa({ iss: issuerOf('good'), ...claims }, { kid: 'shared' });
    expect(await gate.status(await withClaims(good))).toBe(200);
    for (const claims of [evil_, {}, { realm: 'good' }]) expect(await gate.status(await withClaims(claims))).toBe(401);
  });

  test('narrowed to a tenant that is not listed is an error, to a listed one is not (twin)', () => {
    const jwt = { issuer: TEMPLATE, jwks_url: 'https://login.example/k', required_claims: { tid: ['good', 'fine'] } };
    const narrowed = (narrowing: object, block: object = jwt): readonly string[] =>
      diagnose(
        JSON.stringify({ middleware: { auth: { jwt: block } }, routes: [{ path: '/*', auth: { jwt: narrowing } }] }),
      )
        .filter(({ level }) => level === 'error')
        .map(({ path, message }) => `${path}: ${message}`);
    const refused = [expect.stringContaining('required_claims of the issuer allows')];
    expect(narrowed({ required_claims: { tid: ['evil'] } })).toEqual(refused);
    expect(narrowed({ issuers: [issuerOf('good')], required_claims: { tid: 'fine' } })).toEqual(refused);
    const ofApp = { issuer: ISS, public_key: rsa.pem, required_claims: { azp: ['app'], role: ['admin'] } };
    expect(narrowed({ required_claims: { azp: 'other' } }, ofApp)).toEqual(refused);
    for (const tid of ['good', ['evil', 'fine']]) expect(narrowed({ required_claims: { tid } })).toEqual([]);
    expect(narrowed({ required_claims: { azp: 'app', role: 'ops' } }, ofApp)).toEqual([]);
  });

  test('a key of one tenant verifies that tenant alone', async () => {
    const { gate } = await tenants(
      { ...evil.jwk, kid: 'evils', issuer: issuerOf('evil') },
      { ...evil.jwk, kid: 'odd', issuer: 7 },
    );
    for (const kid of ['evils', 'odd', 'shared', undefined]) {
      const forged = await byRsa({ iss: issuerOf('good'), tid: 'good' }, { kid }, evil.privateKey);
      expect(await gate.status(forged)).toBe(401);
    }
    expect(await gate.status(await ofTenant('good'))).toBe(200);
  });

  test.each<[string, object, RegExp]>([
    ['no list of tenants', {}, /issuer: needs the values of "tid"/],
    ['a list that says only that the claim exists', { required_claims: ['tid'] }, /issuer: needs the values of "tid"/],
    ['another claim', { required_claims: { org: 'a' } }, /issuer: needs the values of "tid"/],
    [
      'a tenant that changes the URL',
      { required_claims: { tid: 'a/../b' } },
      /issuer: cannot be filled with "a\/\.\.\/b"/,
    ],
    ['a tenant of dots', { required_claims: { tid: '..' } }, /issuer: cannot be filled/],
    ['a tenant that is a number', { required_claims: { tid: 7 } }, /issuer: cannot be filled with 7/],
    ['a brace alone', { issuer: 'https://login.example/{tid/v2.0' }, /issuer: has a brace without its pair/],
    [
      'a template of a key set',
      { jwks_url: 'https://id.example/{tid}/keys', required_claims: { tid: 'a' } },
      /jwks_url: has a brace/,
    ],
    [
      'discovery',
      { jwks_url: undefined, required_claims: { tid: 'a' } },
      /issuer: is a template, which needs "jwks_url"/,
    ],
    ['a secret', { jwks_url: undefined, secret: SECRET, required_claims: { tid: 'a' } }, /issuer: is a template/],
  ])('with %s is an error', (_what, given, message) => {
    const block = { issuer: TEMPLATE, jwks_url: 'https://login.example/keys', audience: 'api', ...given };
    expect(errorsOf({ jwt: block })).toEqual([expect.stringMatching(message)]);
  });

  test('serves every listed tenant from one key set, with keys marked as Entra marks them (twin)', async () => {
    const { set, gate } = await tenants({ ...evil.jwk, kid: 'common', issuer: issuerOf('{tenantid}') });
    for (const tid of ['good', 'fine']) {
      expect(await gate.status(await ofTenant(tid))).toBe(200);
      expect(await gate.status(await byRsa({ iss: issuerOf(tid), tid }, { kid: 'common' }, evil.privateKey))).toBe(200);
    }
    expect(set.asked).toHaveLength(1);
  });
});

describe('G-14 two entries of one issuer', () => {
  const bySet = { issuer: ISS, audience: 'api', jwks_url: 'https://id.example/keys' };
  const withSecret = { issuer: ISS, audience: 'api', secret: SECRET };

  test.each<[string, object, object, RegExp]>([
    ['an audience less', bySet, { ...withSecret, audience: undefined }, /different rules \(audience\)/],
    ['another audience', bySet, { ...withSecret, audience: 'other' }, /different rules \(audience\)/],
    [
      'a required claim less',
      { ...bySet, required_claims: { role: 'a' } },
      withSecret,
      /different rules \(required_claims\)/,
    ],
    ['a required scope less', { ...bySet, required_scopes: 'a' }, withSecret, /different rules \(required_scopes\)/],
    ['another token type', { ...bySet, token_type: 'access_token' }, withSecret, /different rules \(token_type\)/],
    ['an end less', bySet, { ...withSecret, require_exp: false }, /different rules \(require_exp\)/],
    ['a binding less', bySet, { ...withSecret, ignore_cnf: true }, /different rules \(ignore_cnf\)/],
    ['a longer leeway', bySet, { ...withSecret, leeway: '5m' }, /different rules \(leeway\)/],
    ['a greater age', { ...bySet, max_age: '1m' }, withSecret, /different rules \(max_age\)/],
    [
      'another header',
      bySet,
      { ...withSecret, claims_to_headers: { sub: 'X-User' } },
      /different rules \(claims_to_headers\)/,
    ],
    [
      'one family twice',
      bySet,
      { ...bySet, public_key: rsa.pem, jwks_url: undefined },
      /both entries accept RS\*, PS\*/,
    ],
    [
      'one family of several',
      { ...bySet, algorithms: ['RS256', 'ES256'] },
      { ...bySet, algorithms: ['RS512'] },
      /both entries accept RS\*/,
    ],
    ['two secrets', withSecret, { ...withSecret, secret: `${SECRET}!` }, /both entries accept HS\*/],
  ])('with %s are an error', (_what, first, second, message) => {
    expect(errorsOf({ jwt: { issuers: [first, second] } })).toEqual([
      expect.stringMatching(new RegExp(`^middleware\\.auth\\.jwt\\.issuers\\[1\\]\\.issuer: .*${message.source}`)),
    ]);
  });

  test('of a template and an exact issuer are an error', () => {
    const issuers = [
      { issuer: TEMPLATE, audience: 'api', jwks_url: 'https://login.example/keys', required_claims: { tid: 'a' } },
      { issuer: issuerOf('a'), audience: 'api', secret: SECRET },
    ];
    expect(errorsOf({ jwt: { issuers } }).join()).toMatch(/issuers\[1\]\.issuer: is listed twice with different rules/);
  });

  test('with a secret that is being retired accept both, and no key of one as a key of the other (twin)', async () => {
    const { origin } = await asked({ ...rsa.jwk, kid: 'a' });
    const gate = await gateOf({
      jwt: {
        issuers: [
          { ...bySet, jwks_url: origin, name: 'new' },
          { ...withSecret, name: 'old' },
        ],
      },
    });
    expect(await gate.status(await byRsa({}, { kid: 'a' }))).toBe(200);
    expect(await gate.status(await bySecret())).toBe(200);
    for (const secret of [rsa.pem, JSON.stringify(rsa.jwk), rsa.publicKey.export({ format: 'der', type: 'spki' })])
      expect(await gate.status(await bySecret({}, secret))).toBe(401);
    expect(await gate.status(await byRsa({ aud: 'other' }, { kid: 'a' }))).toBe(401);
    expect(await gate.status(await bySecret({ aud: 'other' }))).toBe(401);
  });
});

describe('G-15 token_type: id_token', () => {
  test('admits no logout token, refresh token, access token or token of another client', async () => {
    const gate = await gateOf({
      jwt: { issuer: ISS, audience: ['web', 'app'], public_key: rsa.pem, token_type: 'id_token' },
    });
    const logout = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    for (const [claims, header] of [
      [{ aud: 'web', events: logout }, {}],
      [{ aud: 'web', events: null }, {}],
      [{ aud: 'web' }, { typ: 'logout+jwt' }],
      [{ aud: 'web' }, { typ: 'at+jwt' }],
      [{ aud: 'web', token_use: 'access' }, {}],
      [{ aud: 'web', token_use: 'refresh' }, {}],
      [{ aud: 'web', typ: 'Refresh' }, {}],
      [{ aud: 'web', token_use: ['id', 'refresh'] }, {}],
      [{ aud: ['web', 'web', 'other'] }, {}],
      [{ aud: 'web', typ: 'Offline' }, {}],
      [{ aud: ['web', 'other'], azp: 'other' }, {}],
      [{ aud: ['web', 'other'] }, {}],
      [{ aud: 'other', azp: 'web' }, {}],
    ])
      expect(await gate.status(await byRsa(claims, header))).toBe(401);
  });

  test('admits ID tokens (twin)', async () => {
    const gate = await gateOf({
      jwt: { issuer: ISS, audience: ['web', 'app'], public_key: rsa.pem, token_type: 'id_token' },
    });
    const marks = { at_hash: 'x', c_hash: 'y', token_use: 'id', typ: 'ID' };
    for (const aud of ['web', ['web'], ['web', 'other']])
      expect(await gate.status(await byRsa({ aud, azp: 'web', ...marks }))).toBe(200);
    expect(await gate.status(await byRsa({ aud: ['web', 'web'], token_use: ['id'] }))).toBe(200);
  });
});

describe('G-17 a token that is no opaque token', () => {
  const token = () => byRsa();

  async function both(ofJwt: object = {}, ofOauth: object = {}) {
    const issuer = await askedServer(json({ active: true, sub: 'admin' }));
    closers.push(() => issuer.close());
    const oauth = { introspection_url: issuer.origin, client_id: 'c', client_secret: 's', ...ofOauth };
    const auth = { jwt: { issuer: ISS, public_key: rsa.pem, ...ofJwt }, oauth };
    const routes = [{ path: '/*', auth: { methods: ['jwt', 'oauth'] } }];
    return { issuer, gate: await gateOf(auth, { routes }) };
  }

  test('reaches no issuer, however it is tampered with', async () => {
    const { issuer, gate } = await both();
    const [header = '', payload = '', signature = ''] = (await token()).split('.');
    const none = base64url({ alg: 'none' });
    for (const forged of [
      `${header}.${base64url({ ...CLAIMS, sub: 'admin' })}.${signature}`,
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      ...[' ', ' '.repeat(80), '\n\t', '\v', '\f', '\ufeff', '\ufeff ', '\u00a0', '/* */'].map(
        (before) => `${base64url(`${before}{"alg":"HS256"}`)}.${payload}.${signature}`,
      ),
      `${base64url('[{"alg":"HS256"}]')}.${payload}.${signature}`,
      `${Buffer.from('\ufeff{"alg":"HS256"}', 'utf16le').toString('base64url')}.${payload}.${signature}`,
      `${base64url('{"alg":"RS256","alg":"none"}')}.${payload}.${signature}`,
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}=.${signature}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload}.${signature}~d~`,
      `${header}.${payload}.${signature}~~${header}.${payload}.${signature}`,
      `${header}.!.${signature}`,
      `${base64url({ alg: 'RS256', crit: ['x'] })}.${payload}.${signature}`,
      await byRsa({}, {}, evil.privateKey),
      await byRsa({ iss: 'https://evil.example' }, {}, evil.privateKey),
    ])
      expect([forged.length, await gate.status(forged)]).toEqual([forged.length, 401]);
    expect(issuer.asked).toEqual([]);
  });

  test('an encrypted and an opaque token are asked about (twin)', async () => {
    const { issuer, gate } = await both();
    const jwe = [{ alg: 'dir', enc: 'A256GCM' }, '', 'iv', 'text', 'tag'].map((each) =>
      each === '' ? '' : base64url(each),
    );
    expect(await gate.status(jwe.join('.'))).toBe(200);
    expect(await gate.status('opaque-token')).toBe(200);
    expect(await gate.status(await token())).toBe(200);
    expect(issuer.asked).toHaveLength(2);
    expect(await gate.status('three.opaque.parts')).toBe(200);
    const alone = await gateOf({ jwt: { issuer: ISS, public_key: rsa.pem } });
    expect(await alone.status(jwe.join('.'))).toBe(401);
  });

  test('that is longer than max_token_size is refused, and an opaque one has the limit of its own method (twin)', async () => {
    const { issuer, gate } = await both({ max_token_size: 256 }, { max_token_size: 2_048 });
    const long = await byRsa({ name: 'x'.repeat(300) });
    const [header = '', payload = '', signature = ''] = long.split('.');
    for (const signedToken of [long, `${header}.${payload}.${signature}.~.~`])
      expect(await gate.status(signedToken)).toBe(401);
    expect(issuer.asked).toEqual([]);
    const jwe = [base64url({ alg: 'dir', enc: 'A256GCM' }), '', 'iv', 'x'.repeat(600), 'tag'].join('.');
    expect(await gate.status(jwe)).toBe(200);
    expect(await gate.status('x'.repeat(600))).toBe(200);
    expect(issuer.asked).toHaveLength(2);
    expect(await gate.status('x'.repeat(2_049))).toBe(401);
    expect(issuer.asked).toHaveLength(2);
  });
});

describe('G-18 the jwks_uri of a discovery document', () => {
  const discovered = (issuer: string, jwks_uri: string, address?: string) =>
    discoverJwksUri(issuer, { allowInsecureHttp: false }, () =>
      Promise.resolve({ document: { issuer, jwks_uri }, ...(address === undefined ? {} : { address }) }),
    );
  const fetchAt = async (issuer: string, uri: string, address?: string): Promise<string> => {
    const { allowsAddress } = await discovered(issuer, uri, address);
    return fetchKeys(uri, { allowInsecureHttp: false, allowsAddress }).then(
      () => 'fetched',
      (cause: Error) => cause.message,
    );
  };

  test.each([
    'https://10.0.0.7/keys',
    'https://172.16.3.4/keys',
    'https://192.168.1.1/keys',
    'https://100.64.0.1/keys',
    'https://[fd00::1]/keys',
    'https://[::ffff:10.0.0.7]/keys',
    'https://[64:ff9b::a00:7]/keys',
  ])('of a public issuer leads to no private address: %s', async (uri) => {
    expect(await fetchAt(ISS, uri, '203.0.113.7')).toMatch(/private address/);
    expect(await fetchAt(ISS, uri)).toMatch(/private address/);
  });

  test('is judged by the address that its name has', async () => {
    const refused = await fetchAt(ISS, 'https://localhost.localdomain.example.localhost:1/keys', '203.0.113.7').catch(
      (cause: Error) => cause.message,
    );
    expect(refused).toMatch(/this machine/);
    const { allowsAddress } = await discovered(ISS, 'https://keys.example/keys', '203.0.113.7');
    const fault = await fetchKeys('https://localhost:1/keys', { allowInsecureHttp: false, allowsAddress }).catch(
      (cause: Error) => cause.message,
    );
    expect(fault).toMatch(/private address/);
  });

  test('of a private issuer may be private, and never this machine', async () => {
    const { allowsAddress = () => false } = await discovered(ISS, 'https://keys.example/', '10.0.0.5');
    expect(['10.0.0.6', '203.0.113.7', '127.0.0.1', '169.254.169.254'].map(allowsAddress)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const near = await discovered('https://127.0.0.1', 'https://127.0.0.1/keys', '127.0.0.1');
    expect(near.allowsAddress).toBeUndefined();
  });

  test('of an issuer on this machine is fetched (twin)', async () => {
    const server = await asked({ ...rsa.jwk, kid: 'a' });
    const keys = { keys: [{ ...rsa.jwk, kid: 'a' }] };
    server.answer = (each, response) =>
      void response.end(
        JSON.stringify(each.url === '/keys' ? keys : { issuer: server.origin, jwks_uri: `${server.origin}/keys` }),
      );
    const gate = await gateOf({ jwt: { issuer: server.origin, audience: 'api' } });
    expect(await gate.status(await byRsa({ iss: server.origin }, { kid: 'a' }))).toBe(200);
  });
});
