/** `loom-auth check` on plugins: what each is, what it may have and ask for, and which routes it guards. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/built.js';
import { producers, withProducers } from '../support/producers.js';
import { fromWat, pluginWat } from '../support/wat.js';
import { folder, loomAuth, write } from './command.js';

const FILE = `
plugins:
  - name: rust
    path: auth-rust.wasm
    memory_limit: 4MB
    timeout: 20ms
    workers: 2
    upstreams: [directory]
  - name: script
    path: auth-assemblyscript.wasm
    isolation: inline
    identity_headers: [X-Subject, X-Team]
    credential_headers: [X-API-Key]
middleware:
  auth:
    chain: [rust, script]
    require_any: true
routes:
  - { id: one, path: /one/*, auth: { plugin: rust } }
  - { id: two, path: /two/*, auth: none, plugins: [script] }
  - { id: chained, path: /chained/* }
  - { id: public, path: /public/*, auth: none }
upstreams:
  - { name: directory, endpoints: ["127.0.0.1:9"] }
`;

const REPORT = `
ROUTE       PATH        METHODS  WHO MAY PASS    IDENTITY HEADERS
one         /one/*      any      rust            X-Authenticated-User
two         /two/*      any      script          X-Subject, X-Team
chained     /chained/*  any      rust or script  X-Authenticated-User, X-Subject, X-Team
public      /public/*   any      PUBLIC
(no route)  /*          any      rust or script  X-Authenticated-User, X-Subject, X-Team

rust (WASM plugin)
  abi        0.2.1
  sdk        proxy-wasm 0.2.2, rustc 1.63.0
  memory     1088 KiB at start, at most 3904 KiB
  isolation  2 of 3 threads, 20 ms a callback
  phase      on_request_headers
  throttle   20 failures in 60 s from one address
  calls      directory
  imports    proxy_add_header_map_value, proxy_close_stream, <…>, proxy_set_property
  wasi       environ_get, environ_sizes_get, fd_write, proc_exit
  headers    x-authenticated-user -> X-Authenticated-User
  routes     one, chained

script (WASM plugin)
  read from  X-Api-Key: <credential>
  abi        0.2.1
  sdk        @gcoredev/proxy-wasm-sdk-as, AssemblyScript
  memory     64 KiB at start, at most 15616 KiB
  isolation  inline
  phase      on_request_headers
  throttle   20 failures in 60 s from one address
  calls      nothing
  imports    proxy_add_header_map_value, proxy_get_buffer_bytes, <…>, proxy_set_effective_context
  wasi       fd_write, proc_exit
  headers    x-subject -> X-Subject, x-team -> X-Team
  routes     two, chained

0 errors, 0 warnings
`.trimStart();

beforeAll(() => {
  for (const name of ['auth-rust.wasm', 'auth-assemblyscript.wasm']) {
    copyFileSync(join(ROOT, 'examples/wasm-plugin', name), join(folder, name));
  }
});

test('each plugin is shown with its ABI, SDK, memory, imports and routes', async () => {
  write('plugins.yaml', FILE);
  const { code, stdout, stderr } = await loomAuth(['check', '--strict', 'plugins.yaml']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.replace(/^( {2}imports +(?:\w+, ){2}).+(, \w+)$/gm, '$1<…>$2')).toBe(REPORT);
});

test('--json has the same, a row of a name and a text each', async () => {
  write('plugins.yaml', FILE);
  const { stdout } = await loomAuth(['check', '--json', 'plugins.yaml']);
  const { access } = JSON.parse(stdout) as {
    access: { methods: { name: string; summary: object; routes: string[] }[] };
  };
  expect(access.methods.map(({ name, routes }) => [name, routes])).toEqual([
    ['rust', ['one', 'chained']],
    ['script', ['two', 'chained']],
  ]);
  expect(access.methods[0]?.summary).toEqual(
    expect.arrayContaining([
      ['abi', '0.2.1'],
      ['wasi', 'environ_get, environ_sizes_get, fd_write, proc_exit'],
    ]),
  );
});

test('a module without a producers section is still listed', async () => {
  writeFileSync(join(folder, 'bare.wasm'), await fromWat(pluginWat({ abi: '0_1_0' })));
  write(
    'bare.yaml',
    'plugins: [{ name: bare, path: bare.wasm }]\nroutes: [{ id: a, path: /a, auth: { bare: true } }]\n',
  );
  const { stdout } = await loomAuth(['check', 'bare.yaml']);
  expect(stdout).toContain(`
bare (WASM plugin)
  abi        0.1.0
  memory     128 KiB at start, at most 15616 KiB`);
  expect(stdout).toMatch(/^ {2}imports {4}nothing\n {2}wasi {7}nothing$/m);
});

test('control characters in import names and producer names of a module do not reach the terminal', async () => {
  const named = async (name: string): Promise<Uint8Array> =>
    fromWat(pluginWat({ imports: `(import "env" "${name}" (func (param i32) (result i32)))` }));
  const module = await named('proxy_log');
  const loud = withProducers(module, producers([['processed-by', [['\u001b[31mrustc', '1.0']]]]));
  writeFileSync(join(folder, 'loud.wasm'), loud);
  write(
    'loud.yaml',
    'plugins: [{ name: loud, path: loud.wasm }]\nroutes: [{ id: a, path: /a, auth: { loud: true } }]\n',
  );
  const told = await loomAuth(['check', 'loud.yaml']);
  expect(told.code).toBe(0);
  expect(told.stdout).not.toMatch(/^ {2}sdk/m);
  writeFileSync(join(folder, 'loud.wasm'), await named('proxy_\\1b[31m\\0d\\0a'));
  const refused = await loomAuth(['check', 'loud.yaml']);
  expect(refused).toMatchObject({ code: 1, stdout: expect.stringMatching(/plugins\[0\]\.path/) as string });
  for (const { stdout } of [told, refused]) expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
});
