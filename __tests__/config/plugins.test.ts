/** `plugins` of a file: each a method by its name, required where the file says, and wrong in words with a place. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe as inWords } from '../../src/auth/requirement.js';
import { fromWat, pluginWat } from '../support/wat.js';
import { API_KEY, compile, diagnose, errorsOf, JWT, warningsOf } from './files.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-plugins-'));
const at = (name: string): string => join(folder, name);
let good: Uint8Array;

beforeAll(async () => {
  good = await fromWat(pluginWat());
  const modules: Readonly<Record<string, Uint8Array | string>> = {
    'good.wasm': good,
    'text.wasm': 'not a module',
    'cut.wasm': good.subarray(0, good.length - 3),
    'old.wasm': await fromWat(pluginWat({ abi: '0_0_1' })),
    'unmarked.wasm': await fromWat(pluginWat().replace('proxy_abi_version_0_2_1', 'something')),
    'import.wasm': await fromWat(pluginWat({ imports: '(import "env" "open_file" (func (param i32)))' })),
    'silent.wasm': await fromWat(pluginWat().replace('proxy_on_request_headers', 'proxy_on_something')),
    'large.wasm': await fromWat(pluginWat({ memory: '(memory (export "memory") 300)' })),
    'bodies.wasm': await fromWat(
      pluginWat({ body: '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))' }),
    ),
  };
  for (const [name, bytes] of Object.entries(modules)) writeFileSync(at(name), bytes);
});
afterAll(() => rmSync(folder, { recursive: true }));

const guard = (more = ''): string => `{name: guard, path: "${at('good.wasm')}"${more}}`;
const file = (routes: string, { auth = `jwt: ${JWT}, api_key: ${API_KEY}`, plugins = [guard()] } = {}): string =>
  `plugins: [${plugins.join(', ')}]\nmiddleware: {auth: {${auth}}}\nroutes:\n  - {path: /keep, auth: {methods: [jwt, api_key, guard]}}\n${routes}`;

const requirementOf = (auth: string, global?: string): string =>
  inWords(
    compile(file(`  - {path: /a${auth === '' ? '' : `, ${auth}`}}`, { auth: global })).plan.routes[1]!.requirement,
  );

describe('a plugin is a method', () => {
  const chain = `jwt: ${JWT}, api_key: ${API_KEY}, chain: [jwt, guard], require_any: true`;
  const everywhere = `jwt: ${JWT}, api_key: ${API_KEY}, plugin: guard`;

  test.each([
    ['auth: {guard: true}', undefined, 'guard'],
    ['auth: {plugin: guard}', undefined, 'guard'],
    ['auth: {plugin: guard, jwt: true, require_any: true}', undefined, 'guard or jwt'],
    ['auth: {methods: [jwt, guard]}', undefined, 'jwt or guard'],
    ['auth: {methods: [guard, jwt], require_any: false}', undefined, 'guard and jwt'],
    ['auth: {require: false, methods: [guard]}', undefined, 'optional guard'],
    ['', chain, 'jwt or guard'],
    ['auth: {jwt: true}, plugins: [guard]', undefined, 'jwt and guard'],
    ['auth: {methods: [jwt, api_key]}, plugins: [guard]', undefined, '(jwt or api_key) and guard'],
    ['auth: {require: false, methods: [jwt]}, plugins: [guard]', undefined, '(optional jwt) and guard'],
    ['plugins: [guard]', undefined, 'guard'],
    ['auth: none, plugins: [guard]', undefined, 'guard'],
    ['auth: {guard: true}, plugins: [guard]', undefined, 'guard'],
    ['plugins: [guard]', chain, '(jwt or guard) and guard'],
    ['', everywhere, 'guard'],
    ['auth: {jwt: true}', everywhere, 'jwt and guard'],
    ['auth: none', everywhere, 'PUBLIC'],
    ['auth: {require: false}', everywhere, 'PUBLIC'],
  ])('%s requires %j: %s', (auth, global, words) => {
    const found = requirementOf(auth, global);
    expect(found.replaceAll(/\((optional jwt)\)/g, '$1')).toBe(words.replaceAll(/\((optional jwt)\)/g, '$1'));
  });

  test('of several the higher priority runs first, then the order of the file', () => {
    const plugins = [guard(), guard(', priority: 5').replace('guard', 'high'), guard().replace('guard', 'last')];
    const text = file('  - {path: /a, auth: {jwt: true}, plugins: [last, guard, high]}', { plugins });
    expect(inWords(compile(text).plan.routes[1]!.requirement)).toBe('jwt and high and guard and last');
  });

  test('its headers are identity headers, on routes that never name it as well', () => {
    const { plan } = compile(file('', { plugins: [guard(', identity_headers: [X-Guarded-User]')] }));
    expect(plan.identityHeaders).toContain('X-Guarded-User');
  });

  test('as middleware what no route matches requires it too, where it is required everywhere', () => {
    expect(compile(file('', { auth: everywhere })).plan.unmatched).toEqual({ kind: 'method', name: 'guard' });
    expect(compile(file('')).plan.unmatched).toBeUndefined();
  });
});

describe('a mistake is told with its place', () => {
  const module = (name: string, more = ''): string[] => [`{name: guard, path: "${at(name)}"${more}}`];

  test.each([
    ['no such file', module('none.wasm'), 'plugins[0].path', /there is no such file/],
    ['a folder', module('.'), 'plugins[0].path', /directory/],
    ['a text', module('text.wasm'), 'plugins[0].path', /is not a WebAssembly module/],
    ['a module that is cut', module('cut.wasm'), 'plugins[0].path', /cut short/],
    ['another ABI', module('old.wasm'), 'plugins[0].path', /built for ABI 0\.0\.1/],
    ['no ABI', module('unmarked.wasm'), 'plugins[0].path', /no proxy_abi_version/],
    ['an import of nobody', module('import.wasm'), 'plugins[0].path', /imports env\.open_file/],
    ['no callback', module('silent.wasm'), 'plugins[0].path', /would let everybody in/],
    ['more memory than allowed', module('large.wasm'), 'plugins[0].path', /more than its limit/],
    [
      'another digest',
      module('good.wasm', `, sha256: "${'0'.repeat(64)}"`),
      'plugins[0].sha256',
      /not that of the file/,
    ],
    [
      'bodies that it does not read',
      module('good.wasm', ', phase: on_request_body'),
      'plugins[0].phase',
      /on_request_body/,
    ],
    [
      'a phase of responses',
      module('good.wasm', ', phase: on_response_headers'),
      'plugins[0].phase',
      /before the response/,
    ],
    ['an unknown upstream', module('good.wasm', ', upstreams: [authz]'), 'plugins[0].upstreams[0]', /unknown upstream/],
    ['an unknown option', module('good.wasm', ', error_status: 500'), 'plugins[0].error_status', /unknown key/],
    ['an isolation that is none', module('good.wasm', ', isolation: none'), 'plugins[0].isolation', /worker or inline/],
    [
      'a header that frames',
      module('good.wasm', ', identity_headers: [Host]'),
      'plugins[0].identity_headers[0]',
      /cannot be/,
    ],
    ['the name of a method', [guard(), guard().replace('guard', 'jwt')], 'plugins[1].name', /something else/],
    ['a name twice', [guard(), guard()], 'plugins[1].name', /already/],
  ])('%s', (_what, plugins, path, words) => {
    const [error, ...others] = errorsOf(file('', { plugins }));
    expect(error).toMatchObject({ path, file: 'loom.yaml', line: 1 });
    expect(error?.column).toBeGreaterThan(10);
    expect(error?.message).toMatch(words);
    expect(others).toEqual([]);
  });

  test.each([
    ['  - {path: /a, plugins: [guardd]}', 'routes[1].plugins[0]', /unknown plugin "guardd".*guard/],
    ['  - {path: /a, plugins: [jwt]}', 'routes[1].plugins[0]', /unknown plugin/],
    ['  - {path: /a, plugins: []}', 'routes[1].plugins', /empty/],
    ['  - {path: /a, auth: {plugin: jwt}}', 'routes[1].auth.plugin', /unknown plugin/],
    ['  - {path: /a, auth: {plugin: guard, guard: true}}', 'routes[1].auth.plugin', /twice/],
    ['  - {path: /a, auth: {guard: {}}}', 'routes[1].auth.guard', /must not be empty/],
    ['  - {path: /a, auth: {guard: {names: [a]}}}', 'routes[1].auth.guard.names', /unknown key/],
    ['  - {path: /a, auth: {guard: false}}', 'routes[1].auth.guard', /opens nothing/],
    ['  - {path: /a, auth: {methods: [guard], plugin: guard}}', 'routes[1].auth.plugin', /beside methods/],
  ])('%s', (routes, path, words) => {
    const [error, ...others] = errorsOf(file(routes));
    expect([error?.path, others]).toEqual([path, []]);
    expect(error?.message).toMatch(words);
  });

  test('a plugin that does not exist is required by no chain and no policy', () => {
    const auth = `jwt: ${JWT}, api_key: ${API_KEY}`;
    expect(errorsOf(file('', { auth: `${auth}, plugin: other` }))[0]?.path).toBe('middleware.auth.plugin');
    expect(errorsOf(file('', { auth: `${auth}, chain: [other]` }))[0]?.path).toBe('middleware.auth.chain[0]');
  });

  test('a strategy of the host of the same name is one name too many', () => {
    const found = errorsOf(file(''), { strategies: ['guard'] });
    expect(found.map(({ path }) => path)).toContain('plugins[0].name');
  });

  test('a plugin that no route requires is a warning', () => {
    const text = `plugins: [${guard()}]\nmiddleware: {auth: {jwt: ${JWT}}}\nroutes: [{path: /a, auth: {jwt: true}}]`;
    expect(warningsOf(text).map(({ code, path }) => [code, path])).toContainEqual(['unused', 'plugins[0]']);
  });
});

test('the twin of every mistake loads: a digest, a phase with its callback, an upstream that there is', () => {
  const sha256 = createHash('sha256').update(good).digest('hex');
  const upstreams = '\nupstreams: [{name: authz, endpoints: ["127.0.0.1:9"]}]';
  const plugins = [
    guard(`, sha256: "${sha256}", upstreams: [authz], isolation: inline, config: {a: 1}, memory_limit: 1MB`),
    `{name: bodies, path: "${at('bodies.wasm')}", phase: on_request_body}`,
  ];
  const text = `${file('  - {path: /a, plugins: [bodies]}', { plugins })}${upstreams}`;
  expect(diagnose(text).filter(({ level }) => level === 'error')).toEqual([]);
});
