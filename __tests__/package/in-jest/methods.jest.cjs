/** Runs in a plain Jest with CommonJS: every auth method and the proxy, from `require('loom-auth')`. */
/* global afterAll, beforeAll, expect, jest, test */
const { generateKeyPairSync, sign } = require('node:crypto');
const { once } = require('node:events');
const { createServer } = require('node:http');
const bcrypt = require('bcryptjs');
const express = require('express');
const request = require('supertest');
const { ConfigError, identitiesOf, loom } = require('loom-auth');

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const log = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, () => {}]));
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const JWKS = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'ES256' }] };

let backend, base;
const gates = [];
beforeAll(async () => {
  backend = createServer((req, res) => {
    if (req.url === '/keys') return res.end(JSON.stringify(JWKS));
    if (req.url !== '/introspect') return res.end(`backend for ${req.headers['x-caller']}`);
    let body = '';
    req.on('data', (part) => (body += part));
    req.on('end', () => res.end(JSON.stringify({ active: body.includes('token=good'), sub: 'opaque' })));
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  base = `http://127.0.0.1:${backend.address().port}`;
});
afterAll(async () => {
  await Promise.all(gates.map((gate) => gate.close()));
  backend.close();
});

async function appOf(auth, rest = '') {
  const gate = loom({ text: `middleware: { auth: ${auth} }\n${rest}`, file: 'loom.yaml' }, { log });
  gates.push(gate);
  await gate.ready;
  const app = express();
  app.use(gate);
  app.use((req, res) => res.json({ caller: req.auth.subject, identities: identitiesOf(req).length }));
  return app;
}

function token(claims) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const usual = { iss: 'https://auth.example.com', aud: 'api.example.com', sub: 'alice', exp: now + 300 };
  const text = `${encode({ alg: 'ES256', kid: 'test' })}.${encode({ ...usual, ...claims })}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const API_KEY = `{ api_key: { keys: [{ key: ${KEY}, name: orders }], claims_to_headers: { name: X-Caller } }, chain: [api_key] }`;
const passes = async (app, set, caller) => {
  const { status, body } = await set(request(app).get('/x'));
  expect({ status, body }).toEqual({ status: 200, body: { caller, identities: 1 } });
};
const fails = async (app, set) => expect((await set(request(app).get('/x'))).status).toBe(401);

test('API keys', async () => {
  const app = await appOf(API_KEY);
  await passes(app, (ask) => ask.set('X-API-Key', KEY), 'orders');
  await fails(app, (ask) => ask.set('X-API-Key', 'wrong'));
});

test('passwords, which a thread compares', async () => {
  const hash = bcrypt.hashSync('right', 4);
  const app = await appOf(`{ basic: { users: [{ username: admin, password_hash: "${hash}" }] }, chain: [basic] }`);
  await passes(app, (ask) => ask.auth('admin', 'right'), 'admin');
  await fails(app, (ask) => ask.auth('admin', 'wrong'));
});

test('JWTs with a key set', async () => {
  const jwt = `{ issuer: https://auth.example.com, audience: api.example.com, jwks_url: "${base}/keys" }`;
  const app = await appOf(`{ jwt: ${jwt}, chain: [jwt] }`);
  await passes(app, (ask) => ask.auth(token(), { type: 'bearer' }), 'alice');
  await fails(app, (ask) => ask.auth(token({ exp: 1 }), { type: 'bearer' }));
});

test('introspection', async () => {
  const oauth = `{ introspection_url: "${base}/introspect", client_id: app, client_secret: a-secret-for-tests }`;
  const app = await appOf(`{ oauth: ${oauth}, chain: [oauth] }`);
  await passes(app, (ask) => ask.auth('good', { type: 'bearer' }), 'opaque');
  await fails(app, (ask) => ask.auth('bad', { type: 'bearer' }));
});

test.each(['worker', 'inline'])('a WASM plugin, isolation %s', async (isolation) => {
  const path = JSON.stringify(process.env.PLUGIN);
  const app = await appOf(
    '{ chain: [auth] }',
    `plugins: [{ name: auth, path: ${path}, isolation: ${isolation}, credential_headers: [X-API-Key] }]`,
  );
  const answer = await request(app).get('/x').set('X-API-Key', 'sk_example_orders');
  expect([answer.status, typeof answer.body.caller]).toEqual([200, 'string']);
  // The answer of the plugin itself.
  expect((await request(app).get('/x').set('X-API-Key', 'wrong')).status).toBe(403);
});

test('the proxy, limits, metrics, the access log and CORS', async () => {
  const app = await appOf(
    API_KEY,
    `upstreams: [{ name: backend, endpoints: ["${base}"] }]
routes: [{ id: all, path: /*, upstream: backend }]
rate_limit: { rate: 100 }
metrics: {}
logging: { access: {} }
cors: { allowed_origins: ["https://app.example.com"] }`,
  );
  const answer = await request(app).get('/x').set('X-API-Key', KEY).set('Origin', 'https://app.example.com');
  expect([answer.status, answer.text ?? String(answer.body)]).toEqual([200, 'backend for orders']);
  expect(answer.headers).toMatchObject({
    'ratelimit-policy': expect.any(String),
    'access-control-allow-origin': 'https://app.example.com',
  });
  await fails(app, (ask) => ask);
});

test('a mistake of the file is a ConfigError, also from a second copy of the package', () => {
  expect(() => loom({ text: 'unknown: 1', file: 'loom.yaml' })).toThrow(ConfigError);
  jest.isolateModules(() => {
    const again = require('loom-auth');
    expect(again.loom).not.toBe(loom);
    expect(() => again.loom({ text: 'unknown: 1', file: 'loom.yaml' })).toThrow(ConfigError);
  });
});
