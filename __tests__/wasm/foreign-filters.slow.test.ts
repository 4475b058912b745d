/** Filters of other people judge requests here: they need no identity, and their response callbacks are not called. */
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../support/attack-ground.js';
import { ROOT } from '../support/built.js';
import { freePorts } from '../support/ports.js';
import { closed } from '../support/recording-upstream.js';

const SOURCE = join(ROOT, '__tests__/fixtures/rust-filters');
const TARGET = 'wasm32-wasip1';
const folder = mkdtempSync(join(tmpdir(), 'loom-filters-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Why the filters cannot be built on this machine. */
function missing(): string | undefined {
  const { stdout, error } = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' });
  if (error) return 'no rustc on the path';
  return existsSync(join(stdout.trim(), 'lib/rustlib', TARGET, 'lib')) ? undefined : `rustc has no target ${TARGET}`;
}

const modules = join(folder, TARGET, 'release/examples');

/** Without a network, only crates that are already on the machine can be built. */
function build(): string | undefined {
  const args = ['build', '--release', '--examples', '--locked', '--target', TARGET, '--target-dir', folder];
  const faults = [['--offline'], []].map((more) => {
    if (existsSync(join(modules, 'http_config.wasm'))) return '';
    return spawnSync('cargo', [...args, ...more], { cwd: SOURCE, encoding: 'utf8' }).stderr;
  });
  return existsSync(join(modules, 'http_config.wasm')) ? undefined : faults.join('\n');
}

const lacking = missing() ?? build();
if (lacking !== undefined) console.warn(`the filters in Rust are not built: ${lacking}`);
const built = lacking === undefined ? describe : describe.skip;

const NAMES = ['http_headers', 'http_auth_random', 'http_body', 'http_config'] as const;

built.each(['worker', 'inline'])('the examples of the SDK for Rust, with isolation %s', (isolation) => {
  let ground: Ground;
  let httpbin: Server;
  let byte = 0;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    httpbin = createServer((_req, res) => res.end(Buffer.of(byte))).listen(port, '127.0.0.1');
    const plugin = (name: string): string =>
      `  - { name: ${name}, path: "${join(modules, `${name}.wasm`)}", isolation: ${isolation}, config: "a text", log_level: warn, timeout: 2s, upstreams: [httpbin] }`;
    const filter = (name: string): string =>
      `  - { id: ${name}, path: /${name.slice(5)}/*, upstream: backend, auth: { api_key: true }, plugins: [${name}] }`;
    ground = await openGround({
      routes: `${NAMES.map(filter).join('\n')}
  - { id: method, path: /method/*, upstream: backend, auth: { http_headers: true } }`,
      upstreams: `  - { name: httpbin, endpoints: ["127.0.0.1:${port}"] }`,
      top: `plugins:\n${NAMES.map(plugin).join('\n')}`,
    });
  }, 600_000);
  afterAll(async () => {
    await closeGrounds().finally(() => closed(httpbin));
  });

  const KEY_LINE = 'X-API-Key: sk_live_attack_ground_1';

  test.each(['/headers/x', '/body/x', '/config/x'])(
    '%s continues to the upstream, without an identity',
    async (path) => {
      expect(statusOf(await ground.send(get(path, KEY_LINE)))).toBe(200);
      expect(ground.arrived().map(({ target }) => target)).toEqual([path]);
    },
  );

  test('http_headers answers its own path', async () => {
    const answer = await ground.send(get('/headers/hello', KEY_LINE));
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*Powered-By: proxy-wasm[^]*Hello, World!\n$/i);
    expect(ground.arrived()).toEqual([]);
  });

  test('http_auth_random admits and refuses, as the other service says', async () => {
    byte = 2;
    expect(statusOf(await ground.send(get('/auth_random/x', KEY_LINE)))).toBe(200);
    expect(ground.arrived()).toHaveLength(1);
    byte = 3;
    const refused = await ground.send(get('/auth_random/x', KEY_LINE));
    expect(refused).toMatch(/^HTTP\/1\.1 403 [^]*Access forbidden\.\n$/);
    expect(ground.arrived()).toEqual([]);
  });

  test('no callback of a response is called', async () => {
    const answers = await Promise.all(
      ['/headers/x', '/body/secret', '/config/x'].map((path) => ground.send(get(path, KEY_LINE))),
    );
    for (const answer of answers) expect(answer).not.toMatch(/custom-header|redacted|powered-by/i);
    ground.arrived();
  });

  test('a filter replaces no credential, and as a method it must name the caller', async () => {
    for (const path of ['/headers/x', '/body/x', '/config/x', '/auth_random/x'])
      expect([path, statusOf(await ground.send(get(path)))]).toEqual([path, 401]);
    expect(statusOf(await ground.send(get('/method/x')))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });
});
