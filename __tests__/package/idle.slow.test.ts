/** A gate that its host never closes: the process ends by itself, with either build. */
import { join } from 'node:path';
import { builtForRequire, NODE, ROOT } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { runProcess } from '../support/process.js';
import { RedisServer } from '../support/redis-server.js';

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const API_KEY = `api_key: { keys: [{ key: ${KEY}, name: orders }] }`;
const guarded = (rest: string): string => `middleware: { auth: { ${API_KEY}, chain: [api_key] } }\n${rest}`;
const HASH = '$2b$04$q0kBZtdtqbVkBqBm5sDHa.fqCBfdgGkGHHzvwdJIhDB5AhUVMPUrC';

/** Makes a gate of `FILE`, sends requests through it, closes the server and never the gate. */
const USE = `
const http = require('node:http');
const { once } = require('node:events');
const { loom } = require(process.env.ENTRY);
const log = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, () => {}]));
(async () => {
  const backend = http.createServer((req, res) => res.end('{"keys":[],"active":false}')).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const text = process.env.FILE.replaceAll('BACKEND', '127.0.0.1:' + backend.address().port);
  const gate = loom({ text, file: 'loom.yaml' }, { log });
  await gate.ready;
  const server = http.createServer((req, res) => gate(req, res, () => res.end('in'))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const statuses = [];
  for (const headers of [{ 'x-api-key': '${KEY}' }, { authorization: 'Basic dTpw' }, { authorization: 'Bearer abc' }]) {
    const asked = http.get({ port: server.address().port, path: '/up', headers, agent: false });
    const [answer] = await once(asked, 'response');
    answer.resume();
    await once(answer, 'close');
    statuses.push(answer.statusCode);
  }
  server.close();
  backend.close();
  backend.closeAllConnections();
  console.log(statuses.join(' '));
})();
`;

const KINDS: Readonly<Record<string, readonly [file: string, statuses: string]>> = {
  'API keys': [guarded(''), '200 401 401'],
  passwords: [
    `middleware: { auth: { basic: { users: [{ username: u, password_hash: "${HASH}" }] }, chain: [basic] } }`,
    '401 401 401',
  ],
  'a key set that cannot be loaded': [
    'middleware: { auth: { jwt: { issuer: a.example, audience: b.example, jwks_url: "http://BACKEND/keys" }, chain: [jwt] } }',
    '401 401 401',
  ],
  introspection: [
    'middleware: { auth: { oauth: { introspection_url: "http://BACKEND/introspect", client_id: a, client_secret: a-secret-for-tests }, chain: [oauth] } }',
    '401 401 401',
  ],
  'an upstream with health checks': [
    guarded(`upstreams: [{ name: up, endpoints: [BACKEND], health_check: { path: /, interval: 1s }, circuit_breaker: {} }]
routes: [{ id: up, path: /up/*, upstream: up }]`),
    '200 401 401',
  ],
  'limits, metrics and the access log': [
    guarded('rate_limit: { rate: 10 }\nmetrics: {}\nlogging: { access: {} }'),
    '200 401 401',
  ],
  'a WASM plugin': [
    `middleware: { auth: { chain: [auth] } }
plugins: [{ name: auth, path: ${JSON.stringify(join(ROOT, 'examples/wasm-plugin/auth-rust.wasm'))} }]`,
    '403 401 401',
  ],
};

async function ends(ENTRY: string, FILE: string): Promise<string> {
  const { code, stdout, stderr } = await runProcess(NODE, ['-e', USE], {
    env: { NODE_OPTIONS: undefined, ENTRY, FILE },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

describe.each(['index.js', 'index.cjs'])('%s', (entry) => {
  const path = (): string => join(builtForRequire(), 'dist', entry);

  test.each(Object.entries(KINDS))('%s', async (_kind, [file, statuses]) => {
    expect(await ends(path(), file)).toBe(statuses);
  });

  test.each(['redis', 'redis-cluster'])('shared limits with a %s that is down', async (type) => {
    const [port = 0] = await freePorts(1);
    const limit = `rate_limit: { rate: 10, distributed: { type: ${type}, addresses: ["127.0.0.1:${port}"] } }`;
    expect(await ends(path(), guarded(limit))).toBe('200 401 401');
  });

  test('shared limits with Redis', async () => {
    const redis = await RedisServer.start();
    const limit = `rate_limit: { rate: 10, distributed: { type: redis, address: "127.0.0.1:${redis.port}" } }`;
    const statuses = await ends(path(), guarded(limit)).finally(() => redis.close());
    expect(statuses).toBe('200 401 401');
  });
});
