/** The admin address: what it reveals, to whom, and what it never does. */
import { hashSync } from 'bcryptjs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { serve, type Gatekeeper } from '../../../src/serve/serve.js';
import { ask, askBytes, statusOf } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';
import { echoUpstream, type Echo } from '../../support/recording-upstream.js';

const KEY = 'sk_of_the_admin_test_1';
const PASSWORD = 'correct-horse-battery';
const TOKEN = 'token-of-the-scraper-01';

let upstream: Echo;
const running: Gatekeeper[] = [];
beforeAll(async () => {
  upstream = await echoUpstream();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop({ timeout: 0 })));
});
afterAll(() => upstream.close());

const fileOf = (port: number, blocks: string): string => `
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
routes:
  - { id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }
  - { id: open, path: /open/*, upstream: backend, auth: none }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream.port}"] }]
${blocks}`;

async function open(blocks: (adminPort: number) => string) {
  const [port = 0, admin = 0] = await freePorts(2);
  const log = quietLog();
  const gateway = await serve({ text: fileOf(port, blocks(admin)), file: 'loom.yaml' }, { log });
  running.push(gateway);
  const page = (path: string, headers = {}) => ask({ port: admin, path, headers });
  return { port, admin, log, gateway, page };
}

const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const LOOPBACK = (admin: number) => `admin: { address: "127.0.0.1:${admin}" }`;

describe('CFG-19 the pages', () => {
  test('health, ready, routes, upstreams and metrics, each in its format', async () => {
    const { port, page } = await open(LOOPBACK);
    await ask({ port, path: '/keys/a', headers: { 'X-API-Key': KEY } });
    await ask({ port, path: '/keys/a' });
    expect(JSON.parse((await page('/health')).body)).toEqual({ status: 'ok' });
    expect(await page('/ready')).toMatchObject({ status: 200, body: '{"status":"ready"}\n' });
    const routes = JSON.parse((await page('/routes')).body) as { routes: unknown[] };
    expect(routes.routes).toMatchObject([
      { route: 'keys', path: '/keys/*', requirement: 'api_key', public: false },
      { route: 'open', path: '/open/*', requirement: 'PUBLIC', public: true, declaredOpen: true },
    ]);
    expect(JSON.parse((await page('/upstreams')).body)).toMatchObject({
      upstreams: [
        {
          name: 'backend',
          balancer: 'round_robin',
          endpoints: [{ url: `http://127.0.0.1:${upstream.port}`, up: true }],
        },
      ],
    });
    const metrics = await page('/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.body).toMatch(
      /^loom_decisions_total\{route="keys",method="api_key",outcome="granted",reason="none"\} 1$/m,
    );
    expect(metrics.body).toMatch(/^loom_request_seconds_count\{route="keys",code="401"\} 1$/m);
    expect(metrics.body).toMatch(/^loom_config_generation 1$/m);
    // The statistics of the event loop are left out until the first sample.
    const hasLag = async (): Promise<boolean> =>
      /^nodejs_eventloop_lag_p99_seconds /m.test((await page('/metrics')).body);
    while (!(await hasLag())) await new Promise((done) => setTimeout(done, 20));
  });

  test('none of them is on a listener, and none contains a secret or a subject', async () => {
    const { port, page } = await open(LOOPBACK);
    await ask({ port, path: `/keys/a?x=${KEY}`, headers: { 'X-API-Key': KEY } });
    for (const path of ['/metrics', '/health', '/ready', '/routes', '/upstreams']) {
      expect({ path, ...(await ask({ port, path })) }).toMatchObject({ path, status: 404 });
      const { status, body, headers } = await page(path);
      expect({ path, status, cached: headers['cache-control'] }).toEqual({ path, status: 200, cached: 'no-store' });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(body).not.toMatch(/sk_of|alice/);
    }
    expect((await page('/nothing')).status).toBe(404);
  });

  test('it is off without both blocks, and metrics alone open it at their own path', async () => {
    const closed = await open(() => '');
    await expect(closed.page('/health')).rejects.toThrow(/ECONNREFUSED/);
    const { page } = await open((admin) => `${LOOPBACK(admin)}\nmetrics: { prometheus: { path: /prom } }`);
    expect((await page('/prom')).status).toBe(200);
    expect((await page('/metrics')).status).toBe(404);
    const silent = await open((admin) => `${LOOPBACK(admin)}\nmetrics: { enabled: false }`);
    expect((await silent.page('/metrics')).status).toBe(404);
  });
});

