/** Mistakes in what a file says of WASM plugins: all at once, each with its place. */
import { errorsOf, JWT, warningsOf } from './files.js';
import { file, path, plugin, removeModules, writeModules, type Given } from './plugin-files.js';

let digest = '';
beforeAll(async () => {
  digest = await writeModules();
});
afterAll(removeModules);

/** `line:column path: message`. */
const told = (given: Given | string): readonly string[] =>
  errorsOf(typeof given === 'string' ? given : file(given)).map(
    ({ line, column, path: where, message }) => `${line}:${column} ${where}: ${message}`,
  );

describe('a mistake is reported with its position:', () => {
  const broken = (name: string, more = ''): Given => ({ plugins: [`  - { name: one, path: "${path(name)}"${more} }`] });
  const at = (line: number, where: string, words: RegExp) => ({ line, where, words });

  test.each<[string, Given, ReturnType<typeof at>]>([
    ['no file', broken('none.wasm'), at(6, 'plugins[0].path', /none\.wasm: there is no such file/)],
    ['no module', broken('text.wasm'), at(6, 'plugins[0].path', /not a WebAssembly module/)],
    ['an empty file', broken('empty.wasm'), at(6, 'plugins[0].path', /not a WebAssembly module/)],
    ['a file that is cut short', broken('cut.wasm'), at(6, 'plugins[0].path', /cut short|not valid WebAssembly/)],
    ['another ABI', broken('abi.wasm'), at(6, 'plugins[0].path', /ABI 0\.9\.0/)],
    ['an unknown import', broken('import.wasm'), at(6, 'plugins[0].path', /env\.fork/)],
    ['an unknown part of WASI', broken('wasi.wasm'), at(6, 'plugins[0].path', /wasi_snapshot_preview1\.fork/)],
    ['no callback', broken('open.wasm'), at(6, 'plugins[0].path', /no proxy_on_request_headers/)],
    ['too much memory at the start', broken('large.wasm'), at(6, 'plugins[0].path', /more than its limit/)],
    [
      'what no guard can meter, inline',
      broken('vectors.wasm', ', isolation: inline'),
      at(6, 'plugins[0].path', /0xfd/),
    ],
    [
      'another digest',
      broken('good.wasm', `, sha256: "${'0'.repeat(64)}"`),
      at(6, 'plugins[0].sha256', /not that of the file/),
    ],
    [
      'a body that the module does not read',
      broken('good.wasm', ', phase: on_request_body'),
      at(6, 'plugins[0].phase', /proxy_on_request_body/),
    ],
    [
      'an unknown upstream',
      broken('good.wasm', ', upstreams: [v]'),
      at(6, 'plugins[0].upstreams[0]', /unknown upstream "v".*u/),
    ],
    ['an unknown key', broken('good.wasm', ', timeouts: 1s'), at(6, 'plugins[0].timeouts', /timeout/)],
    ['two of one name', { plugins: [plugin('one'), plugin('one')] }, at(7, 'plugins[1].name', /another plugin/)],
    ['the name of a method', { plugins: [plugin('jwt')] }, at(6, 'plugins[0].name', /jwt/)],
    ['the name of an option of auth', { plugins: [plugin('methods')] }, at(6, 'plugins[0].name', /methods/)],
    [
      'an unknown plugin of a route',
      { route: 'plugins: [on]' },
      at(3, 'routes[0].plugins[0]', /unknown plugin "on".*one/),
    ],
    ['a method among the plugins', { route: 'plugins: [jwt]' }, at(3, 'routes[0].plugins[0]', /unknown plugin "jwt"/)],
    [
      'an unknown plugin in auth',
      { route: 'auth: { plugin: on }' },
      at(3, 'routes[0].auth.plugin', /unknown plugin "on"/),
    ],
    [
      'a method as the plugin',
      { route: 'auth: { plugin: jwt }' },
      at(3, 'routes[0].auth.plugin', /unknown plugin "jwt"/),
    ],
    ['an unknown name as a method', { route: 'auth: { on: true }' }, at(3, 'routes[0].auth.on', /unknown/)],
    [
      'an unknown name among methods',
      { route: 'auth: { methods: [on] }' },
      at(3, 'routes[0].auth.methods[0]', /unknown method/),
    ],
    [
      'an unknown name in the chain',
      { auth: `{ jwt: ${JWT}, chain: [on] }` },
      at(1, 'middleware.auth.chain[0]', /unknown method/),
    ],
    [
      'an unknown plugin everywhere',
      { auth: `{ jwt: ${JWT}, plugin: on }` },
      at(1, 'middleware.auth.plugin', /unknown plugin "on"/),
    ],
    [
      'a plugin that is named twice',
      { route: 'auth: { plugin: one, one: true, require_any: true }' },
      at(3, 'routes[0].auth', /twice/),
    ],
    [
      'a plugin beside a method, any or all unsaid',
      { route: 'auth: { plugin: one, jwt: true }' },
      at(3, 'routes[0].auth', /require_any/),
    ],
    ['a narrowed plugin', { route: 'auth: { one: { audience: x } }' }, at(3, 'routes[0].auth.one', /./)],
    [
      'a narrowed plugin beside methods',
      { route: 'auth: { methods: [one, jwt], narrow: { one: { audience: x } } }' },
      at(3, 'routes[0].auth.narrow.one', /./),
    ],
    ['a plugin that is false', { route: 'auth: { one: false }' }, at(3, 'routes[0].auth.one', /false opens nothing/)],
    [
      'a block of a plugin under auth',
      { auth: `{ jwt: ${JWT}, one: { enabled: true } }`, route: 'auth: { one: true }' },
      at(1, 'middleware.auth.one', /./),
    ],
    [
      'an identity header that Loom needs',
      broken('good.wasm', ', identity_headers: [Host]'),
      at(6, 'plugins[0].identity_headers', /Host/),
    ],
    [
      'an empty list of identity headers',
      broken('good.wasm', ', identity_headers: []'),
      at(6, 'plugins[0].identity_headers', /empty/),
    ],
  ])('%s', (_what, given, expected) => {
    const found = told(given);
    const [line] = found;
    expect(line).toMatch(expected.words);
    expect(line).toMatch(new RegExp(`^${expected.line}:\\d+ `));
    expect(line).toContain(expected.where);
    expect(found).toHaveLength(1);
  });

  test('all of them at once, and none for a name that refers to a broken one', () => {
    const found = told({
      plugins: [`  - { name: one, path: "${path('text.wasm')}" }`, `  - { name: two, path: "${path('abi.wasm')}" }`],
      route: 'auth: { one: true }, plugins: [two]',
    });
    expect(found).toHaveLength(2);
  });

  test('a strategy of the host has the name already', () => {
    const [found, ...more] = errorsOf(file({}), { strategies: ['one'] });
    expect([found?.path, found?.message, more]).toEqual([
      'plugins[0].name',
      expect.stringMatching(/host application/),
      [],
    ]);
  });
});

test('twin: the right digest, an upstream that is there, all options', () => {
  const options = `, sha256: ${digest}, upstreams: [u], phase: on_request_headers, priority: -5, config: { a: 1 }, vm_config: x, root_id: r,
    memory_limit: 1MB, timeout: 20ms, pause_timeout: 1s, workers: 2, isolation: inline, env: { A: b }, identity_headers: [X-A, X-B],
    credential_headers: [X-Key], strip_credentials: false, max_body: 10KB, log_level: debug`;
  expect(told({ plugins: [plugin('one', options)], route: 'auth: { one: true }' })).toEqual([]);
  expect(
    warningsOf(file({ plugins: [plugin('one')], route: 'auth: { one: true }' })).map(({ message }) => message),
  ).toEqual([expect.stringMatching(/jwt/)]);
});
