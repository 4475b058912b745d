/**
 * Each example starts with its one command, and the commands that it prints work.
 *
 * @needs curl
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { askBytes } from '../support/ask.js';
import { request } from '../support/attack-ground.js';
import { builtExample, NODE, ROOT } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { Background, runProcess } from '../support/process.js';

const running: Background[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

async function startExample(name: string) {
  const [port = 0] = await freePorts(1);
  const example = new Background(NODE, [builtExample(name)], { PORT: String(port), GATEWAY_PORT: String(port) });
  running.push(example);
  await example.until(/"?(msg":"listening"|listening on )/);
  return { example, port, url: `http://127.0.0.1:${port}` };
}

/** Runs a printed line unchanged, in a shell. */
async function answerOf(line: string): Promise<{ status: number; body: string }> {
  const { stdout, stderr } = await runProcess('bash', ['-c', line]);
  const [, status, body = ''] = /^HTTP\/\S+ (\d{3})[^]*?\r\n\r\n([^]*)$/.exec(stdout) ?? [];
  if (status === undefined) throw new Error(`${line}\n${stdout}\n${stderr}`);
  return { status: Number(status), body };
}

const PROBLEM = { status: 401 };
const WITH_CURL: readonly (readonly [name: string, body: RegExp, refusal: object])[] = [
  ['connect', /^hello admin$/m, PROBLEM],
  ['express', /"of":"orders-app"/, PROBLEM],
  ['gateway', /^\/orders\/1 for orders-app$/m, PROBLEM],
  ['passport-strategy', /^open for jensen$/m, PROBLEM],
  ['wasm-plugin', /^\/orders\/1 for user123$/m, { error: 'Missing API key' }],
];

test.each(WITH_CURL)('%s: one printed line passes, the other does not', async (name, body, refusal) => {
  const { example } = await startExample(name);
  await example.until(/^401: .+$/m);
  const lines = Array.from(example.output.matchAll(/^(\d{3}): (curl .+)$/gm), ([, status, line = '']) => ({
    status: Number(status),
    line,
  }));
  expect(lines.map(({ status }) => status)).toEqual([200, 401]);
  for (const { status, line } of lines) {
    const answer = await answerOf(line);
    expect({ line, status: answer.status }).toEqual({ line, status });
    if (status === 200) expect(answer.body).toMatch(body);
    else expect(JSON.parse(answer.body)).toMatchObject(refusal);
  }
  expect(await example.stop()).not.toBe(1);
});

test('express: a public route is open, and a handler with its own check is protected', async () => {
  const { url } = await startExample('express');
  const get = async (path: string, headers = {}) => (await fetch(url + path, { headers })).status;
  expect(await get('/public/hello')).toBe(200);
  expect(await get('/public/report')).toBe(401);
  expect(await get('/public/report', { 'x-api-key': 'sk_example_orders' })).toBe(200);
  expect(await get('/admin/users', { 'x-api-key': 'sk_example_orders' })).toBe(401);
  expect(await get('/admin/users', { authorization: `Basic ${btoa('admin:correct horse')}` })).toBe(200);
});

test('passport-strategy: the chain accepts the key on routes that do not require a badge', async () => {
  const { url } = await startExample('passport-strategy');
  const get = async (path: string) =>
    (await fetch(url + path, { headers: { 'x-api-key': 'sk_example_orders' } })).status;
  expect(await get('/lobby')).toBe(200);
  expect(await get('/doors/1')).toBe(401);
});

test('wasm-plugin: the AssemblyScript module decides like the Rust one; two keys are refused', async () => {
  const { example, port, url } = await startExample('wasm-plugin');
  await example.until(/^401: .+$/m);
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers });
    return [answer.status, await answer.text()];
  };
  for (const path of ['/orders/1', '/invoices/1']) {
    expect(await get(path, { 'x-api-key': 'sk_example_orders' })).toEqual([200, `${path} for user123\n`]);
    expect(await get(path, { 'x-api-key': 'sk_of_another' })).toEqual([403, '{"error": "Invalid API key"}']);
    expect(await get(path)).toEqual([401, '{"error": "Missing API key"}']);
    const twice = ['X-API-Key: sk_example_orders', 'X-API-Key: sk_example_orders'];
    expect(await askBytes(port, request('GET', path, twice))).toMatch(/^HTTP\/1\.1 400 /);
  }
  expect(await get('/public/1', { 'x-authenticated-user': 'admin' })).toEqual([200, '/public/1 for anybody\n']);
});

