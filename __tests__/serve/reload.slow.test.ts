/** What a reload of the gateway changes beside its table: listeners, plugins, the level of the log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve, type Gatekeeper } from '../../src/serve/serve.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';
import { until } from '../support/until.js';
import { data, fromWat, pluginWat } from '../support/wat.js';
import { makeTlsFiles, type TlsFiles } from './tls-files.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-reload-'));
const path = join(folder, 'loom.yaml');
let files: TlsFiles;
beforeAll(() => (files = makeTlsFiles()));
const backend = createServer((req, res) => res.end(String(req.headers['x-authenticated-user'] ?? 'nobody')));
let upstream = 0;
beforeAll(async () => (upstream = await listening(backend)));
const running: Gatekeeper[] = [];
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop({ timeout: 0 }))));
afterAll(async () => {
  await closed(backend);
  files.remove();
  rmSync(folder, { recursive: true, force: true });
});

const rest = (): string => `
routes: [{ id: all, path: /*, upstream: backend, auth: none }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`;
const listenersAt = (...listeners: readonly string[]): string => `listeners: [${listeners.join(', ')}]${rest()}`;
const plain = (port: number, more = ''): string => `{ address: "127.0.0.1:${port}"${more} }`;
const secure = (port: number, more = ''): string =>
  `{ address: "127.0.0.1:${port}", tls: { cert_file: "${files.path('server.crt')}", key_file: "${files.path('server.key')}"${more} } }`;

async function start(text: string, watch = false) {
  writeFileSync(path, text);
  const log = quietLog();
  const gateway = await serve(path, { log, watch });
  running.push(gateway);
  const reload = (next: string): Promise<unknown> => (writeFileSync(path, next), gateway.reload());
  return { gateway, log, reload };
}

const answers = (port: number, tls = false): Promise<number> =>
  ask({ port, headers: { Connection: 'close' }, ...(tls && { tls: { ca: files.read('ca.crt') } }) }).then(
    ({ status }) => status,
    () => 0,
  );

test('listeners come and go with the file, and those that stay are not interrupted', async () => {
  const [one = 0, two = 0] = await freePorts(2);
  const { gateway, reload } = await start(listenersAt(plain(one)));
  await reload(listenersAt(plain(one), secure(two)));
  expect([await answers(one), await answers(two, true)]).toEqual([200, 200]);
  expect(gateway.listening.map(({ port, protocol }) => [port, protocol])).toEqual([
    [one, 'http'],
    [two, 'https'],
  ]);
  await reload(listenersAt(secure(two)));
  expect([await answers(one), await answers(two, true)]).toEqual([0, 200]);
});

test('a listener that is another one by now is opened again at its address', async () => {
  const [port = 0] = await freePorts(1);
  const { gateway, reload } = await start(listenersAt(plain(port)));
  const asking = listenersAt(secure(port, `, client_auth: request, ca_file: "${files.path('ca.crt')}"`));
  await reload(
    asking.replace('routes: [', 'routes: [{ id: named, path: /named, upstream: backend, auth: { mtls: true } }, '),
  );
  await until(() => gateway.listening.length === 1);
  expect(gateway.listening).toMatchObject([{ port, protocol: 'https' }]);
  expect([await answers(port), await answers(port, true)]).toEqual([0, 200]);
});

test('a port that is taken, or a certificate that cannot be used, leaves everything as it was', async () => {
  const other = createServer();
  const [taken, [port = 0, free = 0]] = [await listening(other), await freePorts(2)];
  const { gateway, reload } = await start(listenersAt(plain(port)));
  await expect(reload(listenersAt(plain(free), plain(taken)))).rejects.toMatchObject({ code: 'LOOM_PORT' });
  await expect(reload(listenersAt(plain(free), secure(port).replace('server.key', 'ca.key')))).rejects.toMatchObject({
    code: 'LOOM_TLS',
  });
  expect([await answers(port), await answers(free)]).toEqual([200, 0]);
  expect(gateway.listening).toMatchObject([{ port }]);
  await closed(other);
});

describe('plugins', () => {
  /** Names the caller after a text of its own. */
  const naming = (name: string): string =>
    pluginWat({
      imports: '(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))',
      body: [data(1024, 'x-authenticated-user'), data(1064, name)].join('\n'),
      onRequest: `(drop (call $add (i32.const 0) (i32.const 1024) (i32.const 20) (i32.const 1064) (i32.const ${name.length}))) (i32.const 0)`,
    });
  const withPlugin = (port: number, more = ''): string =>
    listenersAt(plain(port)).replace('auth: none', 'auth: { guard: true }') +
    `plugins: [{ name: guard, path: guard.wasm${more} }]\n`;

  test.each(['thread', 'inline'])(
    '%s: the old pool serves until the new one is ready, and a bad module changes nothing',
    async (isolation) => {
      const module = join(folder, 'guard.wasm');
      writeFileSync(module, await fromWat(naming('ada')));
      const [port = 0] = await freePorts(1);
      const text = withPlugin(port, isolation === 'inline' ? ', isolation: inline' : '');
      const { reload } = await start(text);
      const names = new Set<string>();
      const statuses = new Set<number>();
      let over = false;
      const knocking = (async () => {
        while (!over) {
          const { status, body } = await ask({ port });
          statuses.add(status);
          names.add(body);
        }
      })();
      await until(() => names.has('ada'));
      writeFileSync(module, await fromWat(naming('bob')));
      await reload(text);
      await until(() => names.has('bob'));
      writeFileSync(module, 'no module');
      await expect(reload(text)).rejects.toThrow(/plugins\[0\]/);
      over = true;
      await knocking;
      expect([...statuses]).toEqual([200]);
      expect([...names]).toEqual(['ada', 'bob']);
      expect((await ask({ port })).body).toBe('bob');
    },
  );

  test('one whose configuration is refused changes nothing', async () => {
    const module = join(folder, 'guard.wasm');
    writeFileSync(module, await fromWat(naming('ada')));
    const [port = 0] = await freePorts(1);
    const { reload } = await start(withPlugin(port));
    const refusing = naming('bob').replace(
      /\)\s*$/,
      '(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0)))',
    );
    writeFileSync(module, await fromWat(refusing));
    await expect(reload(withPlugin(port))).rejects.toThrow();
    expect((await ask({ port })).body).toBe('ada');
  });
});

test('the log of the file takes its level anew', async () => {
  const [port = 0] = await freePorts(1);
  writeFileSync(path, `${listenersAt(plain(port))}logging: { level: silent }\n`);
  const gateway = await serve(path, { watch: false });
  running.push(gateway);
  expect((gateway.log as { level?: string }).level).toBe('silent');
  writeFileSync(path, `${listenersAt(plain(port))}logging: { level: fatal }\n`);
  await gateway.reload();
  expect((gateway.log as { level?: string }).level).toBe('fatal');
});

test('a file that changes is taken once it is still, and once', async () => {
  const [port = 0] = await freePorts(1);
  const { log } = await start(listenersAt(plain(port)), true);
  const taken = (): number => log.entries.filter(({ words }) => words === 'the configuration was reloaded').length;
  const text = listenersAt(plain(port)).replace('path: /*', 'path: /new/*');
  for (let at = 10; at < text.length; at += 40) writeFileSync(path, text.slice(0, at));
  writeFileSync(path, text);
  await until(() => taken() > 0);
  expect((await ask({ port, path: '/new/x' })).status).toBe(200);
  expect((await ask({ port, path: '/old' })).status).toBe(404);
  expect(log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  expect(taken()).toBe(1);
});
