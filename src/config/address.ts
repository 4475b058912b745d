/** Host names, addresses to listen on, and paths of Unix sockets. */
import { hasControlCharacter } from '../lib/control-character.js';

/** The host of a route: a name, `*.` and a name, or an IPv6 address in brackets. */
export const HOST =
  /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$|^\[[\da-fA-F:.]+\]$/;

export interface Address {
  readonly host?: string;
  readonly port: number;
}

/** Go's spelling: `:8443`, `127.0.0.1:8080`, `[::1]:8443`. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > 65535) return undefined;
  const host = bracketed ?? plain ?? '';
  return host === '' ? { port } : { host, port };
}

const UNIX = 'unix:';

export const isUnixAddress = (text: string): boolean => text.startsWith(UNIX);

/** The bytes that the address of a Unix socket has in the operating system, without the NUL at its end. */
const LONGEST_PATH = process.platform === 'darwin' ? 103 : 107;

/** The path in `unix:/run/loom.sock`, or why there is none. */
export function readUnixAddress(text: string): { readonly path: string } | { readonly fault: string } {
  const path = text.slice(UNIX.length);
  if (!path.startsWith('/') || /\/\.{0,2}(?:\/|$)/.test(path) || hasControlCharacter(path))
    return { fault: 'must be an absolute path after unix:, such as "unix:/run/loom.sock"' };
  const bytes = Buffer.byteLength(path);
  if (bytes <= LONGEST_PATH) return { path };
  return { fault: `has a path of ${bytes} bytes; the system allows at most ${LONGEST_PATH}` };
}

export const unixAddress = (path: string): string => `${UNIX}${path}`;
