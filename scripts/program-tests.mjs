/** Prints the files of the fast tier that need a program, one a line: a machine without the programs skips them. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programsOf } from './programs.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const files = readdirSync(join(root, '__tests__'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.slow.test.ts'))
  .map((name) => join('__tests__', name))
  .filter((path) => programsOf(join(root, path)).length > 0);
console.log(files.sort().join('\n'));
