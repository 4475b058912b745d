/** An upstream on a Unix socket, with each engine: requests, upgrades, health checks, status and metrics. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import type { EngineName } from '../../src/config/upstream-types.js';
import { ask } from '../support/ask.js';
import { get } from '../support/attack-ground.js';
import { balanced, closeBalanced, type Balanced } from '../support/balanced.js';
import { handshake } from '../support/handshake.js';
import { sendPieces } from '../support/proxy-headers.js';
import { until } from '../support/until.js';

const LISTENER = '  - { name: web, address: "127.0.0.1:PORT1" }';
const ROUTES = `
routes:
  - { id: own, path: /own/*, upstream: application, auth: none, preserve_host: false }
  - { id: kept, path: /*, upstream: application, auth: none }`;

const servers: Server[] = [];
afterEach(async () => {
  await closeBalanced();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

/** An application that answers with what it got. `failing` makes its health check fail. */
async function application(path: string) {
  const state = { failing: false, connections: 0 };
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    req.on('end', () => {
      res.statusCode = req.url === '/health' && state.failing ? 503 : 200;
      res.end(JSON.stringify({ ...seenIn(req), body }));
    });
  });
  server.on('connection', () => (state.connections += 1));
  server.on('upgrade', (req, socket) => {
    const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
    const host = req.headers.host ?? '';
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Host: ${host}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((done) => server.listen(path, done));
  servers.push(server);
  return { server, state };
}

const seenIn = ({ method, url, headers }: IncomingMessage): object => ({
  method,
  url,
  host: headers.host,
  forwardedHost: headers['x-forwarded-host'],
  forwardedFor: headers['x-forwarded-for'],
});

const upstreams = (engine: EngineName, more = ''): string =>
  `upstreams: [{ name: application, endpoints: ["unix:FOLDER/app.sock"], proxy: { engine: ${engine} }${more} }]`;
const open = (engine: EngineName, more?: string): Promise<Balanced> =>
  balanced(LISTENER, { routes: ROUTES, upstreams: upstreams(engine, more), auth: '' });

describe.each<EngineName>(['http-proxy-middleware', 'undici'])('%s', (engine) => {
  test('forwards requests and bodies over one kept connection, with a sensible Host', async () => {
    const on = await open(engine);
    const { state } = await application(join(on.folder, 'app.sock'));
    const [port] = on.ports;
    const headers = { Host: 'shop.example' };
    const kept = await ask({ port, path: '/a?b=c', headers, method: 'POST', body: 'x'.repeat(100_000) });
    const facts = { method: 'POST', url: '/a?b=c', host: 'shop.example', forwardedHost: 'shop.example' };
    expect(JSON.parse(kept.body)).toEqual({ ...facts, forwardedFor: '127.0.0.1', body: 'x'.repeat(100_000) });
    const own = await ask({ port, path: '/own/a', headers });
    expect(JSON.parse(own.body)).toMatchObject({ host: 'localhost', forwardedHost: 'shop.example' });
    expect(state.connections).toBe(1);
  });

  test('forwards a WebSocket handshake and its bytes', async () => {
    const on = await open(engine);
    await application(join(on.folder, 'app.sock'));
    const to = { host: '127.0.0.1', port: on.ports[0] };
    for (const [path, host] of [
      ['/ws', 'x'],
      ['/own/ws', 'localhost'],
    ] as const) {
      const { text } = await sendPieces(to, [handshake(path)]);
      expect(text).toMatch(/^HTTP\/1\.1 101 /);
      expect(text).toContain(`X-Host: ${host}\r\n`);
    }
  });

  test('checks the health of the endpoint, and names its path in status, metrics and log', async () => {
    const check =
      ', health_check: { path: /health, interval: 20ms, timeout: 5s, healthy_threshold: 1, unhealthy_threshold: 1 }';
    const on = await open(engine, check);
    const path = join(on.folder, 'app.sock');
    const name = `unix:${path}`;
    const stateOf = async () => {
      const { body } = await on.page('/upstreams');
      return (JSON.parse(body) as { upstreams: { endpoints: { url: string; up: boolean }[] }[] }).upstreams[0]
        ?.endpoints[0];
    };
    const reaches = async (up: boolean): Promise<void> => {
      for (let end = Date.now() + 20_000; (await stateOf())?.up !== up;) expect(Date.now()).toBeLessThan(end);
    };
    await reaches(false);
    expect((await stateOf())?.url).toBe(name);
    expect((await ask({ port: on.ports[0] })).status).toBe(503);
    const { state } = await application(path);
    await reaches(true);
    expect((await ask({ port: on.ports[0] })).status).toBe(200);
    expect((await on.page('/metrics')).body).toContain(`loom_upstream_up{upstream="application",endpoint="${name}"} 1`);
    state.failing = true;
    await reaches(false);
    const lines = on.log.filter(({ facts }) => facts['endpoint'] !== undefined);
    expect(new Set(lines.map(({ facts }) => facts['endpoint']))).toEqual(new Set([name]));
  });

  test('answers 502 without the socket, for requests and handshakes, and serves when the application is there', async () => {
    const on = await open(engine);
    const to = { host: '127.0.0.1', port: on.ports[0] };
    expect((await sendPieces(to, [get('/x')])).statuses).toEqual([502]);
    expect((await sendPieces(to, [handshake('/x')])).statuses).toEqual([502]);
    const failed = on.log.filter(({ facts }) => facts['cause'] === 'ENOENT');
    expect(failed.map(({ facts }) => facts['endpoint'])).toEqual(Array(2).fill(`unix:${join(on.folder, 'app.sock')}`));
    await application(join(on.folder, 'app.sock'));
    expect((await sendPieces(to, [get('/x')])).statuses).toEqual([200]);
  });
});

test('two endpoints share the requests, and a dead one is left out', async () => {
  const on = await balanced(LISTENER, {
    routes: ROUTES,
    auth: '',
    upstreams: `upstreams: [{ name: application, endpoints: ["unix:FOLDER/one.sock", "unix:FOLDER/two.sock"], retry: { max_retries: 3, backoff_base: 1ms } }]`,
  });
  const one = await application(join(on.folder, 'one.sock'));
  const two = await application(join(on.folder, 'two.sock'));
  for (let at = 0; at < 4; at += 1) expect((await ask({ port: on.ports[0] })).status).toBe(200);
  expect([one.state.connections, two.state.connections]).toEqual([1, 1]);
  one.server.closeAllConnections();
  await new Promise((done) => one.server.close(done));
  await until(() => !one.server.listening);
  for (let at = 0; at < 4; at += 1) expect((await ask({ port: on.ports[0] })).status).toBe(200);
});
