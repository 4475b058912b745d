/** The programs that tests start, the Debian package of each, and which of them a test file needs. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { extract, parse } from 'jest-docblock';

/** A test that needs a program says `@needs <name>` in its first comment, or imports a support module that says so. */
export const PROGRAMS = {
  chromium: { package: 'chromium', names: ['chromium', 'chromium-browser', 'google-chrome', 'chrome'] },
  curl: { package: 'curl' },
  haproxy: { package: 'haproxy' },
  htpasswd: { package: 'apache2-utils' },
  nginx: { package: 'nginx-light' },
  openssl: { package: 'openssl' },
  // Debian keeps the server itself outside of the path.
  postgres: { package: 'postgresql', names: ['pg_ctlcluster'] },
  prometheus: { package: 'prometheus' },
  promtool: { package: 'prometheus' },
  'redis-server': { package: 'redis-server' },
  'systemd-analyze': { package: 'systemd' },
};

/** The path of a program of `PROGRAMS` on this machine; undefined where it is missing. */
export function findProgram(name) {
  const { names = [name] } = PROGRAMS[name];
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((each) => folders.map((folder) => join(folder, each))).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const VALUE_IMPORT = /^(?:import|export)\s(?!type\b)[^;]*?from\s+'(\.{1,2}\/[^']+)'/gm;
const cache = new Map();

/** The names of the programs that a test file and the test modules below it need. */
export function programsOf(path) {
  const needs = new Set();
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    const { own, imports } = readModule(file);
    for (const name of own) needs.add(name);
    imports.forEach(visit);
  };
  visit(path);
  return [...needs].sort();
}

function readModule(path) {
  let known = cache.get(path);
  if (!known) cache.set(path, (known = parseModule(path)));
  return known;
}

function parseModule(path) {
  const text = readFileSync(path, 'utf8');
  const { needs = [] } = parse(extract(text));
  const own = [needs].flat().flatMap((line) => line.trim().split(/\s+/));
  const unknown = own.filter((name) => !(name in PROGRAMS));
  if (unknown.length > 0)
    throw new Error(`${path}: @needs ${unknown.join(' ')}: scripts/programs.mjs has no such program`);
  const imports = [...text.matchAll(VALUE_IMPORT)]
    .map(([, specifier]) => resolve(dirname(path), specifier.replace(/\.js$/, '.ts')))
    .filter((each) => each.includes('__tests__'));
  return { own, imports: imports.filter(isFile) };
}

function isFile(path) {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The programs that a test file needs and this machine lacks. */
export const missingPrograms = (path) => programsOf(path).filter((name) => findProgram(name) === undefined);
