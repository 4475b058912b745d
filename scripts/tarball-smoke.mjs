/** Packs the package, installs the tarball in an empty folder, and uses it there: import, require, bin. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'loom-tarball-'));
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

try {
  const packed = JSON.parse(run(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'smoke', private: true, type: 'module' }));
  const tarball = join(folder, (Array.isArray(packed) ? packed[0] : Object.values(packed)[0]).filename);
  run(npm, ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball], folder);
  const script = (text, type) => run(process.execPath, [`--input-type=${type}`, '-e', text], folder);
  expect(script("import { loom } from 'loom-auth'; console.log(typeof loom)", 'module'), 'function');
  expect(script("console.log(typeof require('loom-auth').loom)", 'commonjs'), 'function');
  const bin = join(folder, 'node_modules', '.bin', process.platform === 'win32' ? 'loom-auth.cmd' : 'loom-auth');
  expect(run(bin, ['--help'], folder), 'Usage: loom-auth');
  cpSync(join(root, 'examples', 'gateway', 'loom.yaml'), join(folder, 'loom.yaml'));
  expect(run(bin, ['check'], folder), '/orders/*');
  console.log('the tarball installs and runs');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

function expect(output, part) {
  if (!output.includes(part)) throw new Error(`expected ${JSON.stringify(part)} in:\n${output}`);
}
