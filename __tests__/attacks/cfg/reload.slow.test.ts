/**
 * A file that changes under a running gateway: an invalid file changes nothing, and no request sees half of a
 * configuration.
 */
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { built, NODE } from '../../support/built.js';
import { freePorts } from '../../support/ports.js';
import { Background } from '../../support/process.js';
import { listening, closed } from '../../support/recording-upstream.js';
import { hangUp, reloading, replaceFile } from '../../support/reloading.js';
import { until } from '../../support/until.js';
import { createServer } from 'node:http';

afterEach(closeGrounds);

const folder = mkdtempSync(join(tmpdir(), 'loom-reload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const knocks = async (ground: Ground): Promise<number[]> => [
  statusOf(await ground.send(get('/internal/x', 'Connection: close'))),
  (await ground.ask('/api/v1/x', { headers: ALICE_KEY })).status,
];

describe('CFG-17 a reload never fails open', () => {
  const bad: readonly (readonly [string, (text: string) => string])[] = [
    ['no YAML', (text) => `${text}\n  - {`],
    ['half of the file', (text) => text.slice(0, Math.floor(text.length / 2))],
    ['an empty file', () => ''],
    ['only a comment', () => '# nothing\n'],
    ['the requirement of a route removed', (text) => text.replace(', auth: { jwt: true } }', ' }')],
    ['an unknown key', (text) => text.replace('auth: { jwt: true }', 'auht: { jwt: true }')],
    ['without any method', (text) => text.replace(/^middleware:[\s\S]*?^routes:/m, 'routes:')],
    ['a missing plugin', (text) => `${text}\nplugins: [{ name: guard, path: /nowhere/guard.wasm }]\n`],
    [
      'a missing CA',
      (text) =>
        text.replace(
          'protocol: http }',
          'protocol: https, tls: { cert_file: /nowhere/a.pem, key_file: /nowhere/a.key, client_auth: require, ca_file: /nowhere/ca.pem } }',
        ),
    ],
    ['a missing secret', (text) => text.replace('sk_live_attack_ground_1', '${file:/nowhere/key}')],
  ];

  test('an invalid file changes nothing, and the log reports why', async () => {
    const ground = await openGround();
    for (const [name, edit] of bad) {
      let good = '';
      const outcome = await reloading(ground, () =>
        replaceFile(ground.file, (text) => {
          good = text;
          return edit(text);
        }),
      );
      expect([name, outcome]).toEqual([name, 'refused']);
      expect([name, ...(await knocks(ground))]).toEqual([name, 401, 200]);
      expect(await reloading(ground, () => replaceFile(ground.file, () => good))).toBe('taken');
    }
    expect(ground.output()).toMatch(/\/internal\/\*.*guarded by jwt and would be PUBLIC/);
  });

  test('a file that is missing or unreadable changes nothing', async () => {
    const ground = await openGround();
    const away = `${ground.file}.away`;
    expect(await reloading(ground, () => renameSync(ground.file, away))).toBe('refused');
    expect(await knocks(ground)).toEqual([401, 200]);
    expect(await reloading(ground, () => renameSync(away, ground.file))).toBe('taken');
    // Root may read every file.
    if (process.getuid?.() !== 0) {
      chmodSync(ground.file, 0);
      expect(await reloading(ground, () => hangUp(ground))).toBe('refused');
      chmodSync(ground.file, 0o644);
    }
    expect(await knocks(ground)).toEqual([401, 200]);
  });

  test('twin: a route opened on purpose is open, and a closed one is closed, by the next request', async () => {
    const ground = await openGround();
    const open = (text: string): string => text.replace('auth: { jwt: true } }', 'auth: none }');
    expect(await reloading(ground, () => replaceFile(ground.file, open))).toBe('taken');
    expect(statusOf(await ground.send(get('/internal/x', 'Connection: close')))).toBe(200);
    const close = (text: string): string =>
      text.replace('upstream: backend, auth: none }', 'upstream: backend, auth: { basic: true } }');
    expect(await reloading(ground, () => replaceFile(ground.file, close))).toBe('taken');
    expect(statusOf(await ground.send(get('/public/x', 'Connection: close')))).toBe(401);
  });
});

describe('CFG-18 reloads under load', () => {
  const RELOADS = 60;
  const statuses = { open: new Map<number, number>(), closed: new Map<number, number>() };
  let forwarded = 0;

  beforeAll(async () => {
    const ground = await openGround();
    let over = false;
    const knock = async (kind: 'open' | 'closed'): Promise<void> => {
      while (!over) {
        const { status } = await ground.ask('/api/v1/x', kind === 'open' ? { headers: ALICE_KEY } : {});
        statuses[kind].set(status, (statuses[kind].get(status) ?? 0) + 1);
      }
    };
    const clients = [knock('open'), knock('open'), knock('closed'), knock('closed')];
    for (let at = 0; at < RELOADS; at++) {
      const edit = (text: string): string => text.replace(/(# edit \d+\n)?$/, `# edit ${at}\n`);
      expect(await reloading(ground, () => (replaceFile(ground.file, edit), hangUp(ground)))).toBe('taken');
    }
    over = true;
    await Promise.all(clients);
    forwarded = ground.arrived().length;
  });

  test('none of many requests without a credential is served', () => {
    expect([...statuses.closed.keys()]).toEqual([401]);
    expect(forwarded).toBe(statuses.open.get(200));
  });

  test('twin: each request with one is served, none is dropped', () =>
    expect([...statuses.open.keys()]).toEqual([200]));
});

describe('CFG-24 a ConfigMap of Kubernetes', () => {
  /** A volume in the layout of the kubelet: `file -> ..data/file`, `..data -> ..version`. */
  const version = (name: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(join(folder, `..${name}`));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, `..${name}`, file), text);
    symlinkSync(`..${name}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };

  const seen: Record<string, readonly number[]> = {};

  beforeAll(async () => {
    const backend = createServer((_req, res) => res.end('ok'));
    const [[port = 0], upstream] = await Promise.all([freePorts(1), listening(backend)]);
    const text = `
listeners: [{ address: "127.0.0.1:${port}" }]
middleware: { auth: { api_key: { keys: [{ name: ci, key_hash: "\${file:key}" }] } } }
routes: [{ id: all, path: /*, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${upstream}"] }]
`;
    const hashed = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}\n`;
    version('one', { 'loom.yaml': text, key: hashed('first-key-of-the-map') });
    for (const file of ['loom.yaml', 'key']) symlinkSync(`..data/${file}`, join(folder, file));
    const running = new Background(NODE, [built(), 'serve', join(folder, 'loom.yaml')]);
    const knock = async (key: string): Promise<number> => (await ask({ port, headers: { 'X-API-Key': key } })).status;
    try {
      await running.until(/listening/);
      seen['before'] = [await knock('first-key-of-the-map'), await knock('second-key-of-the-map')];
      version('two', { 'loom.yaml': text, key: hashed('second-key-of-the-map') });
      await running.until(/configuration was reloaded/);
      seen['swapped'] = [await knock('first-key-of-the-map'), await knock('second-key-of-the-map')];
      // A version that contains half a file: nothing changes.
      version('three', { 'loom.yaml': text.slice(0, 150), key: hashed('third-key-of-the-map') });
      await running.until(/old configuration stays/);
      seen['half'] = [await knock('second-key-of-the-map'), await knock('third-key-of-the-map')];
      version('four', { 'loom.yaml': text, key: hashed('third-key-of-the-map') });
      await until(
        () => (running.output.match(/configuration was reloaded/g)?.length ?? 0) === 2,
        () => running.output,
      );
      seen['mended'] = [await knock('second-key-of-the-map'), await knock('third-key-of-the-map')];
    } finally {
      await running.stop('SIGKILL');
      await closed(backend);
    }
  });

  test('a version that contains half a file changes nothing, and a removed key is refused', () => {
    expect(seen['half']).toEqual([200, 401]);
    expect(seen['mended']?.[0]).toBe(401);
  });

  test('twin: the swap of the link is noticed, and file and secrets change together', () => {
    expect([seen['before'], seen['swapped']]).toEqual([
      [200, 401],
      [401, 200],
    ]);
    expect(seen['mended']?.[1]).toBe(200);
  });
});
