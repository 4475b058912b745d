/** The built package, for tests that run it as a process. Changed files are built again. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { transformSync } from '@swc/core';

export const ROOT = resolve(__dirname, '../..');
/** Beside `dist` and never in it: a concurrent build must not remove the files. */
const INSTALLED = join(ROOT, 'node_modules/.cache/loom-auth');
const BUNDLER = join(ROOT, 'scripts/bundle.mjs');
const MAIN = join(INSTALLED, 'dist/cli/main.js');
const ours = join(ROOT, 'node_modules/.bin/node');
/** The Node version that the package requires, if the tests run on another. */
export const NODE = existsSync(ours) ? ours : process.execPath;

/** The `loom-auth` command. */
export function built(): string {
  for (const name of filesOf('src').filter((each) => /\.c?ts$/.test(each))) {
    refresh(join('src', name), join('dist', name.replace(/ts$/, 'js')), compile);
  }
  // Browsers run the sources of the console unchanged.
  for (const name of filesOf('src/admin/console')) {
    refresh(join('src/admin/console', name), join('dist/admin/console', name), copyFileSync);
  }
  refresh('package.json', 'package.json', copyFileSync);
  return MAIN;
}

/** The folder of the package, with the build for `require`. */
export function builtForRequire(): string {
  built();
  const newest = Math.max(...filesOf('src').map((name) => modified(join(ROOT, 'src', name))), modified(BUNDLER));
  const bundle = join(INSTALLED, 'dist/index.cjs');
  if (modified(bundle) !== newest) {
    execFileSync(NODE, [BUNDLER, INSTALLED]);
    utimesSync(bundle, newest / 1000, newest / 1000);
  }
  return INSTALLED;
}

/** An example in which `loom-auth` resolves to the built package. */
export function builtExample(name: string): string {
  built();
  for (const each of filesOf('examples')) refresh(join('examples', each), join('examples', each), copyFileSync);
  return join(INSTALLED, 'examples', name, 'server.mjs');
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(ROOT, folder).length + 1))
    .filter((path) => !CARGO.test(path));
}

/** Cargo leaves thousands of files beside its sources. */
const CARGO = /\/(?:target|vendor)\//;

const modified = (path: string): number => Math.round(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** Several test processes may do this at once. Each file is replaced atomically and gets the time of its source. */
function refresh(from: string, to: string, make: (source: string, output: string) => void): void {
  const [source, output] = [join(ROOT, from), join(INSTALLED, to)];
  const age = modified(source);
  if (modified(output) === age) return;
  mkdirSync(dirname(output), { recursive: true });
  const whole = `${output}.${process.pid}`;
  make(source, whole);
  utimesSync(whole, age / 1000, age / 1000);
  renameSync(whole, output);
}

function compile(source: string, output: string): void {
  const { code } = transformSync(readFileSync(source, 'utf8'), {
    filename: source,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023', transform: { verbatimModuleSyntax: true } },
    module: { type: source.endsWith('.cts') ? 'commonjs' : 'es6' },
  });
  writeFileSync(output, code);
}
