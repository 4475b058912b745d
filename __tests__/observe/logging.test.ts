/** The `logging` block at work: levels, formats, access lines and request ids. */
import { createServer, type Server } from 'node:http';
import type { Log } from '../../src/lib/types.js';
import { loom, type Loom } from '../../src/loom.js';
import { createLog } from '../../src/observe/log.js';
import { askBytes } from '../support/ask.js';
import { handshake } from '../support/handshake.js';
import { quietLog } from '../support/quiet-log.js';
import { until } from '../support/until.js';
import { closed, echoUpstream, listening, type Echo, type Echoed } from '../support/recording-upstream.js';

function lines(options: Parameters<typeof createLog>[0]): { readonly log: Log; readonly written: string[] } {
  const written: string[] = [];
  return { log: createLog({ ...options, stream: { write: (line) => void written.push(line) } }), written };
}

describe('createLog', () => {
  test('writes one JSON object a line, from its level on', () => {
    const { log, written } = lines({ level: 'warn' });
    log.info({ a: 1 }, 'too low');
    log.warn({ a: 1 }, 'high enough');
    expect(written.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ a: 1, msg: 'high enough', level: 40 }]);
  });

  test('as text, what a client sent cannot begin a line of its own', () => {
    const { log, written } = lines({ format: 'text' });
    log.error({ path: '/a"\n2026 ERROR forged' }, 'denied');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+Z ERROR denied path="\/a\\"\\n2026 ERROR forged"\n$/);
  });
});

describe('a file with a logging block', () => {
  let echo: Echo;
  let gate: Loom;
  let server: Server;
  let url: string;
  const log = quietLog();

  beforeAll(async () => {
    echo = await echoUpstream();
    const text = `
trusted_proxies: [127.0.0.2]
logging:
  access: { fields: [request_id, method, path, status, duration_ms, bytes, route, auth_method, subject, reason, client, host, user_agent] }
  request_id: { header: X-Trace }
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: far, path: /far/*, upstream: far, auth: { api_key: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:${echo.port}"] }]
`;
    gate = loom({ text, file: 'loom.yaml' }, { log });
    server = createServer((req, res) => gate(req, res, () => res.end('next')));
    url = `http://127.0.0.1:${await listening(server)}`;
  });

  afterAll(async () => {
    await closed(server);
    await gate.close();
    await echo.close();
  });

  const accessLine = async (count: number): Promise<Readonly<Record<string, unknown>>> => {
    for (;;) {
      const found = log.entries.filter(({ words }) => words === 'access');
      if (found.length >= count) return found[count - 1]?.facts ?? {};
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  test('an admitted request: a line without its query, and one id on its way, on its answer and in the log', async () => {
    const response = await fetch(`${url}/far/x?secret=1`, {
      headers: { 'X-API-Key': 'key-of-alice', 'X-Trace': 'of-the-client', 'User-Agent': 'test' },
    });
    const id = response.headers.get('x-trace');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const seen = (await response.json()) as Echoed;
    expect(seen.headers['x-trace']).toBe(id);
    const line = await accessLine(1);
    expect(line).toMatchObject({
      request_id: id,
      method: 'GET',
      path: '/far/x',
      status: 200,
      route: 'far',
      auth_method: 'api_key',
      subject: 'alice',
      client: '127.0.0.1',
      user_agent: 'test',
    });
    expect(line['bytes']).toBeGreaterThan(100);
    expect(JSON.stringify(log.entries)).not.toContain('secret=1');
  });

  test('a refused one: its reason, and the instance of its body', async () => {
    const response = await fetch(`${url}/far/x`);
    const { instance } = (await response.json()) as { instance: string };
    expect(instance).toBe(response.headers.get('x-trace'));
    expect(await accessLine(2)).toMatchObject({ status: 401, reason: 'credential_missing', request_id: instance });
  });
});

test('an upgrade has its line when its socket closes, with its status, and a refused one too', async () => {
  const log = quietLog();
  const text = `
logging: { access: {} }
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
routes: [{ id: live, path: /live, auth: { api_key: true } }]`;
  const gate = loom({ text, file: 'loom.yaml' }, { log });
  const server = createServer();
  server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  gate.attach(server);
  const port = await listening(server);
  await askBytes(port, handshake('/live?token=of-the-query', 'X-API-Key: key-of-alice'));
  await askBytes(port, handshake('/live', 'X-API-Key: wrong'));
  const lines = () => log.entries.filter(({ facts }) => facts['event'] === 'access').map(({ facts }) => facts);
  await until(() => lines().length === 2);
  expect(lines()).toMatchObject([
    { status: 101, route: 'live', outcome: 'granted', subject: 'alice', path: '/live' },
    { status: 401, route: 'live', outcome: 'rejected', auth_method: 'api_key', reason: 'credential_invalid' },
  ]);
  expect(JSON.stringify(log.entries)).not.toContain('of-the-query');
  await closed(server, []);
  await gate.close();
});

test('the id of a trusted proxy is kept, an unfit one is not, and without generate none is made', async () => {
  const echo = await echoUpstream();
  const text = (generate: boolean): string => `
trusted_proxies: [127.0.0.1]
logging: { request_id: { generate: ${generate} } }
routes: [{ id: all, path: /*, upstream: far, auth: none }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:${echo.port}"] }]
`;
  const ask = async (generate: boolean, id?: string): Promise<string | undefined> => {
    const gate = loom({ text: text(generate), file: 'loom.yaml' }, { log: quietLog() });
    const server = createServer((req, res) => gate(req, res, () => res.end()));
    const url = `http://127.0.0.1:${await listening(server)}`;
    const response = await fetch(url, { headers: id === undefined ? {} : { 'X-Request-ID': id } });
    const seen = (await response.json()) as Echoed;
    await closed(server);
    await gate.close();
    return seen.headers['x-request-id'];
  };
  expect(await ask(true, 'of-the-proxy')).toBe('of-the-proxy');
  expect(await ask(true, 'two words')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await ask(true)).toMatch(/^[0-9a-f-]{36}$/);
  expect(await ask(false)).toBeUndefined();
  await echo.close();
});

test('rate_limit.response replaces the usual 429', async () => {
  const text = `
rate_limit: { rate: 1, burst: 1, key: ip, response: { status: 503, headers: { X-Why: slow down }, body: "later" } }
middleware: { auth: { api_key: { keys: [{ key: key-of-alice, name: alice }] } } }
`;
  const gate = loom({ text, file: 'loom.yaml' }, { log: quietLog() });
  const server = createServer((req, res) => gate(req, res, () => res.end('next')));
  const url = `http://127.0.0.1:${await listening(server)}`;
  const headers = { 'X-API-Key': 'key-of-alice' };
  expect((await fetch(url, { headers })).status).toBe(200);
  const limited = await fetch(url, { headers });
  expect([limited.status, limited.headers.get('x-why'), await limited.text()]).toEqual([503, 'slow down', 'later']);
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  await closed(server);
  await gate.close();
});
