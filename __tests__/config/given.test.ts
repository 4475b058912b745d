/** What `loom()` and `serve()` accept as a file: each form works, or one sentence says what to pass. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../src/config/diagnostics.js';
import { loom, type Loom } from '../../src/loom.js';
import { serve } from '../../src/serve/serve.js';
import { quietLog } from '../support/quiet-log.js';

const CONTENT = {
  middleware: { auth: { api_key: { keys: [{ key: '${GIVEN_KEY}', name: 'alice' }] }, chain: ['api_key'] } },
  routes: [{ id: 'public', path: '/public/*', auth: 'none' }],
};
const TEXT = `middleware:
  auth: { api_key: { keys: [{ key: "\${GIVEN_KEY}", name: alice }] }, chain: [api_key] }
routes: [{ id: public, path: /public/*, auth: none }]
`;
const ENV = { GIVEN_KEY: 'k-1234567890abcdef' };
const HOW = /pass the path of the file, as in 'loom\.yaml', its text as \{ text: '…' \}, or its content as \{ config: /;

const folder = mkdtempSync(join(tmpdir(), 'loom-given-'));
const path = join(folder, 'loom.yaml');
const log = quietLog();
const opened: Loom[] = [];
const load = (source: unknown): Loom => {
  const gate = loom(source as string, { log });
  opened.push(gate);
  return gate;
};
const errorOf = (source: unknown): Error => {
  try {
    load(source);
  } catch (error) {
    return error as Error;
  }
  throw new Error('the source was accepted');
};

beforeAll(() => {
  writeFileSync(path, TEXT);
  process.env['GIVEN_KEY'] = ENV.GIVEN_KEY;
});
afterAll(async () => {
  delete process.env['GIVEN_KEY'];
  await Promise.all(opened.map((gate) => gate.close()));
  rmSync(folder, { recursive: true });
});

test.each([
  ['a path', () => path],
  ['a file: URL', () => pathToFileURL(path)],
  ['a file: URL as a string, as import.meta.resolve returns it', () => pathToFileURL(path).href],
  ['{ file }', () => ({ file: path })],
  ['{ file } with a URL and an environment', () => ({ file: pathToFileURL(path), env: ENV })],
  ['a YAML text', () => TEXT],
  ['{ text }', () => ({ text: TEXT })],
  ['{ text, file, env }', () => ({ text: TEXT, file: 'some.yaml', env: ENV })],
  ['{ config }', () => ({ config: CONTENT })],
  ['{ config, file, env }', () => ({ config: CONTENT, file: 'some.yaml', env: ENV })],
  ['the content as an object', () => CONTENT],
  ['the content from JSON', () => JSON.parse(JSON.stringify(CONTENT)) as unknown],
  ['an object without a prototype', () => Object.assign(Object.create(null) as object, CONTENT)],
  ['JSON text', () => ({ text: JSON.stringify(CONTENT) })],
])('%s is a file', (_what, source) => {
  const { plan } = load(source());
  expect(plan.unmatched).toEqual({ kind: 'method', name: 'api_key' });
  expect(plan.routes.map(({ id, requirement }) => [id, requirement.kind])).toEqual([['public', 'open']]);
});

test.each<[string, unknown, RegExp]>([
  ['undefined', undefined, HOW],
  ['null', null, HOW],
  ['a number', 1, HOW],
  ['a list', [CONTENT], HOW],
  ['a function', () => CONTENT, HOW],
  ['a promise', Promise.resolve(TEXT), /await it/],
  ['a Buffer', Buffer.from(TEXT), /toString\(\)/],
  ['a Map', new Map(Object.entries(CONTENT)), HOW],
  ['an empty string', '', HOW],
  ['an empty object', {}, HOW],
  ['an unknown key', { path: 'loom.yaml' }, HOW],
  ['a misspelled block', { midleware: CONTENT.middleware }, /did you mean "middleware"/],
  ['a file that is undefined', { file: undefined }, HOW],
  ['an environment alone', { env: ENV }, HOW],
  ['a text that is a Buffer', { text: Buffer.from(TEXT) }, /text must be a string, not a Buffer/],
  ['a config that is a text', { config: TEXT }, /config must be an object .* not a string/],
  ['a text beside a config', { text: TEXT, config: CONTENT }, /keep one/],
  ['blocks beside a text', { text: TEXT, routes: [] }, /"routes" cannot be beside/],
  ['an environment that is a text', { text: TEXT, env: 'A=b' }, /env must be an object/],
  ['an environment that is a list', { text: TEXT, env: ['A=b'] }, /env must be an object/],
  [
    'a variable that is a number',
    { text: TEXT, env: { GIVEN_KEY: 1 } },
    /env\.GIVEN_KEY must be a string, not a number/,
  ],
  ['a variable that is null', { text: TEXT, env: { GIVEN_KEY: null } }, /env\.GIVEN_KEY must be a string, not null/],
  ['a URL of the network', new URL('https://example.com/loom.yaml'), /must begin with "file:"/],
])('%s is a TypeError in one sentence', (_what, source, words) => {
  const error = errorOf(source);
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toMatch(words);
  expect(error.message).not.toMatch(/\n|k-1234567890abcdef/);
});

test.each(['middleware: { auth: { chain: [jwt] } }', '{"routes": []}'])(
  '%s is no path, and the error says so',
  (text) => {
    const error = errorOf(text);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/there is no such file; pass a text as \{ text: '…' \}$/);
  },
);

test('serve() reads the same forms', async () => {
  await expect(serve(undefined as unknown as string, { log })).rejects.toThrow(HOW);
  await expect(serve({ config: CONTENT, env: ENV }, { log })).rejects.toThrow(/upstream/);
});

test('reload() reads the same forms, and an object anew', async () => {
  const config = structuredClone(CONTENT);
  const gate = load({ config, env: ENV });
  config.routes.push({ id: 'more', path: '/public/more', auth: 'none' });
  await gate.reload();
  expect(gate.plan.routes).toHaveLength(2);
  await expect(gate.reload(null as unknown as string)).rejects.toThrow(HOW);
  await gate.reload({ config: CONTENT, env: ENV });
  expect(gate.plan.routes).toHaveLength(1);
});

test('env replaces the environment of the process', () => {
  expect(errorOf({ config: CONTENT, env: {} }).message).toMatch(/the variable GIVEN_KEY is not set/);
  expect(errorOf({ file: path, env: {} }).message).toMatch(/the variable GIVEN_KEY is not set/);
});

describe('an object', () => {
  const withRoute = (route: object): object => ({ ...CONTENT, routes: [{ path: '/a', auth: 'none', ...route }] });
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;

  test.each<[string, unknown, RegExp]>([
    ['undefined, which JSON would drop', undefined, /^\(object\):1:1 routes\[0\]\.auth: must not be undefined/],
    ['a date', new Date(), /routes\[0\]\.auth: must be a string.* not an instance of a class/],
    ['a function', () => 'none', /routes\[0\]\.auth: must be a string.* not a function/],
    ['NaN', Number.NaN, /routes\[0\]\.auth: .* not a number/],
    ['a big integer', 10n, /routes\[0\]\.auth: .* not a bigint/],
    ['a cycle', cyclic, /routes\[0\]\.auth\.self: this object contains itself/],
    ['a hole in a list', { methods: new Array(1) }, /routes\[0\]\.auth\.methods\[0\]: must not be undefined/],
    ['a symbol as a key', { [Symbol('jwt')]: true }, /routes\[0\]\.auth: a key must be a string/],
    ['__proto__', JSON.parse('{"__proto__": {"require": false}}'), /"__proto__" is no key/],
    ['an unknown method', { jwtt: true }, /routes\[0\]\.auth\.jwtt: unknown key; did you mean "jwt"/],
  ])('with %s is a ConfigError with the path', (_what, auth, words) => {
    const error = errorOf(withRoute({ auth }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(words);
  });

  test('is read once, so that a getter cannot show the checks another value', () => {
    let reads = 0;
    const route = {
      id: 'admin',
      path: '/admin',
      get auth() {
        reads += 1;
        return reads === 1 ? { api_key: true } : 'none';
      },
    };
    const gate = load({ ...CONTENT, routes: [route] });
    expect(reads).toBe(1);
    expect(gate.plan.routes[0]?.requirement.kind).toBe('method');
  });

  test('takes no option from a prototype', () => {
    const auth = Object.create({ require: false, methods: ['api_key'] }) as object;
    expect(errorOf(withRoute({ auth })).message).toMatch(/routes\[0\]\.auth: must be a string/);
  });
});
