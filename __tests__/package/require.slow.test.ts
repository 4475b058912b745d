/** The build for `require`: where it is loaded, what it shares with the ES modules, and what it loads. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { builtForRequire, NODE, ROOT } from '../support/built.js';
import { runProcess } from '../support/process.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-require-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEY = 'sk_test_0123456789abcdef0123456789abcdef';
const FILE = `{ text: 'middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: orders }], claims_to_headers: { name: X-Remote-User } }, chain: [api_key] } }', file: 'loom.yaml' }`;

beforeAll(() => {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(builtForRequire(), join(modules, 'loom-auth'));
  for (const name of ['bcryptjs', 'express', 'supertest']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
});

async function run(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
  const { code, stdout, stderr } = await runProcess(NODE, args, {
    cwd: folder,
    env: { NODE_OPTIONS: undefined, ...env },
  });
  expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
  return stdout + stderr;
}

test('a plain Jest with CommonJS loads the package and every auth method', async () => {
  cpSync(join(__dirname, 'in-jest/methods.jest.cjs'), join(folder, 'methods.jest.cjs'));
  writeFileSync(join(folder, 'jest.config.json'), '{ "testMatch": ["**/*.jest.cjs"], "transform": {} }');
  const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
  const PLUGIN = join(ROOT, 'examples/wasm-plugin/auth-rust.wasm');
  const said = await run([jest, '--config', 'jest.config.json'], { JEST_WORKER_ID: undefined, CI: '1', PLUGIN });
  expect(said).toMatch(/Tests: +8 passed, 8 total/);
  // Jest says so if a timer, a thread or a socket is left.
  expect(said).not.toMatch(/did not exit/);
});

test('require and import of Node give one copy', async () => {
  const script = `import('loom-auth').then((all) => console.log(all.loom === require('loom-auth').loom))`;
  expect(await run(['-e', script])).toBe('true\n');
});

test('a Node that cannot require ES modules loads the build for require', async () => {
  const script = `console.log(typeof require('loom-auth').loom(${FILE}), require.resolve('loom-auth').endsWith('index.cjs'))`;
  expect(await run(['--no-experimental-require-module', '-e', script])).toBe('function true\n');
});

/** Two gates of two copies guard one server, with the build for `require` first or second. */
const TWO_COPIES = `
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { once } from 'node:events';
import * as modules from 'loom-auth';
const bundle = createRequire(import.meta.url)(process.env.BUNDLE);
const [first, second] = process.env.ORDER === 'bundle' ? [bundle, modules] : [modules, bundle];
const log = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, () => {}]));
const [outer, inner] = [first.loom(${FILE}, { log }), second.loom(${FILE}, { log })];
const server = createServer((req, res) =>
  outer(req, res, () => {
    const between = second.identitiesOf(req).map(({ subject }) => subject);
    inner(req, res, () => res.end(JSON.stringify({
      between,
      after: first.identitiesOf(req).map(({ subject }) => subject),
      caller: req.auth.subject,
      header: [req.headers['x-remote-user'], req.headersDistinct['x-remote-user'], req.rawHeaders.filter((_, at) => /remote/i.test(req.rawHeaders[at - 1] ?? ''))],
    })));
  }),
).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = 'http://127.0.0.1:' + server.address().port;
const ask = async (headers) => {
  const answer = await fetch(url, { headers });
  return [answer.status, await answer.json()];
};
const [status, body] = await ask({ 'X-API-Key': '${KEY}', 'X-Remote-User': 'admin', 'x_remote_user': 'admin' });
const [refused] = await ask({ 'X-API-Key': 'wrong', 'X-Remote-User': 'admin' });
let thrown;
try { second.loom({ text: 'unknown: 1', file: 'f' }); } catch (error) { thrown = error instanceof first.ConfigError; }
console.log(JSON.stringify({ copies: first.loom !== second.loom, status, body, refused, thrown }));
server.close();
server.closeAllConnections();
`;

test.each(['bundle', 'modules'])('two copies agree on the caller and on its headers: %s first', async (ORDER) => {
  const BUNDLE = join(builtForRequire(), 'dist/index.cjs');
  writeFileSync(join(folder, 'two.mjs'), TWO_COPIES);
  expect(JSON.parse(await run(['two.mjs'], { ORDER, BUNDLE }))).toEqual({
    copies: true,
    status: 200,
    body: {
      between: ['orders'],
      after: ['orders'],
      caller: 'orders',
      header: ['orders', ['orders'], ['orders']],
    },
    refused: 401,
    thrown: true,
  });
});

test('the build for require loads the packages of the auth methods in use, and no other', async () => {
  const script = `
    require(process.env.BUNDLE).loom(${FILE});
    const names = Object.keys(require.cache).map((path) => /.*node_modules\\/((?:@[^/]+\\/)?[^/.][^/]*)\\//.exec(path)?.[1]);
    console.log(JSON.stringify([...new Set(names)]));`;
  const BUNDLE = join(builtForRequire(), 'dist/index.cjs');
  const loaded = JSON.parse(await run(['-e', script], { BUNDLE })) as string[];
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
  expect(loaded.filter((name) => name in dependencies).sort()).toEqual([
    'lru-cache',
    'passport-headerapikey',
    'passport-strategy',
    'pino',
    'yaml',
    'zod',
  ]);
});

test('every package in the build for require has its license beside it', () => {
  const home = builtForRequire();
  const dist = join(home, 'dist');
  const inside = readFileSync(join(dist, 'index.cjs'), 'utf8').matchAll(/^\/\/ (\S+\.[cm]?js)$/gm);
  const paths = [...inside].map(([, path = '']) => resolve(home, path));
  const names = new Set(paths.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(path)?.[1] ?? []));
  const licenses = readFileSync(join(dist, 'index.cjs.LICENSES.txt'), 'utf8');
  expect([...names]).toEqual(expect.arrayContaining(['http-proxy-middleware', 'jose', 'jwks-rsa']));
  expect([...names].filter((name) => !licenses.includes(`${name} `))).toEqual([]);
});
