/** Claims as header values: no token or attribute splits a response, forges a list or ends the process. */
import { ConfigError, loom } from '../../../src/index.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, KEY, openGround, type Ground } from '../../support/attack-ground.js';
import { lookalikesOf } from '../../support/messages.js';
import { seconds, type Claims } from '../../support/token-issuer.js';
import { json } from '../../tokens/introspection-server.js';

const RULES =
  '{ sub: X-User-ID, email: X-User-Email, groups: X-Groups, "constructor.name": X-Ctor, "a.b": X-Dotted, "__proto__.sub": X-Deep, "toString": X-Fn, "groups.length": X-Length, "groups.0": X-First }';
const NAMES = ['X-User-ID', 'X-User-Email', 'X-Groups', 'X-Ctor', 'X-Dotted', 'X-Deep', 'X-Fn', 'X-Length', 'X-First'];

let ground: Ground;
beforeAll(async () => {
  ground = await openGround({
    replaceAuth: true,
    auth: `
    jwt: { issuer: "ISSUER", audience: api.example.com, jwks_url: "ISSUER/jwks", claims_to_headers: ${RULES} }
    oauth: { introspection_url: "INTROSPECTION/introspect", client_id: loom, client_secret: client-secret-of-the-ground, claims_to_headers: ${RULES} }`,
    replaceRoutes: true,
    routes: `
  - { id: internal, path: /internal/*, upstream: backend, auth: { jwt: true } }
  - { id: oauth, path: /oauth/*, upstream: backend, auth: { oauth: true } }`,
  });
});
afterAll(closeGrounds);

