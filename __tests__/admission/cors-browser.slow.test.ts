/**
 * A real browser in front of `serve`: what pages of other origins read, and what they do not.
 *
 * @needs chromium
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../scripts/programs.mjs';
import { BOTH, type Gateway } from '../support/both-hosts.js';
import { Background } from '../support/process.js';
import { closed, echoUpstream, listening, type Echo } from '../support/recording-upstream.js';
import { until } from '../support/until.js';

const KEY = 'sk_live_0123456789abcdef';

/** Each entry is one fetch. The page sends the results to its own server. */
const page = (gateway: number): string => `<!doctype html><script type="module">
const ask = (path, init) => fetch('http://127.0.0.1:${gateway}' + path, init).then(
  async (answer) => ({ status: answer.status, body: await answer.text(), id: answer.headers.get('x-request-id') }),
  (error) => ({ error: error.name }),
);
const key = { 'X-API-Key': '${KEY}' };
const told = {
  refused: await ask('/api/x'),
  wrong: await ask('/api/x', { headers: { 'X-API-Key': 'wrong' } }),
  read: await ask('/api/x', { headers: key }),
  written: await ask('/api/x', { method: 'PUT', headers: key, body: 'x' }),
  deleted: await ask('/api/x', { method: 'DELETE', headers: key }),
  strange: await ask('/api/x', { headers: { ...key, 'X-Strange': '1' } }),
  own: await ask('/public/x'),
};
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
</script>`;

interface Told {
  readonly [question: string]: { readonly status?: number; readonly body?: string; readonly id?: string | null };
}

describe('a page', () => {
  let echo: Echo;
  let gateway: Gateway;
  let folder: string;
  const told = new Map<string, Told>();
  const sockets: Socket[] = [];
  let gatewayPort = 0;
  const pages = createServer((req, res) => {
    if (req.method !== 'POST') {
      res.writeHead(200, { 'Content-Type': 'text/html' }).end(page(gatewayPort));
      return;
    }
    let text = '';
    req.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    req.on('end', () => {
      told.set(String(req.headers.host), JSON.parse(text) as Told);
      res.end();
    });
  }).on('connection', (socket) => sockets.push(socket));

  const visit = async (url: string): Promise<void> => {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const running = new Background(findProgram('chromium') as string, [
      ...flags,
      `--user-data-dir=${folder}`,
      '--remote-debugging-port=0',
      url,
    ]);
    try {
      await until(
        () => told.has(new URL(url).host),
        () => running.output,
      );
    } finally {
      await running.stop('SIGKILL');
    }
  };

  let port = 0;
  beforeAll(async () => {
    echo = await echoUpstream();
    folder = mkdtempSync(join(tmpdir(), 'loom-browser-'));
    port = await listening(pages);
    const served = BOTH.find(({ name }) => name === 'serve()');
    if (!served) throw new Error('there is no serve()');
    gateway = await served.start(`
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }] } } }
routes:
  - { path: /public/*, upstream: echo, auth: none }
  - { path: /api/*, upstream: echo, auth: { api_key: true } }
upstreams: [{ name: echo, endpoints: ["127.0.0.1:${echo.port}"] }]
logging: { level: error, request_id: {} }
cors: { allowed_origins: ["http://localhost:${port}"], allowed_methods: [GET, PUT], exposed_headers: [X-Request-ID] }
`);
    gatewayPort = gateway.port;
  });

  afterAll(async () => {
    await gateway.close();
    await closed(pages, sockets);
    await echo.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  test('of an allowed origin reads the status of a refusal, and what a key is for; twin: a foreign page reads nothing', async () => {
    await visit(`http://localhost:${port}/`);
    const allowed = told.get(`localhost:${port}`);
    const id = expect.stringMatching(/./) as string;
    expect(allowed).toEqual({
      refused: { status: 401, body: expect.stringContaining('"code":"unauthorized"') as string, id },
      wrong: { status: 401, body: expect.stringContaining('"code":"unauthorized"') as string, id },
      read: { status: 200, body: expect.stringContaining('"url":"/api/x"') as string, id },
      written: { status: 200, body: expect.stringContaining('"method":"PUT"') as string, id },
      deleted: { error: 'TypeError' },
      strange: { error: 'TypeError' },
      own: { status: 200, body: expect.stringContaining('"url":"/public/x"') as string, id },
    });
    expect(echo.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/x',
      'PUT /api/x',
      'GET /public/x',
    ]);
    echo.requests.splice(0);
    await visit(`http://127.0.0.1:${port}/`);
    const foreign = Object.entries(told.get(`127.0.0.1:${port}`) ?? {});
    expect(foreign).toHaveLength(7);
    for (const [question, answer] of foreign) expect([question, answer]).toEqual([question, { error: 'TypeError' }]);
    // What needs no preflight is sent, and not shown.
    expect(echo.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /public/x']);
  }, 90_000);
});
