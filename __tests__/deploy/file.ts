/** The file of `deploy/`, compiled as the gateway does, and the other files of the folder as data. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { MARGIN_MS } from '../../src/serve/stop-signals.js';
import { compileFile, type Compiled } from '../../src/config/index.js';

export const ROOT = join(__dirname, '../..');
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The documents of a YAML file without errors and warnings. */
export function documents<T>(path: string): readonly T[] {
  return parseAllDocuments(read(path)).map((document) => {
    if (document.errors.length > 0 || document.warnings.length > 0) throw new Error(`${path}: not plain YAML`);
    return document.toJS() as T;
  });
}

/** Where the containers have their secrets. */
export const SECRETS = '/run/secrets';

/** The names of the secret files that a text reads. */
export const secretsOf = (text: string, folder: string = SECRETS): readonly string[] =>
  [...new Set(Array.from(text.matchAll(/\$\{file:([^}]+)\}/g), ([, path = '']) => path))]
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1))
    .sort();

const VALUES: Readonly<Record<string, string>> = {
  'database-url': 'postgres://loom:a-long-password@postgres:5432/loom',
};

/** Compiles a text for `serve`, with a folder of secrets in place of the one of the containers. */
export function compiled(text: string, folder: string = SECRETS): Compiled {
  const place = mkdtempSync(join(tmpdir(), 'loom-deploy-'));
  try {
    for (const name of secretsOf(text, folder))
      writeFileSync(join(place, name), `${VALUES[name] ?? `kq7-long-${name}-91x`}\n`, { mode: 0o400 });
    const file = join(place, 'loom.yaml');
    writeFileSync(file, text.replaceAll(`\${file:${folder}/`, `\${file:${place}/`));
    return compileFile(file, { mode: 'serve', env: {} });
  } finally {
    rmSync(place, { recursive: true });
  }
}

export const loomFile = (): Compiled => compiled(read('deploy/loom.yaml'));

/** The ports of the file: of its listener, and of its admin address. */
export function ports(): { readonly http: number; readonly admin: number } {
  const { plan } = loomFile();
  const [listener] = plan.listeners;
  if (plan.listeners.length !== 1 || !listener || !plan.admin) throw new Error('one listener and the admin address');
  return { http: listener.port, admin: plan.admin.port };
}

/** A section of the generated reference of commands, which a test compares with the program. */
export function helpOf(command: string): string {
  const sections = read('docs/reference/cli.md').split(/^## /m);
  const section = sections.find((each) => each.startsWith(`\`loom-auth ${command}\`\n`));
  if (section === undefined) throw new Error(`loom-auth has no command ${command}`);
  return section;
}

/** Throws if the program has no such command, or the command has no such option. */
export function checkCommand(args: readonly string[]): void {
  const words = args.slice(0, args[0] === 'keys' ? 2 : 1);
  const help = helpOf(words.join(' '));
  const unknown = args.filter((each) => each.startsWith('--') && !help.includes(`  ${each} `));
  if (unknown.length > 0) throw new Error(`${words.join(' ')} has no ${unknown.join(' ')}`);
}

/** Seconds after which a stop ends the process in any case. */
export function longestStop(): number {
  const { delayMs, timeoutMs } = loomFile().plan.shutdown;
  return (delayMs + timeoutMs + MARGIN_MS) / 1_000;
}
