/**
 * What deploying.md says is true of the files of `deploy/`: its commands make their secrets, and its fragments load.
 *
 * @needs openssl
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFile } from '../../src/config/index.js';
import { writeAuthority } from '../../src/demo/authority.js';
import { compiled, documents, longestStop, ports, read, SECRETS, secretsOf } from '../deploy/file.js';
import { runProcess } from '../support/process.js';
import { pageOf, ROOT, type Block } from './pages.js';
import { wholeOf } from './scene.js';

const { blocks, text } = pageOf('docs/deploying.md');
const CREDENTIALS = '/run/credentials/loom-auth.service';
const unit = read('deploy/loom-auth.service');

function blockWith(word: string): Block {
  const found = blocks.find((block) => block.text.includes(word));
  if (!found) throw new Error(`no block with ${word}`);
  return found;
}

test('every file of the repository that it names exists', () => {
  const named = Array.from(text.matchAll(/\b(?:deploy|examples)\/[\w/.-]*\.\w+/g), ([path]) => path);
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('its first commands make exactly the secrets of the Compose file, readable by their owner alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-secrets-'));
  try {
    mkdirSync(join(folder, 'deploy'));
    const { code, stderr } = await runProcess('bash', ['-e', '-c', blockWith('umask').text], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const secrets = join(folder, 'deploy/secrets');
    const [compose] = documents<{ secrets: Readonly<Record<string, { file: string }>> }>('deploy/compose.yaml');
    expect(readdirSync(secrets).sort()).toEqual(Object.keys(compose?.secrets ?? {}).sort());
    for (const [name, { file }] of Object.entries(compose?.secrets ?? {})) {
      expect(file).toBe(`./secrets/${name}`);
      expect([name, statSync(join(secrets, name)).mode & 0o777]).toEqual([name, 0o400]);
    }
    const value = (name: string): string => readFileSync(join(secrets, name), 'utf8').trim();
    expect(value('database-url')).toBe(`postgres://loom:${value('database-password')}@postgres:5432/loom`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('its command makes a file of the unit, whose credentials the unit loads', async () => {
  const [command = ''] = /^sed [^>]+/m.exec(blockWith('/etc/systemd').text) ?? [];
  const { stdout: file } = await runProcess('bash', ['-c', command], { cwd: join(ROOT, 'deploy') });
  expect(file).not.toContain(SECRETS);
  expect(compiled(file, CREDENTIALS).plan.routes).toHaveLength(2);
  for (const name of secretsOf(file, CREDENTIALS)) expect(unit).toContain(`LoadCredential=${name}:`);
});

test('its fragment for systemd names a credential of the unit, and loads', () => {
  const fragment = blockWith(`file:${CREDENTIALS}`).text;
  const [name] = secretsOf(fragment, CREDENTIALS);
  expect(unit).toContain(`LoadCredential=${name}:`);
  const whole = `${wholeOf(fragment)}listeners: [{ address: "127.0.0.1:8080" }]\n`;
  expect(compiled(whole, CREDENTIALS).plan.admin?.auth).toBeDefined();
});

describe('its fragment with a certificate as a credential', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loom-credentials-'));
  const whole = wholeOf(blockWith('${CREDENTIALS_DIRECTORY}').text)
    .replace('/tls-cert', '/server.pem')
    .replace('/tls-key', '/server-key.pem');
  beforeAll(() => writeAuthority(folder));
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (env: Record<string, string>) => () =>
    compileFile({ text: whole, file: join(tmpdir(), 'loom.yaml') }, { mode: 'serve', env });

  test('loads under systemd', () => expect(load({ CREDENTIALS_DIRECTORY: folder })).not.toThrow());

  test('twin: without systemd the variable is not set, and the file is refused', () => {
    expect(load({})).toThrow(/CREDENTIALS_DIRECTORY is not set/);
  });
});

test('its times and ports are those of the files', () => {
  const { http, admin } = ports();
  expect(text.replace(/\s+/g, ' ')).toContain(`opens port ${http} for clients and port ${admin} for operators`);
  for (const proxy of ['upstream loom', 'frontend web']) expect(blockWith(proxy).text).toContain(`10.0.2.10:${http}`);
  expect(text).toContain(`The process ends ${longestStop()} seconds after the signal at the latest.`);
  expect(unit).toContain('TimeoutStopSec=50');
  expect(read('deploy/compose.yaml')).toContain('stop_grace_period: 50s');
  expect(read('deploy/kubernetes.yaml')).toContain('terminationGracePeriodSeconds: 50');
});

test('its ranges are networks that the file accepts, each once', () => {
  const ranges = Array.from(blockWith('173.245.48.0/20').text.matchAll(/^ +- "?([\w.:/]+)"?$/gm), ([, range]) => range);
  expect(ranges.length).toBe(22);
  expect(new Set(ranges).size).toBe(ranges.length);
});
