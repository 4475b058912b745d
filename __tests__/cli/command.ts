/** The `loom-auth` command as an operator runs it, in a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, NODE } from '../support/built.js';
import { Background, runProcess, type Finished, type RunOptions } from '../support/process.js';

export const folder = mkdtempSync(join(tmpdir(), 'loom-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

export const loomAuth = (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
  runProcess(NODE, [built(), ...args], { cwd: folder, ...options });

export const start = (args: readonly string[], env: RunOptions['env'] = {}): Background =>
  new Background(NODE, [built(), ...args], env);
