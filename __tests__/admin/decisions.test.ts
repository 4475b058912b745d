/** The decisions that a gateway keeps, as `/decisions` shows them: through `serve`, with real requests. */
import type { DecisionRecord } from '../../src/observe/decision-record.js';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask, askBytes } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { echoUpstream, type Echo } from '../support/recording-upstream.js';

const KEY = 'sk_of_the_decisions_1';
const LIMITED = 'sk_of_the_limited_22';

let upstream: Echo;
let gateway: Gatekeeper;
let port = 0;
let admin = 0;
let log: ReturnType<typeof quietLog>;

const fileOf = (blocks: string, routes: string): string => `
admin: { address: "127.0.0.1:${admin}" ${blocks} }
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware:
  auth:
    api_key: { keys: [{ key: ${KEY}, name: alice }, { key: ${LIMITED}, name: bob, rate_limit: 1/h }] }
    basic: { users: [{ username: admin, password_hash: "$2y$04$abcdefghijklmnopqrstuuJ7i1w1y0Zc1c9wXv8u7t6s5r4q3p2o1" }] }
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: both, path: /both/*, upstream: backend, auth: { methods: [api_key, basic] } }
  - { id: open, path: /open/*, upstream: backend, auth: none }
  - { id: dead, path: /dead, upstream: dead, auth: none }${routes}
upstreams:
  - { name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }
  - { name: dead, endpoints: ["127.0.0.1:1"] }`;

beforeAll(async () => {
  upstream = await echoUpstream();
});
beforeEach(async () => {
  [port = 0, admin = 0] = await freePorts(2);
  log = quietLog();
});
afterEach(() => gateway.stop({ timeout: 0 }));
afterAll(() => upstream.close());

const start = async (blocks = '', routes = ''): Promise<void> => {
  gateway = await serve({ text: fileOf(blocks, routes), file: 'loom.yaml' }, { log });
};
const decisions = async (query = ''): Promise<readonly DecisionRecord[]> => {
  const { status, body } = await ask({ port: admin, path: `/decisions${query}` });
  expect([status, body]).toEqual([200, expect.any(String)]);
  return (JSON.parse(body) as { decisions: DecisionRecord[] }).decisions;
};
const one = async (id: string) => ask({ port: admin, path: `/decisions/${encodeURIComponent(id)}` });
const asked = (path: string, headers = {}) => ask({ port, path, headers });

test('a grant, a denial and a failure, the newest first', async () => {
  await start();
  await asked('/keys/a?api_key=in-the-query', { 'X-API-Key': KEY });
  await asked('/keys/b', { 'X-API-Key': 'sk_of_another_gateway' });
  await asked('/dead');
  const [failed, admitted, denied, granted, ...others] = await decisions();
  expect(others).toEqual([]);
  expect(granted).toMatchObject({
    id: expect.stringMatching(/^urn:uuid:[\da-f-]{36}$/) as string,
    kind: 'granted',
    outcome: 'granted',
    client: '127.0.0.1',
    http_method: 'GET',
    host: `127.0.0.1:${port}`,
    path: '/keys/a',
    route: 'keys',
    routing: 'the path matches "/keys/*"',
    requirement: 'api_key',
    auth_method: 'api_key',
    subject: 'alice',
    methods: [{ method: 'api_key', verdict: 'granted', elapsed_ms: expect.any(Number) as number }],
  });
  expect(denied).toMatchObject({
    kind: 'denied',
    outcome: 'rejected',
    status: 401,
    code: 'unauthorized',
    reason: 'credential_invalid',
    path: '/keys/b',
    route: 'keys',
    auth_method: 'api_key',
    detail: 'api_key: no key with this value of 21 characters in header `X-Api-Key`',
    methods: [
      {
        method: 'api_key',
        verdict: 'rejected',
        reason: 'credential_invalid',
        places: ['header `X-Api-Key`'],
        found: [{ place: 'header `X-Api-Key`', kind: 'opaque value', length: 21 }],
      },
    ],
  });
  expect(admitted).toMatchObject({ kind: 'granted', outcome: 'open', route: 'dead' });
  expect(failed).toMatchObject({
    kind: 'failed',
    status: 502,
    code: 'upstream_unreachable',
    route: 'dead',
    endpoint: { endpoint: '127.0.0.1:1', cause: 'ECONNREFUSED' },
  });
});

test('each method of a list has its own finding', async () => {
  await start();
  await asked('/both/a', { 'X-API-Key': 'unknown-key', Authorization: 'Basic YTpi' });
  const [denied] = await decisions();
  expect(denied?.methods).toMatchObject([
    { method: 'api_key', verdict: 'rejected', detail: expect.stringContaining('no key with this value') as string },
    {
      method: 'basic',
      verdict: 'rejected',
      found: [{ kind: 'user and password', length: 4 }],
      detail: 'no user has this name of 1 characters',
      cache: 'miss',
    },
  ]);
});