interface Seen {
  readonly status: number;
  /** Identity headers at the upstream. `undefined` if no request arrived. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** The claims have `sub: alice` by default. A string is the whole payload. */
async function viaToken(claims: Claims): Promise<Seen> {
  return seen('/internal/x', await ground.issuer.token({ sub: 'alice', ...claims }));
}

let serial = 0;
async function viaIntrospection(claims: Claims): Promise<Seen> {
  ground.introspection.answer = json({ active: true, sub: 'alice', exp: seconds() + 600, ...claims });
  return seen('/oauth/x', `opaque-${serial++}`);
}

async function seen(path: string, token: string): Promise<Seen> {
  const forged = NAMES.map((name) => `${name}: forged`);
  const status = statusOf(await ground.send(get(path, `Authorization: Bearer ${token}`, ...forged)));
  const [message, ...more] = ground.arrived();
  expect(more).toEqual([]);
  if (!message) return { status, headers: undefined };
  expect(message.raw).not.toContain('forged');
  const found = NAMES.flatMap((name) => lookalikesOf(message, name).map(([, value]) => [name, value] as const));
  // Each at most once.
  expect(new Set(found.map(([name]) => name)).size).toBe(found.length);
  return { status, headers: Object.fromEntries(found) };
}

const WAYS: [string, (claims: Claims) => Promise<Seen>][] = [
  ['a token', viaToken],
  ['an introspection response', viaIntrospection],
];
const ALICE = { 'X-User-ID': 'alice' };

describe.each(WAYS)('from %s', (_way, via) => {
  const passes = async (claims: Claims, headers: object): Promise<void> =>
    expect(await via(claims)).toEqual({ status: 200, headers });

  describe('HDR-11 control bytes in a claim', () => {
    test.each(['a\r\nX-Admin: 1', 'a\nb', 'a\rb', '\r\n\r\nGET / HTTP/1.1', 'a\u0000', 'a\u007f', '\tb', 'a\u0001'])(
      'omit the header: %j',
      async (email) => {
        await passes({ email }, ALICE);
        await passes({ email: [email] }, ALICE);
        // A verified subject that no header can carry: the upstream would see an anonymous caller.
        expect(await via({ sub: email })).toEqual({ status: 401, headers: undefined });
      },
    );

    test('twin: a claim without them is set', () => passes({ email: 'a@x.y' }, { ...ALICE, 'X-User-Email': 'a@x.y' }));
  });

  describe('HDR-12 a claim outside ASCII', () => {
    test.each([
      ['日本', '%E6%97%A5%E6%9C%AC'],
      ['Ж', '%D0%96'],
      ['é', '%C3%A9'],
      ['\u00e9\u0301', '%C3%A9%CC%81'],
      ['😀', '%F0%9F%98%80'],
      ['a\u00a0b', 'a%C2%A0b'],
      ['a\u0085b', 'a%C2%85b'],
      ['\u2028', '%E2%80%A8'],
      ['ａｄｍｉｎ', '%EF%BD%81%EF%BD%84%EF%BD%8D%EF%BD%89%EF%BD%8E'],
      ['\u0140', '%C5%80'],
      ['č\u010d\u010a', '%C4%8D%C4%8D%C4%8A'],
      ['%E9', '%25E9'],
      [' a ', '%20a%20'],
    ])('%j arrives as %s', async (text, encoded) => {
      await passes({ email: text }, { ...ALICE, 'X-User-Email': encoded });
      await passes({ sub: text }, { 'X-User-ID': encoded });
    });

    test.each(['a\ud800', '\udc00b', '\ud800\ud800'])('with half a surrogate pair sets nothing: %j', async (email) => {
      await passes({ email }, ALICE);
      expect(await via({ sub: email })).toEqual({ status: 401, headers: undefined });
    });

    test('twin: printable ASCII arrives unchanged', () =>
      passes({ email: 'O\'Brien+x@~a.b "q" (c)' }, { ...ALICE, 'X-User-Email': 'O\'Brien+x@~a.b "q" (c)' }));
  });

  describe('HDR-13 a claim of another type', () => {
    test.each<[unknown, string | undefined]>([
      [{ a: 1 }, undefined],
      [[], undefined],
      [null, undefined],
      ['', undefined],
      [[[]], undefined],
      [['x', { y: 1 }], undefined],
      [['x', null], undefined],
      [['x', ''], undefined],
      [{ toString: 'admin' }, undefined],
      [{ length: 1, 0: 'admin' }, undefined],
      [2 ** 53, undefined],
      ['x'.repeat(4097), undefined],
      [true, 'true'],
      [false, 'false'],
      [0, '0'],
      [42, '42'],
      [1.5, '1.5'],
      [' ', '%20'],
      [['x', 'y'], 'x,y'],
      [[1, true, 'z'], '1,true,z'],
      ['x'.repeat(4096), 'x'.repeat(4096)],
    ])('%j is %j as a header', async (value, header) => {
      await passes(
        { groups: value },
        { ...ALICE, ...lengthOf(value), ...(header !== undefined && { 'X-Groups': header }) },
      );
    });

    test.each([{ a: 1 }, ['x', 'y'], [], true, 0, 1e21, '', 'x'.repeat(257)])('is not a subject: %j', async (sub) => {
      expect(await via({ sub })).toEqual({ status: 401, headers: undefined });
    });

    test('and a megabyte of it is refused', async () => {
      const { status, headers } = await via({ email: 'x'.repeat(2 ** 20) });
      expect(headers).toBeUndefined();
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).not.toBe(500);
    });

    test('twin: a subject of 256 characters is valid', () =>
      passes({ sub: 'x'.repeat(256) }, { 'X-User-ID': 'x'.repeat(256) }));
  });

  describe('HDR-14 a list with its own separator in an element', () => {
    test.each([
      [['a,admin']],
      [['a', ',']],
      [['a', 'b,']],
      [[',admin', 'a']],
      [['a\u002cadmin']],
      [['a\nadmin']],
      [['a\tb\u0000']],
    ])('sets nothing: %j', (groups) => passes({ groups }, ALICE));

    test.each<[string[], string]>([
      [['x y'], 'x y'],
      [['a，admin'], 'a%EF%BC%8Cadmin'],
      [['a%2Cadmin'], 'a%252Cadmin'],
      [['a;admin', 'b|c'], 'a;admin,b|c'],
    ])('twin: %j is %s', (groups, header) => passes({ groups }, { ...ALICE, 'X-Groups': header }));
  });

  describe('HDR-15 inherited members', () => {
    test.each<[string, Claims]>([
      [
        '__proto__ in the claims',
        JSON.parse('{"__proto__":{"sub":"admin","email":"admin","a":{"b":"admin"}}}') as Claims,
      ],
      ['constructor.prototype in the claims', { constructor: { prototype: { email: 'admin' } } }],
      ['nothing of the kind', {}],
    ])('are not claims: %s', async (_what, claims) => {
      const { status, headers } = await via(claims);
      expect(status).toBe(200);
      expect(headers).toMatchObject(ALICE);
      for (const name of ['X-User-Email', 'X-Ctor', 'X-Fn', 'X-Dotted']) expect(headers).not.toHaveProperty(name);
    });

    test('and nothing has been polluted for the next request', async () => {
      expect(await viaToken({})).toEqual({ status: 200, headers: ALICE });
    });

    test('twin: own members by a dotted path are', () =>
      passes({ a: { b: 'own' }, constructor: { name: 'mine' } }, { ...ALICE, 'X-Dotted': 'own', 'X-Ctor': 'mine' }));
  });
});

describe('HDR-15 a rule', () => {
  const load = (rules: string) => () =>
    loom({
      text: `middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: a }], claims_to_headers: ${rules} } } }`,
      file: 'loom.yaml',
    });

  test.each([
    '{ "__proto__": X-A }',
    '{ name: __proto__ }',
    '{ name: constructor }',
    '{ name: X-A, "__proto__": X-B }',
  ])('that names one of them does not load: %s', (rules) => expect(load(rules)).toThrow(ConfigError));

  test('twin: that names a claim does', () => load('{ name: X-A }')().close());
});

/** A path into a string or list finds nothing. A path into an object finds its own members. */
function lengthOf(value: unknown): object {
  const own = value as { length?: unknown; 0?: unknown } | null;
  const isObject = typeof own === 'object' && own !== null && !Array.isArray(own);
  return isObject && 'length' in own ? { 'X-Length': String(own.length), 'X-First': String(own[0]) } : {};
}
