/** The same file with Express 5, Express 4, Connect and node:http: the same responses. */
import { createHmac } from 'node:crypto';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { loom, type Loom } from '../src/loom.js';
import { shakeHands } from './support/handshake.js';
import { HOSTS, type Application, type Host } from './support/hosts.js';
import { quietLog } from './support/quiet-log.js';
import { echoUpstream, type Echo, type Echoed } from './support/recording-upstream.js';

const SECRET = 'a secret of thirty-two bytes or so';

const file = (upstream: string): string => `
middleware:
  auth:
    api_key:
      query_param: api_key
      keys:
        - key: key-of-alice
          name: alice
      claims_to_headers: { name: X-User-ID }
    jwt:
      issuer: https://id.example
      audience: api
      algorithm: HS256
      secret: ${SECRET}
      claims_to_headers: { sub: X-User-ID }
routes:
  - { id: public, path: /public/*, auth: none }
  - { id: local, path: /local/*, auth: { api_key: true } }
  - { id: both, path: /both/*, auth: { jwt: true, api_key: true, require_any: true } }
  - { id: far, path: /far/*, upstream: far, auth: { api_key: true } }
  - { id: far-open, path: /far-open/*, upstream: far, auth: none }
  - { id: socket, path: /socket, upstream: far, auth: { jwt: true } }
  - { id: own-socket, path: /own-socket, auth: { jwt: true } }
  - { id: mounted, path: /mounted/*, auth: { api_key: true } }
upstreams:
  - { name: far, endpoints: ["${upstream}"] }
`;

function token(claims: object = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const body = { iss: 'https://id.example', aud: 'api', sub: 'bob', iat: now, exp: now + 600, ...claims };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(body)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** The application behind Loom answers with what it received. */
const handler: Application['handler'] = (req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ auth: req.auth, headers: req.headers, url: req.url }));
};

interface Seen {
  readonly auth: { readonly subject: string; readonly method: string } | null;
  readonly headers: Readonly<Record<string, string>>;
}