test('a limit has its key and the time when it opens; a near route is named', async () => {
  await start();
  await asked('/keys/a', { 'X-API-Key': LIMITED });
  await asked('/keys/a', { 'X-API-Key': LIMITED });
  await asked('/OPEN/a');
  const [unrouted, limited] = await decisions('?kind=denied');
  expect(limited).toMatchObject({ code: 'rate_limited', limit: { key: 'key of bob' } });
  expect(limited?.limit?.opens_in_s).toBeGreaterThan(3_000);
  expect(unrouted).toMatchObject({
    code: 'no_route',
    routing: expect.stringContaining('the route "open" has the path "/open/*"') as string,
    near: [{ route: 'open', differs: 'path', has: '/open/*' }],
  });
});

test('the near routes are a list: by host, by HTTP method and by conditions', async () => {
  await start(
    '',
    `
  - { id: hosted, path: /hosted/*, host: api.example.com, upstream: backend, auth: none }
  - { id: reads, path: /reads, methods: [GET], upstream: backend, auth: none }
  - { id: dated, path: /dated, headers: { X-Version: "a-secret-value" }, query: { beta: "1" }, upstream: backend, auth: none }`,
  );
  await asked('/hosted/a');
  await ask({ port, path: '/reads', method: 'POST' });
  await asked('/dated');
  await asked('/nothing/like/it');
  const all = await decisions('?kind=denied');
  expect(all.map(({ path, near }) => [path, near])).toEqual([
    ['/nothing/like/it', undefined],
    ['/dated', [{ route: 'dated', differs: 'conditions', has: 'header X-Version and query parameter beta' }]],
    ['/reads', [{ route: 'reads', differs: 'http_method', has: 'GET' }]],
    ['/hosted/a', [{ route: 'hosted', differs: 'host', has: 'api.example.com' }]],
  ]);
  expect(JSON.stringify(all)).not.toContain('a-secret-value');
});

test.each([
  ['a guarded route in capitals', '/KEYS/a', { route: 'keys', has: '/keys/*' }],
  ['a guarded route with a trailing dot', '/keys./a', { route: 'keys', has: '/keys/*' }],
  ['a public route that the file has in capitals', '/docs/a', { route: 'docs', has: '/Docs/*' }],
  ['a guarded route that the file has in capitals', '/reports/a', { route: 'reports', has: '/Reports/*' }],
])('the near routes have the other spelling: %s', async (_what, path, near) => {
  await start(
    '',
    `
  - { id: docs, path: /Docs/*, upstream: backend, auth: none }
  - { id: reports, path: /Reports/*, upstream: backend, auth: { api_key: true } }`,
  );
  expect((await asked(path)).status).toBe(404);
  const [unrouted] = await decisions('?kind=denied');
  expect(unrouted?.near).toEqual([{ ...near, differs: 'path' }]);
  expect(unrouted?.routing).toContain(`the route "${near.route}" has the path "${near.has}"`);
});

test('filters, and one record by the instance of the response or by its own id', async () => {
  await start();
  const refused = await asked('/keys/a');
  await asked('/open/a');
  const { instance } = JSON.parse(refused.body) as { instance: string };
  expect(await decisions('?route=open')).toMatchObject([{ route: 'open' }]);
  expect(await decisions('?reason=credential_missing&kind=denied&client=127.0.0.1')).toMatchObject([{ instance }]);
  expect(await decisions('?client=10.0.0.1')).toEqual([]);
  expect(await decisions('?limit=1')).toHaveLength(1);
  const found = JSON.parse((await one(instance)).body) as { decisions: DecisionRecord[] };
  expect(found.decisions).toMatchObject([{ instance, id: instance }]);
  const [open] = await decisions('?route=open');
  expect(JSON.parse((await one(open?.id ?? '')).body)).toMatchObject({ decisions: [{ route: 'open', id: open?.id }] });
  expect((await one('urn:uuid:00000000-0000-0000-0000-000000000000')).status).toBe(404);
  for (const query of ['?limit=0', '?limit=x', '?limit=1001', '?kind=other'])
    expect((await ask({ port: admin, path: `/decisions${query}` })).status).toBe(400);
});

test('bytes that are no request have a record too', async () => {
  await start();
  await askBytes(port, 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc');
  expect(await decisions()).toMatchObject([{ kind: 'denied', outcome: 'malformed', status: 400 }]);
});

test('decisions: 0 keeps nothing', async () => {
  await start(', decisions: 0');
  await asked('/open/a');
  expect(await decisions()).toEqual([]);
});

test('the stream sends each new decision, and a filter applies', async () => {
  await start();
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${admin}/decisions/stream?route=keys`, { signal: controller.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  await asked('/open/a');
  await asked('/keys/streamed');
  let text = '';
  while (!text.includes('\n\n')) text += (await reader?.read())?.value ?? '';
  const [, data = ''] = /^event: decision\ndata: (.*)\n\n/.exec(text) ?? [];
  expect(JSON.parse(data)).toMatchObject({ kind: 'denied', path: '/keys/streamed' });
  controller.abort();
});
