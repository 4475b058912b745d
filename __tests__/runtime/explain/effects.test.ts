/** An explanation has no effect, uses what the gateway has loaded, and says what it cannot decide. */
import { hashSync } from 'bcryptjs';
import { loom, type Loom, type LoomOptions } from '../../../src/loom.js';
import { memoryStore } from '../../auth/methods/api-key/store/memory-store.js';
import type { ExplainRequest } from '../../../src/runtime/explain/explanation.js';
import { ask } from '../../support/ask.js';
import { HOSTS } from '../../support/hosts.js';
import { quietLog } from '../../support/quiet-log.js';
import { askedServer, json, type AskedServer } from '../../tokens/introspection-server.js';
import { signed, signingKey } from '../../tokens/signing.js';
import { path as modulePath, removeModules, writeModules } from '../../config/plugin-files.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function open(text: string, options: LoomOptions = {}) {
  const log = quietLog();
  const gate = loom({ text, file: 'loom.yaml' }, { log, ...options });
  closing.push(() => gate.close());
  log.entries.length = 0;
  return { gate, log };
}

async function served(gate: Loom): Promise<number> {
  const plain = HOSTS.find(({ name }) => name === 'node:http') as (typeof HOSTS)[number];
  const host = await plain.start({ gate, handler: (_req, res) => res.end('through') });
  closing.push(() => host.close());
  return host.port;
}

async function server(answer: Parameters<typeof askedServer>[0]): Promise<AskedServer> {
  const started = await askedServer(answer);
  closing.push(() => started.close());
  return started;
}

const KEY = 'sk_live_0123456789abcdef0123456789abcdef';
const orders = (headers: Record<string, string>): ExplainRequest => ({ url: 'http://localhost/orders', headers });
const basic = (password: string) => ({ Authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}` });

test('no limit and no throttle is spent, no line is written and nothing is counted', async () => {
  const { gate, log } = open(`
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: orders, rate_limit: { rate: "1/h", burst: 1 } }] }
    basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }], throttle: { failures: 2, per: 1h } }
    chain: [api_key, basic]
    require_any: true
rate_limit: { default: { rate: "1/h", burst: 1 } }
metrics: {}
`);
  const metrics = await gate.metrics();
  for (let at = 0; at < 5; at += 1) {
    expect(await gate.explain(orders(basic(`wrong-${at}`)))).toMatchObject({ reason: 'credential_invalid' });
    expect(await gate.explain(orders(basic('right')))).toMatchObject({ allowed: true });
    expect(await gate.explain(orders({ 'X-API-Key': KEY }))).toMatchObject({
      allowed: true,
      limits: [{ scope: 'key', requests: 1, seconds: 3_600, burst: 1 }],
    });
  }
  expect(log.entries).toEqual([]);
  expect(await gate.metrics()).toBe(metrics);
  const port = await served(gate);
  expect((await ask({ port, path: '/orders', headers: basic('wrong') })).status).toBe(401);
  expect((await ask({ port, path: '/orders', headers: basic('right') })).status).toBe(200);
  expect((await ask({ port, path: '/orders', headers: { 'X-API-Key': KEY } })).status).toBe(200);
  // Twin: a live request takes its token.
  expect((await ask({ port, path: '/orders', headers: { 'X-API-Key': KEY } })).status).toBe(429);
});

test('a question about another time leaves no answer of the store behind', async () => {
  const keyStore = memoryStore();
  const text = 'middleware: { auth: { api_key: { store: { type: host } }, chain: [api_key] } }';
  const { gate } = open(text, { keyStore });
  const { key, record } = await gate.keys.create({ name: 'ada' });
  const asked = (at?: string) =>
    gate.explain({ ...orders({ 'X-API-Key': key }), ...(at !== undefined && { at }) }, { online: true });
  keyStore.records.length = 0;
  expect(await asked('2999-01-01')).toMatchObject({ reason: 'credential_invalid' });
  keyStore.records.push(record);
  // Twin: the live request and the explanation agree, without a notice.
  const port = await served(gate);
  expect((await ask({ port, path: '/orders', headers: { 'X-API-Key': key } })).status).toBe(200);
  expect(await asked()).toMatchObject({ allowed: true });
  expect(await asked('2031-01-01')).toMatchObject({ allowed: true });
  expect(keyStore.records[0]).not.toHaveProperty('last_used');
});

test('the key store is asked only if online is set or a person spends attempts', async () => {
  const keyStore = memoryStore();
  const text = 'middleware: { auth: { api_key: { store: { type: host } }, chain: [api_key] } }';
  const { gate } = open(text, { keyStore });
  const { key } = await gate.keys.create({ name: 'ada' });
  const request = orders({ 'X-API-Key': key });
  expect(await gate.explain(request)).toMatchObject({ outcome: 'undecided', needs: ['key_store'] });
  expect(keyStore.asked).toHaveLength(0);
  // Twin: both ways ask the store.
  expect(await gate.explain(request, { asker: '192.0.2.1' })).toMatchObject({ allowed: true });
  expect(await gate.explain(request, { online: true })).toMatchObject({ allowed: true });
  expect(keyStore.asked).toHaveLength(2);
  // Twin: a cached key needs no question.
  const port = await served(gate);
  expect((await ask({ port, path: '/orders', headers: { 'X-API-Key': key } })).status).toBe(200);
  expect(await gate.explain(request)).toMatchObject({ allowed: true });
  expect(keyStore.asked).toHaveLength(3);
});

test('asker: a wrong credential is a failed attempt of the person who asks', async () => {
  const { gate } = open(`