describe.each(HOSTS)('$name', ({ name, start }) => {
  let echo: Echo;
  let gate: Loom;
  let host: Host;
  const log = quietLog();

  beforeAll(async () => {
    echo = await echoUpstream();
    gate = loom({ text: file(`127.0.0.1:${echo.port}`), file: 'loom.yaml' }, { log });
    await gate.ready;
    host = await start({ gate, handler });
    gate.attach(host.server);
  });

  afterAll(async () => {
    await host.close();
    await gate.close();
    await echo.close();
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(host.url + path, { headers });

  test('lets every request pass on an open route, with req.auth null', async () => {
    const response = await get('/public/x');
    expect(response.status).toBe(200);
    expect(((await response.json()) as Seen).auth).toBeNull();
  });

  test('refuses a guarded route without a credential, and lets a request with one pass', async () => {
    const refused = await get('/local/x');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('www-authenticate')).toMatch(/^ApiKey realm=/);
    expect(await refused.json()).toMatchObject({ status: 401, code: 'unauthorized' });
    const passed = await get('/local/x', { 'X-API-Key': 'key-of-alice' });
    expect(passed.status).toBe(200);
    const seen = (await passed.json()) as Seen;
    expect(seen.auth).toMatchObject({ method: 'api_key', subject: 'alice' });
    expect(seen.headers['x-user-id']).toBe('alice');
  });

  test('accepts either of two methods, including asynchronous ones', async () => {
    expect((await get('/both/x')).status).toBe(401);
    const byToken = await get('/both/x', { Authorization: `Bearer ${token()}` });
    expect(((await byToken.json()) as Seen).auth).toMatchObject({ method: 'jwt', subject: 'bob' });
    const byKey = await get('/both/x', { 'X-API-Key': 'key-of-alice' });
    expect(((await byKey.json()) as Seen).auth).toMatchObject({ method: 'api_key' });
  });

  test('a client’s own X-User-ID never reaches an upstream or a handler', async () => {
    const forged = { 'X-User-ID': 'root', x_user_id: 'root', 'X-API-Key': 'key-of-alice' };
    const far = (await (await get('/far/x', forged)).json()) as Echoed;
    expect(far.rawHeaders.filter((each) => each === 'root')).toEqual([]);
    expect(far.headers['x-user-id']).toBe('alice');
    const open = (await (await get('/far-open/x', { 'X-User-ID': 'root' })).json()) as Echoed;
    expect(open.headers['x-user-id']).toBeUndefined();
    const local = (await (await get('/public/x', { 'X-User-ID': 'root' })).json()) as Seen;
    expect(local.headers['x-user-id']).toBeUndefined();
  });

  test('forwards method, path, query and body, but no key', async () => {
    const response = await fetch(`${host.url}/far/a%20b?x=1&api_key=key-of-alice&y=%2F`, {
      method: 'POST',
      body: 'hello',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('private');
    expect(response.headers.get('vary')).toMatch(/x-api-key/i);
    const seen = (await response.json()) as Echoed;
    expect(seen).toMatchObject({ method: 'POST', url: '/far/a%20b?x=1&y=%2F', length: 5 });
    expect(JSON.stringify(seen)).not.toContain('key-of-alice');
  });

  test('a request without a route continues with req.auth null, and the start reported that', async () => {
    const response = await get('/elsewhere');
    expect(((await response.json()) as Seen).auth).toBeNull();
    expect(log.entries.filter(({ words }) => words.includes('no route matches'))).toHaveLength(1);
  });

  test('a body parser before Loom is refused at once, with advice in the log', async () => {
    const before = express.json() as unknown as Application['before'];
    const parsed = await start({ gate, handler, ...(before && { before }) });
    const send = (path: string): Promise<Response> =>
      fetch(parsed.url + path, {
        method: 'POST',
        headers: { 'X-API-Key': 'key-of-alice', 'Content-Type': 'application/json' },
        body: '{"a":1}',
      });
    const refused = await send('/far/x');
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({ code: 'body_consumed' });
    expect(log.entries.some(({ words }) => words.includes('before any body parser'))).toBe(true);
    expect((await send('/local/x')).status).toBe(200);
    await parsed.close();
  });

  test('protect() guards a handler regardless of the routes in the file', async () => {
    const guarded = gate.protect(['jwt', 'api_key']);
    const own = await start({ gate, handler: (req, res) => guarded(req, res, () => handler(req, res)) });
    expect((await fetch(`${own.url}/public/x`)).status).toBe(401);
    const passed = await fetch(`${own.url}/public/x`, { headers: { Authorization: `Bearer ${token()}` } });
    expect(((await passed.json()) as Seen).auth).toMatchObject({ method: 'jwt' });
    await own.close();
    expect(() => gate.protect('nobody')).toThrow(TypeError);
  });

  test('an unauthenticated WebSocket reaches neither an upstream nor the host', async () => {
    const before = echo.requests.length;
    const sockets = new WebSocketServer({ server: host.server });
    let connected = 0;
    sockets.on('connection', (socket, req) => {
      connected++;
      socket.send(`hello ${req.auth?.subject ?? 'nobody'}`);
    });
    await new Promise((resolve) => setImmediate(resolve));
    for (const path of ['/socket', '/own-socket']) {
      expect(await shakeHands(host.port, path)).toMatch(/^HTTP\/1\.1 401 /);
    }
    expect(connected).toBe(0);
    expect(echo.requests).toHaveLength(before);
    const client = new WebSocket(`ws://127.0.0.1:${host.port}/own-socket`, ['bearer', token()]);
    const message = await new Promise<string>((resolve, reject) => {
      client.once('message', (data: Buffer) => resolve(data.toString()));
      client.once('error', reject);
    });
    expect(message).toBe('hello bob');
    expect(client.protocol).toBe('bearer');
    client.terminate();
    sockets.close();
  });

  test('a socket of the host closes when its identity expires', async () => {
    const sockets = new WebSocketServer({ server: host.server });
    await new Promise((resolve) => setImmediate(resolve));
    const exp = Math.floor(Date.now() / 1_000) + 2;
    const client = new WebSocket(`ws://127.0.0.1:${host.port}/own-socket`, ['bearer', token({ exp })]);
    await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
    await new Promise((resolve) => client.once('close', resolve));
    expect(Date.now() / 1_000).toBeGreaterThanOrEqual(exp);
    sockets.close();
  });

  if (name !== 'node:http') {
    test('mounted at a path, it matches the whole path', async () => {
      const mounted = await start({ gate, handler, mount: '/mounted' });
      expect((await fetch(`${mounted.url}/mounted/x`)).status).toBe(401);
      expect((await fetch(`${mounted.url}/mounted`)).status).toBe(401);
      expect((await fetch(`${mounted.url}/mounted?x=1`)).status).toBe(401);
      const key = { headers: { 'X-API-Key': 'key-of-alice' } };
      expect((await fetch(`${mounted.url}/mounted/x?y=1`, key)).status).toBe(200);
      expect((await fetch(`${mounted.url}/outside`)).status).toBe(200);
      await mounted.close();
    });
  }
});
