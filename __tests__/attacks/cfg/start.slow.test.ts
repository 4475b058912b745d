/** A gateway that starts has loaded the whole file, and serves only the file's routes. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, statusOf } from '../../support/ask.js';
import { ALICE_KEY, closeGrounds, get, openGround } from '../../support/attack-ground.js';
import { built, NODE } from '../../support/built.js';
import { fuzzing } from '../../support/fast-check-runs.js';
import { freePorts } from '../../support/ports.js';
import { Background, runProcess } from '../../support/process.js';
import { judge, PAGE_CASES } from '../../config/mutants/page-access.js';
import { whole, WHOLE } from './files.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'loom-cfg-'))));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeGrounds);

const at = (name: string): string => join(folder, name);

describe('a file that cannot be used starts nothing', () => {
  test.each([
    ['no YAML', whole(['    auth:\n      jwt: true\n', '    auth: {jwt: true\n'])],
    ['half of itself', WHOLE.slice(0, WHOLE.indexOf('upstreams:') - 40)],
    ['empty', ''],
    ['without its routes', WHOLE.slice(0, WHOLE.indexOf('routes:'))],
    ['with no routes', WHOLE.replace(/routes:[^]*(?=upstreams:)/, 'routes: []\n')],
    [
      'without its certificate',
      whole(['    protocol: http\n', '    protocol: https\n    tls: {cert_file: gone.pem, key_file: gone.pem}\n']),
    ],
    [
      'without its authority',
      whole([
        '    protocol: http\n',
        '    tls: {cert_file: a, key_file: b, client_auth: require, ca_file: gone.pem}\n',
      ]),
    ],
    ['with a missing plugin', `${WHOLE}plugins: [{name: a, path: gone.wasm}]\n`],
  ])('%s', async (name, text) => {
    writeFileSync(at('loom.yaml'), text);
    const { code, stdout, stderr } = await runProcess(NODE, [built(), 'serve', at('loom.yaml')]);
    expect([name, code]).toEqual([name, 1]);
    expect(stdout + stderr).not.toMatch(/listening/);
  });

  test('missing, a folder, or a broken link', async () => {
    mkdirSync(at('folder.yaml'));
    symlinkSync(at('gone'), at('dangling.yaml'));
    for (const name of ['nowhere.yaml', 'folder.yaml', 'dangling.yaml']) {
      const { code } = await runProcess(NODE, [built(), 'serve', at(name)]);
      expect([name, code]).toEqual([name, 1]);
    }
  });
});

describe('a half-written file', () => {
  /** Cut short, a route may have lost its `auth`, and a file its routes. */
  const ALLOWED = {
    'whole middleware': ['closed', 'refused'],
    'routed middleware': ['another method', 'closed', 'passes by', 'public', 'refused'],
    serve: ['closed', 'no route', 'refused'],
  };

  test.each(PAGE_CASES)('of $name opens nothing, cut at any place: $mode', (page) => {
    const outcomes = new Set<string>();
    for (let end = 0; end <= page.text.length; end++) {
      // Cut after each line, and after every seventh letter; after every letter in a fuzz run.
      if (!fuzzing && end % 7 > 0 && page.text[end] !== '\n') continue;
      outcomes.add(judge(page, page.text.slice(0, end)).outcome);
    }
    const allowed: readonly string[] =
      page.mode === 'serve' ? ALLOWED.serve : ALLOWED[page.routed ? 'routed middleware' : 'whole middleware'];
    expect([...outcomes].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
  });
});

test('a file that changes under a running gateway changes nothing by itself', async () => {
  const [port = 0] = await freePorts(1);
  const text = WHOLE.replace('8080', String(port));
  mkdirSync(at('..2026'));
  writeFileSync(at('..2026/loom.yaml'), text);
  symlinkSync(at('..2026'), at('..data'));
  symlinkSync('..data/loom.yaml', at('mounted.yaml'));
  const running = new Background(NODE, [built(), 'serve', at('mounted.yaml')]);
  try {
    await running.until(/listening/);
    const status = async (): Promise<number> => (await ask({ port, path: '/internal/x' })).status;
    expect(await status()).toBe(401);
    for (const changed of ['', 'routes: [', text.replaceAll(/ {4}auth:\n {6}jwt: true\n/g, '    auth: none\n')]) {
      writeFileSync(at('..2026/loom.yaml'), changed);
      expect(await status()).toBe(401);
    }
    unlinkSync(at('..data'));
    expect(await status()).toBe(401);
  } finally {
    await running.stop('SIGKILL');
  }
});

test('no path of an admin, of metrics or of health is on a data listener', async () => {
  const ground = await openGround({
    top: 'admin: { enabled: true, address: "127.0.0.1:9091" }\nmetrics: { enabled: true, prometheus: { enabled: true, path: /metrics } }',
  });
  const paths = [
    '/metrics',
    '/health',
    '/healthz',
    '/livez',
    '/readyz',
    '/admin',
    '/admin/',
    '/admin/routes',
    '/debug',
    '/debug/pprof',
  ];
  const more = [
    '/config',
    '/console',
    '/status',
    '/stats',
    '/_loom',
    '/.well-known/loom',
    '/env',
    '/plan',
    '/',
    '/loom.yaml',
    '*',
  ];
  for (const path of [...paths, ...more]) {
    for (const lines of [[], ['X-API-Key: sk_live_attack_ground_1'], ['X-Forwarded-For: 127.0.0.1']]) {
      const answer = await ground.send(get(path, ...lines));
      expect([path, [400, 404].includes(statusOf(answer))]).toEqual([path, true]);
      expect(answer).not.toMatch(/api_key|process_cpu|routes|jwks/);
    }
  }
  expect(ground.arrived()).toEqual([]);
  expect((await ask({ port: ground.port, path: '/api/v1/metrics', headers: ALICE_KEY })).status).toBe(200);
});