test('gateway: a signal to the example ends the gateway with it', async () => {
  const { example, url } = await startExample('gateway');
  expect((await fetch(`${url}/public/x`)).status).toBe(200);
  expect(await example.stop()).toBe(0);
  await expect(fetch(`${url}/public/x`)).rejects.toThrow();
});

describe('websocket', () => {
  /** The first message and the subprotocol, or the status of the refusal. */
  const connect = (url: string, protocols: string[], talk?: (socket: WebSocket) => void) =>
    new Promise<{ said: string; protocol: string } | { status: number }>((resolve, reject) => {
      const socket = new WebSocket(url, protocols);
      socket.on('open', () => talk?.(socket));
      socket.on('message', (data: Buffer) => {
        const said = data.toString();
        if (talk && said.startsWith('welcome')) return;
        socket.close();
        resolve({ said, protocol: socket.protocol });
      });
      socket.on('unexpected-response', (_req, res) => {
        res.resume();
        resolve({ status: res.statusCode ?? 0 });
      });
      socket.on('error', reject);
    });

  test('opens with the printed token and its subprotocol, and not without a token or with another one', async () => {
    const { example, port } = await startExample('websocket');
    const [, token = ''] = await example.until(/^token (\S+)$/m);
    const chat = `ws://127.0.0.1:${port}/chat`;
    expect(await connect(chat, ['bearer', token])).toEqual({ said: 'welcome alice', protocol: 'bearer' });
    const talk = (socket: WebSocket): void => socket.send('hi');
    expect(await connect(chat, ['bearer', token], talk)).toEqual({ said: 'alice: hi', protocol: 'bearer' });
    expect(await connect(chat, [])).toEqual({ status: 401 });
    const [head = '', claims = ''] = token.split('.');
    const forged = `${head}.${claims}.${'A'.repeat(43)}`;
    expect(await connect(chat, ['bearer', forged])).toEqual({ status: 401 });
    expect(await connect(`ws://127.0.0.1:${port}/elsewhere`, [])).toEqual({ status: 401 });
    // Admitted, but the host serves no socket there: the host's own response.
    expect(await connect(`ws://127.0.0.1:${port}/elsewhere`, ['bearer', token])).toEqual({ status: 400 });
    expect(await connect(`ws://127.0.0.1:${port}/`, [])).toEqual({ status: 400 });
    expect(await connect(chat, ['bearer', token])).toEqual({ said: 'welcome alice', protocol: 'bearer' });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });
});

test('every example is started here, and passes check', async () => {
  const entries = readdirSync(join(ROOT, 'examples'), { withFileTypes: true });
  // The monitoring files are not a program, and have their own test.
  const examples = entries.flatMap((entry) =>
    entry.isDirectory() && entry.name !== 'observability' ? [entry.name] : [],
  );
  expect(examples.sort()).toEqual([...WITH_CURL.map(([name]) => name), 'websocket'].sort());
  const cli = join(builtExample('express'), '../../../dist/cli/main.js');
  for (const name of examples) {
    const args = [cli, 'check', '--strict', join(ROOT, 'examples', name, 'loom.yaml')];
    const strategies = name === 'passport-strategy' ? ['--strategy', 'badge'] : [];
    const env = { CHAT_SECRET: 'not-a-secret-but-long-enough-for-HS256' };
    const { code, stdout } = await runProcess(NODE, [...args, ...strategies], { env });
    expect({ name, code, stdout }).toMatchObject({ code: 0 });
  }
});