middleware:
  auth:
    basic: { users: [{ username: ada, password_hash: "${hashSync('right', 4)}" }], throttle: { failures: 2, per: 1h } }
    chain: [basic]
`);
  const asked = (password: string, asker: string) => gate.explain(orders(basic(password)), { asker });
  for (const password of ['one', 'two']) expect((await asked(password, '192.0.2.1')).reason).toBe('credential_invalid');
  expect((await asked('right', '192.0.2.1')).reason).toBe('throttled');
  expect((await asked('right', '192.0.2.2')).allowed).toBe(true);
  // Above the budget a password that another person has explained is a guess too.
  expect((await asked('right', '192.0.2.1')).reason).toBe('throttled');
});

test('the loaded keys of the issuer decide, and nothing is fetched', async () => {
  const key = signingKey('ES256');
  const set = json({ keys: [{ ...key.jwk, kid: 'k1', alg: 'ES256' }] });
  const issuer = await server(set);
  const { gate } = open(`
middleware: { auth: { chain: [jwt], jwt: { jwks_url: "${issuer.origin}/keys", issuer: i, audience: a, allow_insecure_http: true } } }
`);
  await gate.ready;
  expect(issuer.asked).toHaveLength(1);
  const token = (kid: string) =>
    signed(
      { iss: 'i', aud: 'a', sub: 'ada', exp: 4_000_000_000 },
      { alg: 'ES256', key: key.privateKey, header: { kid } },
    );
  const explained = async (kid: string, at?: string) =>
    gate.explain({ ...orders({ Authorization: `Bearer ${await token(kid)}` }), ...(at !== undefined && { at }) });
  expect(await explained('k1')).toMatchObject({ allowed: true, identities: [{ subject: 'ada' }] });
  expect(await explained('k1', '2099-01-01T00:00:00Z')).toMatchObject({ reason: 'token_expired' });
  const unknown = await explained('k9');
  expect(unknown).toMatchObject({ reason: 'token_unknown_key' });
  expect(unknown.detail).toMatch(/"k9".*the key set has "k1", loaded \d+ s ago/);
  expect(issuer.asked).toHaveLength(1);
});

test('an opaque token: a cached answer decides, else it is not decided, and online asks', async () => {
  const issuer = await server(({ body }, response) => {
    const active = new URLSearchParams(body).get('token') === 'good';
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ active, sub: 'ada' }));
  });
  const { gate } = open(`
middleware:
  auth:
    chain: [oauth]
    oauth: { introspection_url: "${issuer.origin}/i", client_id: c, client_secret: not-to-be-shown, allow_insecure_http: true }
