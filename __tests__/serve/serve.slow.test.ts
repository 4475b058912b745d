/**
 * The gateway as an operator runs it: a file, a real upstream, and curl.
 *
 * @needs curl
 */
import { request } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { createServer } from 'node:http';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { freePorts } from '../support/ports.js';
import { runProcess } from '../support/process.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, echoUpstream, listening, type Echo, type Echoed } from '../support/recording-upstream.js';

const file = (port: number, upstream: string): string => `
listeners:
  - { name: main, address: "127.0.0.1:${port}", protocol: http }
middleware:
  auth:
    api_key:
      keys:
        - { key: key-of-alice, name: alice }
        - { key: key-of-carol, name: carol, rate_limit: { rate: 1, burst: 2 } }
      claims_to_headers: { name: X-User-ID }
rate_limit: { key: "header:X-User-ID", rate: 100, burst: 200 }
routes:
  - { id: public, path: /public/*, upstream: backend, auth: none }
  - { id: api, path: /api/*, methods: [GET, POST], upstream: backend, strip_prefix: true, add_prefix: /v2, auth: { api_key: true } }
  - { id: slow, path: /slow, upstream: backend, auth: none }
  - { id: few, path: /few, upstream: backend, rate_limit: { rate: 1, burst: 1 }, auth: { api_key: true } }
upstreams:
  - { name: backend, endpoints: ["${upstream}"] }
`;

