import { compile, errorsOf, warningsOf } from './files.js';

const AUTH = `middleware:
  auth:
    api_key: { keys: [{ key: sk_live_limits_1, name: alice }], claims_to_headers: { name: X-Key-Name } }
routes: [{ path: /a, auth: { api_key: true } }]
`;
const limit = (block: string): string => `${AUTH}rate_limit: {rate: 5, ${block}}\n`;

it('plans tiers, quotas, exemptions and the shared store', () => {
  const { rateLimit } = compile(
    limit(`
  key: ip, tiers: [{name: gold, match: {header: X-Key-Name, value: alice}, rate: 50}, {name: staff, match: {claim: org.role, value: staff}, rate: 9, burst: 90}],
  quotas: [{name: daily, window: 1d, limit: 1000, key: identity}, {name: hourly, window: 1h, limit: 100}],
  exemptions: [{type: ip, values: [10.0.0.0/8, "::1"]}, {type: path, values: [/health, "/static/*"]}, {type: header, name: X-Key-Name, value: alice}],
  distributed: {type: redis-cluster, addresses: ["rediss://a:7000", "rediss://b"], password: a-secret-word}, on_store_error: deny`),
  ).plan;
  expect(rateLimit).toMatchObject({
    tiers: [
      { name: 'gold', match: { kind: 'header', name: 'X-Key-Name' }, rate: { rate: 50, perMs: 1_000, burst: 50 } },
      { name: 'staff', match: { kind: 'claim', path: 'org.role', value: 'staff' }, rate: { rate: 9, burst: 90 } },
    ],
    quotas: [
      {
        name: 'daily',
        key: [{ kind: 'identity' }],
        rate: { rate: 1_000, perMs: 86_400_000, burst: 1_000, fixed: true },
      },
      { name: 'hourly', key: [{ kind: 'ip' }] },
    ],
    exemptions: { addresses: ['10.0.0.0/8', '::1'], paths: [{ rest: false }, { rest: true }] },
    distributed: { onStoreError: 'deny', redis: { type: 'redis-cluster', keyPrefix: 'loom:limit:' } },
  });
  expect(rateLimit?.distributed?.redis.addresses).toEqual([
    { host: 'a', port: 7_000, tls: true },
    { host: 'b', port: 6_379, tls: true },
  ]);
  expect(rateLimit?.distributed?.redis.password).toBe('a-secret-word');
  expect(JSON.stringify(rateLimit)).not.toContain('a-secret-word');
});

