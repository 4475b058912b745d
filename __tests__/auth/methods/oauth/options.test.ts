import { oauth } from '../../../../src/auth/methods/oauth/oauth.js';

const PAGE = {
  introspection_url: 'https://auth.example.com/oauth/introspect',
  client_id: 'loom-gateway',
  client_secret: 'secret123',
  cache_ttl: '5m',
};
const parse = (change: object = {}) => oauth.options.parse({ ...PAGE, ...change });

test("the page's block loads, with the defaults of the specification", () => {
  expect(parse()).toMatchObject({
    cache_ttl: 300_000,
    cache_size: 10_000,
    auth_method: 'basic',
    forward_credentials: true,
  });
  expect(oauth.options.parse({ ...PAGE, cache_ttl: undefined })).toMatchObject({ cache_ttl: 300_000, timeout: 5_000 });
  expect(oauth.findings(parse())).toEqual([]);
});

test.each([
  [{ clientid: 'x' }],
  [{ cache_ttl: 300 }],
  [{ cache_size: 0 }],
  [{ auth_method: 'digest' }],
  [{ required_scopes: [] }],
  [{ required_scopes: ['a b'] }],
  [{ required_scopes: ['a"'] }],
  [{ audience: [] }],
  [{ client_secret: undefined }],
  [{ claims_to_headers: { sub: 'X Y' } }],
])('%j is refused', (change) => {
  expect(oauth.options.safeParse({ ...PAGE, ...change }).success).toBe(false);
});

test.each([
  [{ introspection_url: undefined }, 'introspection_url'],
  [{ introspection_url: 'http://id.example/i' }, 'introspection_url'],
  [{ introspection_url: 'https://u:p@id.example/i' }, 'introspection_url'],
  [{ introspection_url: undefined, issuer: 'http://id.example' }, 'issuer'],
  [{ introspection_url: undefined, issuer: 'https://id.example?x' }, 'issuer'],
])('%j is found', (change, option) => {
  expect(oauth.findings(parse(change))).toMatchObject([{ level: 'error', path: [option] }]);
});

test.each([
  [{ introspection_url: undefined, issuer: 'https://id.example/' }],
  [{ introspection_url: 'http://127.0.0.1:8080/i' }],
  [{ introspection_url: 'http://id.example/i', allow_insecure_http: true }],
])('%j is fine', (change) => {
  expect(oauth.findings(parse(change))).toEqual([]);
});

test('the summary says ANY AUDIENCE and shows no secret', () => {
  const summary = JSON.stringify(oauth.summary(parse({ introspection_url: 'https://id.example/i?key=hidden' })));
  expect(summary).toContain('ANY AUDIENCE');
  expect(summary).toContain('https://id.example/i');
  expect(summary).not.toMatch(/hidden|secret123/);
});

test('a narrowing is judged on the scopes and the audience', () => {
  const identity = { method: 'oauth', subject: 'a', scopes: ['read'], claims: { aud: 'api' } };
  const judge = (narrowing: object) => oauth.judge(oauth.narrowing.parse(narrowing), identity);
  expect(judge({})).toBeUndefined();
  expect(judge({ audience: 'api', required_scopes: ['read'] })).toBeUndefined();
  expect(judge({ audience: ['x', 'api'] })).toBeUndefined();
  expect(judge({ audience: 'x' })).toBe('token_audience');
  expect(judge({ required_scopes: ['read', 'write'] })).toBe('insufficient_scope');
  expect(oauth.narrowing.safeParse({ scopes: ['a'] }).success).toBe(false);
});

test('places, headers and credentials follow the block', () => {
  expect(oauth.places(parse())).toEqual([
    { in: 'header', name: 'authorization', scheme: 'bearer' },
    { in: 'subprotocol', name: 'bearer' },
  ]);
  expect(oauth.places(parse({ header: 'X-Token', scheme: '' }))[0]).toEqual({ in: 'header', name: 'x-token' });
  expect(oauth.headers(parse({ claims_to_headers: { 'a.b': 'X-B' } }))).toEqual([{ claim: 'a.b', header: 'X-B' }]);
  expect(oauth.forwardsCredential(parse({ forward_credentials: false }))).toBe(false);
});