describe('CFG-19 who may read it', () => {
  test.each([
    ['the name of a page that resolves to this address', 'evil.example:9091', 421],
    ['another address', '192.0.2.1:9091', 421],
    ['localhost.evil.example', 'localhost.evil.example', 421],
    ['none at all', '', 421],
    ['twin: the address', '127.0.0.1:9091', 200],
    ['twin: localhost', 'LOCALHOST', 200],
  ])('Host is %s', async (_what, host, status) => {
    const { admin } = await open(LOOPBACK);
    const answer = await askBytes(admin, `GET /routes HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(statusOf(answer)).toBe(status);
  });

  test('two Host headers, and none, are refused', async () => {
    const { admin } = await open(LOOPBACK);
    const send = async (lines: string) => statusOf(await askBytes(admin, `GET /routes HTTP/1.1\r\n${lines}\r\n`));
    expect(await send('Host: localhost\r\nHost: evil.example\r\nConnection: close\r\n')).not.toBe(200);
    expect(await send('Connection: close\r\n')).toBe(421);
  });

  test('basic: the name and the password, and nothing similar; each refusal is in the log', async () => {
    const auth = `auth: { type: basic, basic: { username: ops, password: ${PASSWORD} } }`;
    const { page, log } = await open((admin) => `admin: { address: ":${admin}", ${auth} }`);
    for (const path of [
      '/metrics',
      '/routes',
      '/upstreams',
      '/nothing',
      '/health/',
      '/ready/x',
      '//health',
      '/Health',
    ]) {
      const refused = await page(path);
      expect([path, refused.status, refused.headers['www-authenticate']]).toEqual([
        path,
        401,
        'Basic realm="loom admin"',
      ]);
    }
    const wrong = [`ops:${PASSWORD} `, `ops:${PASSWORD.slice(1)}`, `Ops:${PASSWORD}`, 'ops:', ':', ''];
    for (const each of wrong) expect([each, (await page('/routes', basic(each))).status]).toEqual([each, 401]);
    expect((await page('/routes', { Authorization: `Bearer ${PASSWORD}` })).status).toBe(401);
    const denied = log.entries.filter(({ facts }) => facts['event'] === 'denied');
    expect(denied).toHaveLength(8 + wrong.length + 1);
    expect(JSON.stringify(log.entries)).not.toContain(PASSWORD);
    expect((await page('/routes', basic(`ops:${PASSWORD}`))).status).toBe(200);
  });

  test('probers read /health and /ready without a credential, and nothing else', async () => {
    const auth = `auth: { type: bearer, bearer: { token: ${TOKEN} } }`;
    const { admin, page } = await open((port) => `admin: { address: ":${port}", ${auth} }`);
    for (const path of ['/health', '/ready', '/health?x=1'])
      expect([path, (await page(path)).status]).toEqual([path, 200]);
    expect((await page('/health', { Authorization: 'Bearer wrong' })).status).toBe(200);
    const foreign = `GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
    expect(statusOf(await askBytes(admin, foreign))).toBe(421);
    expect((await ask({ port: admin, path: '/health', method: 'POST' })).status).toBe(405);
  });

  test('a valid credential is enough under every host name, and only a valid one', async () => {
    const auth = `auth: { type: bearer, bearer: { token: ${TOKEN} } }`;
    const { admin } = await open((port) => `admin: { address: ":${port}", ${auth} }`);
    const send = async (lines: string) =>
      statusOf(await askBytes(admin, `GET /metrics HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`));
    const right = `Authorization: Bearer ${TOKEN}\r\n`;
    expect(await send(`Host: gateway:9091\r\n${right}`)).toBe(200);
    expect(await send(`Host: gateway:9091\r\nAuthorization: Bearer wrong\r\n`)).toBe(401);
    expect(await send(`Host: gateway:9091\r\n`)).toBe(421);
    expect(await send(`Host: gateway:9091\r\nHost: localhost\r\n${right}`)).not.toBe(200);
    expect(await send(`Host: gateway:9091\r\n${right}${right}`)).toBe(401);
    // Without `auth` no credential is valid.
    const loopback = await open(LOOPBACK);
    const bytes = `GET /metrics HTTP/1.1\r\nHost: gateway\r\n${right}Connection: close\r\n\r\n`;
    expect(statusOf(await askBytes(loopback.admin, bytes))).toBe(421);
  });

  test('users: a bcrypt hash, a wrong password, an unknown user, and the budget of failures', async () => {
    const hash = hashSync(PASSWORD, 4);
    const { admin, page } = await open((port) => `admin: { address: ":${port}", users: { ops: "${hash}" } }`);
    const named = `GET /routes HTTP/1.1\r\nHost: gateway:9091\r\nConnection: close\r\n`;
    const credential = `Authorization: ${basic(`ops:${PASSWORD}`).Authorization}\r\n\r\n`;
    expect(statusOf(await askBytes(admin, `${named}${credential}`))).toBe(200);
    const refused = await page('/routes');
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Basic realm="loom admin"']);
    for (const pair of [`ops:${PASSWORD}x`, `root:${PASSWORD}`, `ops:${hash}`, 'ops'])
      expect([pair, (await page('/routes', basic(pair))).status]).toEqual([pair, 401]);
    for (let failed = 0; failed < 20; failed++) await page('/routes', basic(`ops:guess-${failed}`));
    expect((await page('/routes', basic('ops:another'))).status).toBe(429);
    // A remembered pair needs no budget.
    expect((await page('/routes', basic(`ops:${PASSWORD}`))).status).toBe(200);
  });

  test('bearer: only the token', async () => {
    const auth = `auth: { type: bearer, bearer: { token: ${TOKEN} } }`;
    const { page } = await open((admin) => `admin: { address: "0.0.0.0:${admin}", ${auth} }`);
    const status = async (value: string) => (await page('/metrics', { Authorization: value })).status;
    expect(await status('Bearer wrong')).toBe(401);
    expect(await status(`Bearer ${TOKEN}x`)).toBe(401);
    expect(await status(`Token ${TOKEN}`)).toBe(401);
    expect((await page('/metrics', { Authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] })).status).toBe(401);
    expect(await status(`Bearer ${TOKEN}`)).toBe(200);
  });
});

