/** Runs `loom-auth explain` in this process, on files of a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../../src/cli/program.js';

const folder = mkdtempSync(join(tmpdir(), 'loom-explain-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Around {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
}

export async function explain(
  args: readonly string[],
  { stdin = '', env = {}, isTTY = false }: Around = {},
): Promise<Ran> {
  const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  input.end(stdin);
  const terminal = { stdin: input, stdout: Object.assign(stdout, { isTTY }), stderr, env };
  const code = await run(['explain', ...args], terminal);
  const text = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
