/** The files of the console: a public shell without data, under a policy that runs no other code. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

/** A file of the shell. */
export interface ConsoleFile {
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Nothing but the files of the shell runs, loads or is asked. Trusted Types refuse every text that would become markup
 * or code, also in a file of the shell.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
};

/** The page itself. The addresses in it are relative, so a proxy may add a prefix. */
const SHELL = '/';
const FOLDER = '/console/';

let files: ReadonlyMap<string, ConsoleFile> | undefined;

/** Only paths of files that exist are known, so no path leaves the folder. Most processes never read the files. */
export function consoleFile(path: string): ConsoleFile | undefined {
  if (path !== SHELL && !path.startsWith(FOLDER)) return undefined;
  return (files ??= readFiles()).get(path);
}

function readFiles(): ReadonlyMap<string, ConsoleFile> {
  const folder = new URL('console/', import.meta.url);
  const found = new Map<string, ConsoleFile>();
  for (const name of readdirSync(folder)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const body = readFileSync(new URL(name, folder), 'utf8');
    found.set(name === 'index.html' ? SHELL : `${FOLDER}${name}`, { type, body, headers: HEADERS });
  }
  return found;
}
