/** `health.path` on the listeners: for whom it answers, and what it never does. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { serve, type Gatekeeper } from '../../../src/serve/serve.js';
import { errorsOf, warningsOf } from '../../config/files.js';
import { ask, askBytes, statusOf } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';

let upstream: Echo;
let gateway: Gatekeeper;
let port = 0;
const log = quietLog();

const fileOf = (routes: string): string => `
listeners: [{ name: main, address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { keys: [{ key: sk_of_the_health_test, name: alice }] }, chain: [api_key] } }
health: { path: /healthz }
routes: ${routes}
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]
`;

beforeAll(async () => {
  upstream = await echoUpstream();
  [port = 0] = await freePorts(1);
  gateway = await serve({ text: fileOf('[{ id: all, path: /*, upstream: backend }]'), file: 'loom.yaml' }, { log });
});
afterAll(async () => {
  await gateway.stop({ timeout: 0 });
  await upstream.close();
});

const OK = '{"status":"ok"}\n';

describe('G-31 the health path', () => {
  test('twin: a prober reads it without a credential, under any host name, and nothing reaches the upstream', async () => {
    expect(await ask({ port, path: '/healthz' })).toMatchObject({ status: 200, body: OK });
    expect(await ask({ port, path: '/healthz', method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await ask({ port, path: '/healthz', headers: { Host: '10.1.2.3:8080' } })).toMatchObject({ status: 200 });
    const old = await askBytes(port, 'GET /healthz HTTP/1.0\r\n\r\n');
    expect(statusOf(old)).toBe(200);
    expect((await ask({ port, path: '/healthz' })).headers).toMatchObject({ 'cache-control': 'no-store' });
  });

  test.each([
    '/healthz/',
    '/healthz?x=1',
    '/Healthz',
    '/%68ealthz',
    '//healthz',
    '/healthz/x',
    '/healthzz',
    '/./healthz',
    '/healthz;x',
    '/healthz%20',
    '/x/../healthz',
    '/',
  ])('%s is not the path', async (path) => {
    const answer = await askBytes(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect([400, 401, 404]).toContain(statusOf(answer));
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('%s is judged like any request', async (method) => {
    expect([401, 404, 405]).toContain((await ask({ port, path: '/healthz', method })).status);
  });

  test.each([
    ['two framings', 'Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two Host fields', 'Host: a\r\nHost: b\r\n\r\n'],
    ['no Host', '\r\n'],
    ['a Connection that names Host', 'Host: a\r\nConnection: host\r\n\r\n'],
    ['an unknown encoding', 'Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ])('a request with %s is 400', async (_what, head) => {
    expect(statusOf(await askBytes(port, `GET /healthz HTTP/1.1\r\n${head}`))).toBe(400);
  });

  test('a body is never read as the next request', async () => {
    const smuggled = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
    const bytes = `GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`;
    const answers = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (piece) => (text += String(piece)));
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    expect(answers.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 401']);
  });

  test('an upgrade of the path is no health check', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    expect(statusOf(await askBytes(port, `GET /healthz HTTP/1.1\r\nHost: a\r\n${upgrade}${key}\r\n`))).toBe(401);
  });

  test.each(['/healthz', '/healthz/'])('a route with the literal path %s is an error', (path) => {
    expect(errorsOf(fileOf(`[{ id: own, path: ${path}, upstream: backend }]`), { mode: 'serve' })).toMatchObject([
      { code: 'duplicate', path: 'health.path', message: expect.stringMatching(/route own/) as string },
    ]);
  });

  test.each(['/', '/a?x=1', '/a/', '/a/../b', '/a/*', '/:id', '/a%2fb', '/a b', '//a', 'a', '/a;b', '""', '7'])(
    'health.path %s is refused',
    (path) => {
      const text = fileOf('[{ path: /a, upstream: backend }]').replace('/healthz', path === '""' ? path : `"${path}"`);
      expect(errorsOf(text, { mode: 'serve' })).toMatchObject([{ path: 'health.path' }]);
    },
  );

  test('twin: a pattern that covers the path is allowed', () => {
    expect(errorsOf(fileOf('[{ path: "/:id", upstream: backend }]'), { mode: 'serve' })).toEqual([]);
  });

  test('a middleware, which has no listeners, warns', () => {
    const text =
      'middleware: { auth: { api_key: { keys: [{ key: sk_of_the_health_test, name: a }] } } }\nhealth: { path: /h }\n';
    expect(warningsOf(text)).toMatchObject([{ code: 'no_effect', path: 'health' }]);
  });
});

test('health.path is 503 for a request that arrives while the gateway stops', async () => {
  const [own = 0] = await freePorts(1);
  const text = fileOf('[{ path: /a, upstream: backend }]').replace(`:${port}"`, `:${own}"`);
  const other = await serve({ text, file: 'loom.yaml' }, { log });
  const socket = connect(own, '127.0.0.1');
  let answer = '';
  socket.on('data', (piece) => (answer += String(piece)));
  await once(socket, 'connect');
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  answer = '';
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n');
  // Once another request has its answer, the gateway has read the beginning of this one.
  await ask({ port: own, path: '/healthz' });
  const stopped = other.stop();
  socket.write('\r\n');
  await once(socket, 'close');
  await stopped;
  expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*"stopping"/);
});