describe('CFG-19 it is read-only', () => {
  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('%s is 405', async (method) => {
    const { admin } = await open(LOOPBACK);
    const answer = await ask({ port: admin, path: '/routes', method });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  test('HEAD has no body, a body is refused unread, and a head has its limit', async () => {
    const { admin, page } = await open(LOOPBACK);
    expect(await ask({ port: admin, path: '/routes', method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    const body = 'GET /routes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n';
    expect(statusOf(await askBytes(admin, body))).toBe(400);
    expect(statusOf(await askBytes(admin, body.replace('Content-Length: 9', 'Transfer-Encoding: chunked')))).toBe(400);
    await expect(page('/routes', { X: 'x'.repeat(10_000) })).rejects.toThrow(/hang up|ECONNRESET/);
    expect((await page('/health')).status).toBe(200);
  });

  test('a handshake is not a page', async () => {
    const { admin, page } = await open(LOOPBACK);
    const handshake = 'GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(statusOf(await askBytes(admin, handshake))).toBe(404);
    const socket = connect(admin, '127.0.0.1', () => socket.write('CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    await new Promise((resolve) => socket.on('close', resolve));
    expect((await page('/health')).status).toBe(200);
  });
});

test('while it stops it is not ready, and requests in flight finish', async () => {
  const { port, admin, gateway, page } = await open(LOOPBACK);
  const held = request({ port, path: '/open/a', method: 'POST', headers: { 'Content-Length': 2 }, agent: false });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    held.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
  held.write('a');
  const arrived = async (): Promise<void> => {
    while (!(await page('/metrics')).body.includes('route="open"')) await new Promise((done) => setTimeout(done, 20));
  };
  await arrived();
  const stopped = gateway.stop();
  expect(await page('/ready')).toMatchObject({ status: 503, body: '{"status":"stopping"}\n' });
  held.end('b');
  expect(await answered).toBe(200);
  await stopped;
  running.splice(0);
  await expect(ask({ port: admin, path: '/health' })).rejects.toThrow(/ECONNREFUSED/);
});

test('a port that is in use, by a listener of the file or by another process, is reported at once', async () => {
  const [port = 0] = await freePorts(1);
  const file = (blocks: string) => serve({ text: fileOf(port, blocks), file: 'loom.yaml' }, { log: quietLog() });
  await expect(file(`admin: { address: "127.0.0.1:${port}" }`)).rejects.toThrow(/listens on this port already/);
  await expect(file(`admin: { address: "127.0.0.1:${upstream.port}" }`)).rejects.toThrow(
    /listener admin: port \d+ is already in use/,
  );
});

describe('pipelined requests', () => {
  const question = (host: string) => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const told = async (port: number, bytes: string): Promise<number> => {
    const answers = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (piece) => (text += String(piece)));
      socket.on('error', () => undefined).on('close', () => resolve(text));
    });
    return answers.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0;
  };

  test('a packet full of them gets one response and one log line, and costs no more', async () => {
    const { admin, log } = await open((port) => `${LOOPBACK(port)}\nmetrics: { enabled: true }`);
    expect(await told(admin, question('evil.example').repeat(2_000))).toBe(1);
    expect(log.entries.filter(({ facts }) => facts['reason'] === 'wrong_host')).toHaveLength(1);
    expect(await told(admin, question('localhost').repeat(2_000))).toBe(1);
  });

  test('twin: one after the other, all are answered on one connection', async () => {
    const { admin } = await open(LOOPBACK);
    const socket = connect(admin, '127.0.0.1');
    for (let asked = 0; asked < 3; asked++) {
      socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const text = await new Promise<string>((resolve) => socket.once('data', (piece) => resolve(String(piece))));
      expect(statusOf(text)).toBe(200);
    }
    socket.destroy();
  });
});
