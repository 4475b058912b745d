/** Writes the option tables of docs/reference/options.md from the schema that the built package prints: `npm run docs`. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withTables } from './option-tables.mjs';

const page = fileURLToPath(new URL('../docs/reference/options.md', import.meta.url));
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const schema = JSON.parse(execFileSync(process.execPath, [cli, 'schema'], { encoding: 'utf8' }));
writeFileSync(page, withTables(readFileSync(page, 'utf8'), schema));
