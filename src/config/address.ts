/** Host names, and addresses to listen on. */

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
