/**
 * Packs the package, installs the tarball in an empty folder, and uses it there: import, require, types, test runners, pages,
 * bin, npm start.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testRunners } from './tarball-runners.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'loom-tarball-'));
const windows = process.platform === 'win32';
const npm = windows ? 'npm.cmd' : 'npm';

try {
  install();
  modules();
  types();
  testRunners(folder, root, run);
  pages();
  commands();
  await start();
  console.log('the tarball installs and runs');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** With what it needs at run time alone. */
function install() {
  const packed = JSON.parse(run(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'smoke', private: true, type: 'module' }));
  const tarball = join(folder, (Array.isArray(packed) ? packed[0] : Object.values(packed)[0]).filename);
  run(npm, ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball]);
}

function modules() {
  const script = (text, type) => run(process.execPath, [`--input-type=${type}`, '-e', text]);
  expect(script("import { loom } from 'loom-auth'; console.log(typeof loom)", 'module'), 'function');
  expect(script("console.log(typeof require('loom-auth').loom)", 'commonjs'), 'function');
}

/** Under the strictest settings, with the types of Node only. */
function types() {
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
    });
  }
  const host = `import { createServer } from 'node:http';
import { loom, serve, ConfigError, PortError, TlsFileError, type Identity } from 'loom-auth';
const gate = loom('loom.yaml');
createServer((req, res) => gate(req, res, () => res.end())).on('upgrade', gate.upgrade);
export const subject = ({ subject }: Identity): string => subject;
serve('loom.yaml').catch((error: unknown) => error instanceof ConfigError && error.diagnostics.length);
export const isStart = (error: unknown) => error instanceof PortError || error instanceof TlsFileError;
`;
  // With `.cts` TypeScript reads the types of the build for `require`.
  for (const name of ['host.ts', 'host.cts']) writeFileSync(join(folder, name), host);
  // A value of one build has the type of the other.
  writeFileSync(
    join(folder, 'both.cts'),
    `import * as required from 'loom-auth';
import type * as imported from 'loom-auth' with { 'resolution-mode': 'import' };
export const loom: typeof imported.loom = required.loom;
export const gate: imported.Loom = required.loom('loom.yaml');
export const status = (error: imported.DeniedError): required.DenialCode => error.code;
`,
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const check = (...settings) =>
    run(process.execPath, [
      tsc,
      '--noEmit',
      '--strict',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
      'false',
      ...settings,
    ]);
  check('--module', 'nodenext', 'host.ts', 'host.cts', 'both.cts');
  check('--module', 'node16', 'host.ts', 'host.cts', 'both.cts');
  check('--module', 'esnext', '--moduleResolution', 'bundler', 'host.ts');
  check('--module', 'commonjs', '--moduleResolution', 'bundler', 'host.cts');
}

/** Every relative link of the packed pages leads to a packed file. */
function pages() {
  const home = join(folder, 'node_modules', 'loom-auth');
  const docs = readdirSync(join(home, 'docs'), { recursive: true }).map((name) => join('docs', name));
  const files = ['README.md', ...docs.filter((name) => name.endsWith('.md'))];
  const missing = files.flatMap((file) =>
    [...readFileSync(join(home, file), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
      .map(([, target]) => join(dirname(file), target))
      .filter((path) => !existsSync(join(home, path)))
      .map((path) => `${file}: ${path}`),
  );
  if (missing.length > 0) throw new Error(`links lead nowhere:\n${missing.join('\n')}`);
  expect(files.map((file) => file.replaceAll('\\', '/')).join('\n'), 'docs/reference/api.md');
}

function commands() {
  const bin = join(folder, 'node_modules', '.bin', windows ? 'loom-auth.cmd' : 'loom-auth');
  expect(run(bin, ['--help']), 'Usage: loom-auth');
  cpSync(join(root, 'examples', 'gateway', 'loom.yaml'), join(folder, 'loom.yaml'));
  expect(run(bin, ['check']), '/orders/*');
}

/** `npm start` of the package itself: the demo, and an answer from it. */
async function start() {
  const cwd = join(folder, 'node_modules', 'loom-auth');
  const child = spawn(npm, ['start'], { cwd, detached: !windows, stdio: ['ignore', 'pipe', 'pipe'], shell: windows });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const closed = once(child, 'close');
  try {
    while (!output.includes('Ctrl-C')) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const [, url] = /(http:\S+\/public\/\S+)/.exec(output);
    expect(String((await fetch(url)).status), '200');
  } finally {
    // npm, its shell and the demo: the whole group, which is ours alone.
    if (windows) spawnSync('taskkill', ['/pid', String(child.pid), '/t', '/f']);
    else if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    await closed;
  }
}

function run(command, args, cwd = folder) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

function expect(output, part) {
  if (!output.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${output}`);
}