`);
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  expect(await gate.explain(orders(bearer('good')))).toMatchObject({
    outcome: 'undecided',
    allowed: null,
    needs: ['introspection'],
    methods: [{ name: 'oauth', result: 'not_evaluated', found: { kind: 'one', length: 4 } }],
  });
  expect(issuer.asked).toHaveLength(0);
  const port = await served(gate);
  expect((await ask({ port, path: '/orders', headers: bearer('good') })).status).toBe(200);
  expect(issuer.asked).toHaveLength(1);
  expect(await gate.explain(orders(bearer('good')))).toMatchObject({ allowed: true });
  expect(issuer.asked).toHaveLength(1);
  expect(await gate.explain(orders(bearer('bad')), { online: true })).toMatchObject({ reason: 'token_inactive' });
  expect(issuer.asked).toHaveLength(2);
});

test('a strategy of the host and a plugin do not run', async () => {
  await writeModules();
  closing.push(removeModules);
  let runs = 0;
  const custom = { authenticate: () => (runs += 1) };
  const { gate } = open(
    `
plugins: [{ name: waf, path: "${modulePath('good.wasm')}" }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders }] }, chain: [api_key, custom], require_any: true } }
routes:
  - { id: plugged, path: /plugged/*, auth: { plugin: waf } }
  - { id: rest, path: /* }
`,
    { strategies: { custom } },
  );
  const host = await gate.explain(orders({}));
  expect(host).toMatchObject({ outcome: 'undecided', needs: ['host_strategy'], status: null, code: null });
  expect(await gate.explain({ url: '/plugged/x' })).toMatchObject({ outcome: 'undecided', needs: ['plugin'] });
  expect(runs).toBe(0);
  // Twin: a method before the strategy decides alone.
  expect(await gate.explain(orders({ 'X-API-Key': KEY }))).toMatchObject({ allowed: true, needs: [] });
});

test('explanations at different times run beside each other, and a reload changes the rules', async () => {
  const file = (expires: string) =>
    `middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: a, expires: ${expires} }] }, chain: [api_key] } }`;
  const { gate } = open(file('2030-01-01'));
  const at = (year: number) => gate.explain({ ...orders({ 'X-API-Key': KEY }), at: new Date(`${year}-06-01`) });
  const years = Array.from({ length: 40 }, (_, index) => 2010 + index);
  const explained = await Promise.all(years.map(at));
  expect(explained.map(({ allowed }) => allowed)).toEqual(years.map((year) => year < 2030));
  await gate.reload({ text: file('2020-01-01'), file: 'loom.yaml' });
  expect((await at(2025)).allowed).toBe(false);
});

test('an upgrade and a preflight are judged as such', async () => {
  const { gate } = open(`
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: a }] }, chain: [api_key] } }
cors: { allowed_origins: ["https://page.example"] }
`);
  const upgrade = {
    ...{ Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  expect(await gate.explain(orders(upgrade))).toMatchObject({ request: { kind: 'upgrade' }, status: 401 });
  expect(await gate.explain(orders({ ...upgrade, 'X-API-Key': KEY }))).toMatchObject({ allowed: true });
  expect(await gate.explain(orders({ ...upgrade, 'Sec-WebSocket-Version': '8' }))).toMatchObject({
    status: 426,
    code: 'upgrade_unsupported',
  });
  const preflight = { Origin: 'https://page.example', 'Access-Control-Request-Method': 'GET' };
  expect(await gate.explain({ ...orders(preflight), method: 'OPTIONS' })).toMatchObject({
    outcome: 'preflight',
    allowed: true,
    status: 204,
  });
});

test('an explanation is plain data, and a header that no client can send is a TypeError', async () => {
  const { gate } = open(`middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: a }] }, chain: [api_key] } }`);
  const explanation = await gate.explain(orders({ 'X-API-Key': KEY }));
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  const wrong: unknown[] = [
    ...[undefined, null, 'GET /', {}, { url: '' }, { url: 'orders' }, { url: '/a b' }, { url: '/', method: 'G ET' }],
    ...[
      { url: '/', headers: { a: 'b\r\nc: d' } },
      { url: '/', headers: { 'a b': 'c' } },
      { url: '/', headers: { a: 1 } },
    ],
    ...[
      { url: '/', from: 'localhost' },
      { url: '/', at: 'soon' },
      { url: '/', certificate: 'x' },
      { url: '/', header: {} },
    ],
    ...[{ url: `/${'a'.repeat(2 ** 20)}` }, { url: '/', headers: Array.from({ length: 3_000 }, () => ['a', 'b']) }],
  ];
  for (const each of wrong) await expect(gate.explain(each as ExplainRequest)).rejects.toThrow(/^explain/);
});
