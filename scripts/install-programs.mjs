/** Installs the programs that tests start and this machine lacks, from Debian's packages. Exit code 1 where one is still missing. */
import { spawnSync } from 'node:child_process';
import { findProgram, PROGRAMS } from './programs.mjs';

const missing = () => Object.keys(PROGRAMS).filter((name) => findProgram(name) === undefined);
const root = process.getuid?.() === 0 ? [] : ['sudo'];
const apt = (...args) => {
  const [command, ...rest] = [...root, 'apt-get', ...args];
  return spawnSync(command, rest, {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
};

if (missing().length > 0) {
  apt('update', '-qq');
  // One by one: a system that lacks one package still gets the others.
  const packages = new Set(missing().map((name) => PROGRAMS[name].package));
  for (const name of packages) apt('install', '-y', '-qq', '--no-install-recommends', name);
}
const left = missing();
if (left.length > 0) console.error(`not installed: ${left.join(', ')}`);
process.exitCode = left.length > 0 ? 1 : 0;