describe('a file served', () => {
  let echo: Echo;
  let gateway: Gatekeeper;
  let url: string;
  const log = quietLog();

  beforeAll(async () => {
    echo = await echoUpstream((req, res) => {
      if (req.url !== '/slow') return false;
      setTimeout(() => res.end('late'), 400);
      return true;
    });
    const [port = 0] = await freePorts(1);
    gateway = await serve({ text: file(port, `127.0.0.1:${echo.port}`), file: 'loom.yaml' }, { log });
    url = `http://127.0.0.1:${port}`;
  });

  afterAll(async () => {
    await gateway.stop({ timeout: 0 });
    await echo.close();
  });

  const curl = async (...args: string[]): Promise<{ status: number; head: string; body: string }> => {
    const { stdout } = await runProcess('curl', ['-s', '-i', '--path-as-is', '--max-time', '20', ...args]);
    const [head = '', body = ''] = stdout.split('\r\n\r\n', 2);
    return { status: Number(head.split(' ')[1]), head, body };
  };

  test('answers curl: 401 without a key, the upstream’s answer with one', async () => {
    const refused = await curl(`${url}/api/things`);
    expect(refused.status).toBe(401);
    expect(refused.head).toMatch(/WWW-Authenticate: ApiKey realm=/);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'unauthorized', status: 401 });
    const passed = await curl('-H', 'X-API-Key: key-of-alice', `${url}/api/things?a=1`);
    expect(passed.status).toBe(200);
    const seen = JSON.parse(passed.body) as Echoed;
    expect(seen.url).toBe('/v2/things?a=1');
    expect(seen.headers).toMatchObject({
      'x-user-id': 'alice',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
    expect(seen.headers['x-api-key']).toBeUndefined();
    expect(passed.head).toMatch(/X-RateLimit-Limit: 200/i);
  });

  test('answers 404, 405 and 400 in front of everything', async () => {
    expect((await curl(`${url}/nothing`)).status).toBe(404);
    const method = await curl('-X', 'DELETE', '-H', 'X-API-Key: key-of-alice', `${url}/api/x`);
    expect(method.status).toBe(405);
    expect(method.head).toMatch(/Allow: GET, POST, HEAD/);
    for (const path of [
      '/public/../api/x',
      '/public/%2e%2e/api',
      '/public//x',
      '/public/%2fx',
      '/api;x',
      '/public/%00',
    ]) {
      expect((await curl(`${url}${path}`)).status).toBe(400);
    }
    for (const path of ['/public/a%20b/~c', '/public/a;x']) expect((await curl(`${url}${path}`)).status).toBe(200);
  });

  test('a denial is in the log with its instance and reason, and without the key', async () => {
    const refused = await curl('-H', 'X-API-Key: not-a-key', `${url}/api/x?secret=1`);
    const { instance } = JSON.parse(refused.body) as { instance: string };
    const entry = log.entries.find(({ facts }) => facts['instance'] === instance);
    expect(entry?.facts).toMatchObject({
      status: 401,
      reason: 'credential_invalid',
      route: 'api',
      client: '127.0.0.1',
    });
    expect(JSON.stringify(log.entries)).not.toMatch(/not-a-key|secret=1/);
  });

  test('a key’s own limit answers 429 with the way out, and other keys go on', async () => {
    const ask = (key: string): Promise<Response> => fetch(`${url}/api/x`, { headers: { 'X-API-Key': key } });
    const answers = [await ask('key-of-carol'), await ask('key-of-carol'), await ask('key-of-carol')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    const [, , limited] = answers;
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(limited?.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(limited?.headers.get('ratelimit-policy')).toMatch(/q=2/);
    expect((await ask('key-of-alice')).status).toBe(200);
  });

  test('a route limit replaces the global limit', async () => {
    const ask = (): Promise<Response> => fetch(`${url}/few`, { headers: { 'X-API-Key': 'key-of-alice' } });
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
  });

  test('Expect: 100-continue is answered only after admission', async () => {
    const send = (key: string): Promise<{ continued: boolean; status: number }> =>
      new Promise((resolve, reject) => {
        const headers = { 'X-API-Key': key, Expect: '100-continue', 'Content-Length': '5' };
        const outgoing = request(`${url}/api/x`, { method: 'POST', headers });
        let continued = false;
        outgoing.on('continue', () => {
          continued = true;
          outgoing.end('hello');
        });
        outgoing.on('response', (response) => {
          response.resume();
          resolve({ continued, status: response.statusCode ?? 0 });
          outgoing.destroy();
        });
        outgoing.on('error', reject);
        outgoing.flushHeaders();
      });
    expect(await send('wrong')).toEqual({ continued: false, status: 401 });
    expect(await send('key-of-alice')).toEqual({ continued: true, status: 200 });
  });

  test('stops gracefully: a request in flight finishes, new connections are refused', async () => {
    const [port = 0] = await freePorts(1);
    const other = await serve({ text: file(port, `127.0.0.1:${echo.port}`), file: 'loom.yaml' }, { log });
    const pending = fetch(`http://127.0.0.1:${port}/slow`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = other.stop();
    expect(await (await pending).text()).toBe('late');
    await stopped;
    await expect(fetch(`http://127.0.0.1:${port}/slow`)).rejects.toThrow();
  });

  test('a port that is in use is reported with LOOM_PORT', async () => {
    const port = Number(new URL(url).port);
    const again = serve({ text: file(port, `127.0.0.1:${echo.port}`), file: 'loom.yaml' }, { log });
    await expect(again).rejects.toMatchObject({ code: 'LOOM_PORT' });
  });
});

test('a WebSocket opens with a key alone, and closes with the gateway', async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, req) => socket.send(String(req.headers['x-user-id'])));
  const upstream = await listening(server);
  const [port = 0] = await freePorts(1);
  const text = file(port, `127.0.0.1:${upstream}`);
  const gateway = await serve({ text, file: 'loom.yaml' }, { log: quietLog() });
  const open = (headers: Record<string, string>): Promise<string> =>
    new Promise((resolve) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/api/socket`, { headers });
      client.once('message', (data: Buffer) => resolve(data.toString()));
      client.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
      client.once('error', (error) => resolve(error.message));
      client.once('close', () => ended());
    });
  let ended: () => void = () => undefined;
  expect(await open({ 'X-User-ID': 'root' })).toBe('401');
  expect(await open({ 'X-API-Key': 'key-of-alice', 'X-User-ID': 'root' })).toBe('alice');
  const end = new Promise<void>((resolve) => (ended = resolve));
  await gateway.stop({ timeout: 1_000 });
  await end;
  await closed(server);
});
