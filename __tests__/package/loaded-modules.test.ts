/** What a start loads: a fresh process imports the built package, and Node reports each module that it loads. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspectRuntime } from '../../src/lib/runtime.js';
import { built, NODE, ROOT } from '../support/built.js';
import { runProcess } from '../support/process.js';

const API_KEYS = `
middleware:
  auth:
    api_key: { keys: [{ key: sk_test_0123456789abcdef0123456789abcdef, name: orders }] }
    chain: [api_key]
routes: [{ id: public, path: /public/*, auth: none }, { id: orders, path: /orders/* }]
`;

interface Loaded {
  /** The packages, and the folders of our own `dist`. */
  readonly names: readonly string[];
  /** The files of our own `dist`. */
  readonly files: readonly string[];
  /** The modules of Node itself, by the names in `process.moduleLoadList`. */
  readonly ofNode: readonly string[];
}

/** What a process loads for `act`. */
async function loadedBy(act: string): Promise<Loaded> {
  const script = `
    import { registerHooks } from 'node:module';
    const urls = new Set();
    registerHooks({ load: (url, context, next) => (urls.add(url), next(url, context)) });
    const loom = await import('loom-auth');
    ${act}
    const names = [...urls].flatMap((url) => {
      const [, packageName] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/.][^/]*)\\//.exec(url) ?? [];
      const [, folder] = /\\/loom-auth\\/dist\\/([^/]+)\\//.exec(url) ?? [];
      return folder ? ['dist/' + folder] : (packageName ?? []);
    });
    const files = [...urls].flatMap((url) => /\\/loom-auth\\/dist\\/(.+)$/.exec(url)?.[1] ?? []);
    const loaded = { names: [...new Set(names)].sort(), files: files.sort(), ofNode: process.moduleLoadList };
    console.log(JSON.stringify(loaded));
    process.exit(0);
  `;
  const cwd = join(dirname(built()), '../..');
  const { code, stdout, stderr } = await runProcess(NODE, ['--input-type=module', '-e', script], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Loaded;
}

const loom = (text: string): string => `loom.loom({ text: ${JSON.stringify(text)}, file: 'loom.yaml' });`;
const DEMO_ONLY = ['@peculiar/x509', 'reflect-metadata', 'dist/demo', 'dist/cli'];

test('a file with API keys alone loads the packages that every file needs, and no other', async () => {
  const { names: loaded } = await loadedBy(loom(API_KEYS));
  const ours = loaded.filter((each) => each.startsWith('dist/'));
  const direct = Object.keys(
    (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }).dependencies,
  );
  expect(loaded.filter((each) => direct.includes(each))).toEqual([
    'lru-cache',
    'passport-headerapikey',
    'passport-strategy',
    'pino',
    'yaml',
    'zod',
  ]);
  for (const folder of ['certificates', 'demo', 'admin', 'cli', 'redis', 'tokens', 'wasm'])
    expect(ours).not.toContain(`dist/${folder}`);
});

/** Each file costs a start a third of a millisecond. Load a part that few configurations need with `require`. */
const MOST_FILES = 168;
/** The file of `bench/start.mjs`. */
const SMALLEST = `middleware: { auth: { api_key: { keys: [{ key: sk_test_0123456789abcdef, name: a }] }, chain: [api_key] } }`;

test(`a file with one API key loads at most ${MOST_FILES} files of our own, and no fetch of Node`, async () => {
  const { files, ofNode } = await loadedBy(loom(SMALLEST));
  expect(files).toContain('auth/methods/api-key/api-key.js');
  // The message of a failure is the list.
  expect(files.length > MOST_FILES ? files : []).toEqual([]);
  // An ESM import of `node:http`, `node:util` or `node:fs` reads every export, and these exports load more modules.
  for (const name of [
    'internal/deps/undici/undici',
    'http2',
    'internal/fs/promises',
    'internal/util/parse_args/parse_args',
  ])
    expect(ofNode).not.toContain(`NativeModule ${name}`);
});

test.each([
  [
    'jwt',
    '{ jwt: { secret: 0123456789abcdef0123456789abcdef, algorithm: HS256, issuer: a.example, audience: b.example }, chain: [jwt] }',
    'passport-jwt',
  ],
  [
    'metrics',
    '{ api_key: { keys: [{ key: sk_test_0123456789abcdef, name: a }] }, chain: [api_key] } }\nmetrics: {',
    'prom-client',
  ],
])('twin: a file with %s loads what it needs', async (_what, auth, name) => {
  const { names } = await loadedBy(loom(`middleware: { auth: ${auth} }\n`));
  expect(names).toContain(name);
});

test.each([
  ['', 'http-proxy-middleware', 'undici'],
  ['proxy: { engine: undici }', 'undici', 'http-proxy-middleware'],
])('a file with an upstream and "%s" loads %s and not %s', async (proxy, loaded, other) => {
  const auth =
    'middleware: { auth: { api_key: { keys: [{ key: sk_test_0123456789abcdef, name: a }] }, chain: [api_key] } }';
  const routes = `${auth}\nroutes: [{ path: /keys/*, upstream: far }]`;
  const { names } = await loadedBy(loom(`${proxy}\n${routes}\nupstreams: [{ name: far, endpoints: ["127.0.0.1:9"] }]`));
  expect(names).toContain(loaded);
  expect(names).not.toContain(other);
});

test('serve loads the listeners, and never the libraries of the demo', async () => {
  const { names: loaded } = await loadedBy(`await loom.serve({ text: '', file: 'loom.yaml' }).catch(() => undefined);`);
  expect(loaded).toContain('dist/serve');
  expect(loaded).toContain('dist/runtime');
  expect(loaded.filter((each) => DEMO_ONLY.includes(each))).toEqual([]);
});

test('engines and the runtime floor are the same', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  const accepts = (version: string): boolean => inspectRuntime({ version, env: {}, execArgv: [] }).errors.length === 0;
  const floors = engines.node.split(' || ').map((range) => range.replace(/^\D+/, ''));
  expect(floors).toHaveLength(3);
  for (const floor of floors) {
    const [major = 0, minor = 0, patch = 0] = floor.split('.').map(Number);
    expect([floor, accepts(`v${floor}`)]).toEqual([floor, true]);
    expect([floor, accepts(`v${major}.${minor + 1}.0`)]).toEqual([floor, true]);
    const below = patch > 0 ? `v${major}.${minor}.${patch - 1}` : `v${major}.${minor - 1}.99`;
    expect([below, accepts(below)]).toEqual([below, false]);
    expect(accepts(`v${major - 1}.99.99`)).toBe(false);
  }
  expect(engines.node).toMatch(/^\^22\.\S+ \|\| \^24\.\S+ \|\| >=26\./);
  expect(accepts('v27.0.0')).toBe(true);
});