it.each([
  ['tiers: [{name: a, match: {header: x}, rate: 1}]', 'tiers[0].match.value', /required/],
  ['tiers: [{name: a, match: {claim: x, value: y}}]', 'tiers[0].rate', /number|required/],
  ['tiers: [{name: a, match: {claim: x, value: y}, rate: 0}]', 'tiers[0].rate', /above 0/],
  [
    'tiers: [{name: a, match: {claim: x, value: y}, rate: 1}, {name: a, match: {claim: x, value: z}, rate: 1}]',
    'tiers[1].name',
    /already/,
  ],
  ['quotas: [{name: a, window: 1, limit: 5}]', 'quotas[0].window', /duration/],
  ['quotas: [{name: a, window: 1h, limit: 0}]', 'quotas[0].limit', /at least 1/],
  ['quotas: [{name: a, window: 1h, limit: 5, key: user}]', 'quotas[0].key', /must be ip/],
  ['exemptions: [{type: ip, values: [10.0.0.0/33]}]', 'exemptions[0].values[0]', /CIDR/],
  ['exemptions: [{type: ip, values: [0.0.0.0/0]}]', 'exemptions[0].values[0]', /every address/],
  ['exemptions: [{type: ip}]', 'exemptions[0].values', /required/],
  ['exemptions: [{type: path, values: [health]}]', 'exemptions[0].values[0]', /begin with/],
  ['exemptions: [{type: path, values: [/a], name: X}]', 'exemptions[0].name', /means nothing/],
  ['exemptions: [{type: header, name: X-Plan, value: b}]', 'exemptions[0].name', /every client could be exempt/],
  ['distributed: {type: redis}', 'distributed.address', /required/],
  ['distributed: {type: redis, address: "redis://user:word@h:1"}', 'distributed.address', /without a password/],
  ['distributed: {type: redis, address: "http://h:1"}', 'distributed.address', /host:port/],
  ['distributed: {type: redis, addresses: ["a:1", "b:1"]}', 'distributed.addresses', /redis-cluster/],
  ['distributed: {type: redis-cluster, address: "a:1", db: 3}', 'distributed.db', /cluster/],
  ['distributed: {type: redis, address: "a:1", key_prefix: "{a}"}', 'distributed.key_prefix', /braces/],
  ['distributed: {type: redis, address: "a:1", ca_file: ca.pem}', 'distributed.ca_file', /rediss/],
  ['distributed: {type: redis, address: "a:1"}, on_store_error: pass', 'on_store_error', /local, deny or allow/],
  ['on_store_error: local', 'on_store_error', /no shared store/],
  ['response: {body: "wait {{.Seconds}}"}', 'response.body', /"\{\{\.Seconds\}\}".*\{\{\.RetryAfter\}\}/],
  ['response: {body: "{{.RetryAfter"}', 'response.body', /templates are/],
  ['response: {body: "{{retry_after}}"}', 'response.body', /templates are/],
  ['response: {headers: {X-A: "{{.Window}}"}}', 'response.headers.X-A', /templates are/],
])('reports the mistake and its path: %s', (block, path, message) => {
  expect(errorsOf(limit(block))).toMatchObject([
    { path: `rate_limit.${path}`, message: expect.stringMatching(message) as string },
  ]);
});

it.each([
  ['tiers: [{name: a, match: {header: X-Plan, value: gold}, rate: 50}]', 'client_chooses', 'tiers[0].match.header'],
  ['tiers: [{name: a, match: {claim: plan, value: gold}, rate: 50}]', 'never_set', 'tiers[0].match.claim'],
  ['quotas: [{name: a, window: 1h, limit: 5, key: "header:X-Plan"}]', 'client_chooses', 'quotas[0].key'],
  ['key: ip, exemptions: [{type: header, name: X-Key-Name, value: alice}]', 'no_effect', 'exemptions[0].name'],
  ['distributed: {type: redis, address: "a:1"}, on_store_error: allow', 'unlimited', 'on_store_error'],
])('warns of values that the client chooses and of options without effect: %s', (block, code, path) => {
  expect(warningsOf(limit(block))).toMatchObject([{ code, path: `rate_limit.${path}` }]);
});

it('takes a shared store, or quotas, without a rate for all', () => {
  for (const block of ['distributed: {type: redis, address: "a:1"}', 'quotas: [{name: a, window: 1h, limit: 5}]']) {
    expect(compile(`${AUTH}rate_limit: {${block}}\n`).plan.rateLimit?.rate).toBeUndefined();
  }
  const tiers = 'tiers: [{name: a, match: {header: X-Key-Name, value: b}, rate: 1}]';
  expect(errorsOf(`${AUTH}rate_limit: {${tiers}}\n`)).toMatchObject([{ path: 'rate_limit.rate' }]);
});

it('plans a key that names a credential header as the identity, in any case; another header stays a header', () => {
  const { rateLimit } = compile(
    limit(
      `key: "header:x-api-key,header:X-Key-Name", quotas: [{name: daily, window: 1d, limit: 9}, {name: own, window: 1d, limit: 9, key: "header:X-API-KEY"}]`,
    ),
  ).plan;
  const shared = [{ kind: 'identity' }, { kind: 'header', name: 'X-Key-Name' }];
  expect(rateLimit?.key).toEqual(shared);
  expect(rateLimit?.quotas.map(({ key }) => key)).toEqual([shared, [{ kind: 'identity' }]]);
});
