/** Prevents proxies from keeping their listeners on a server forever. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** A request handler of the proxy package. */
type Handler = (req: IncomingMessage, res: ServerResponse, next: () => void) => Promise<void>;

interface Introduction {
  readonly url: string;
  readonly socket: { readonly server: Server };
}

/** The proxy's path filter excludes an `Introduction`. */
const introductions = new WeakSet<object>();
const known = new WeakMap<Handler, WeakSet<Server>>();

export function isIntroduction(req: object): boolean {
  return introductions.has(req);
}

/**
 * Call this function before each request. A proxy adds a `close` listener to each server that it serves, and never
 * removes the listener. The server would keep every upstream that a reload replaces. An introduction makes the proxy
 * add its listener in this turn, so that this function can remove it.
 */
export function introduce(proxy: Handler, { socket }: IncomingMessage): void {
  const { server } = socket as { readonly server?: Server };
  if (!server) return;
  const servers = known.get(proxy) ?? new WeakSet();
  if (servers.has(server)) return;
  known.set(proxy, servers.add(server));
  const added: (() => void)[] = [];
  const note = (event: string | symbol, listener: () => void): void => {
    if (event === 'close') added.push(listener);
  };
  server.prependListener('newListener', note);
  const introduction: Introduction = { url: '/', socket: { server } };
  introductions.add(introduction);
  proxy(introduction as unknown as IncomingMessage, {} as ServerResponse, () => undefined).catch(() => undefined);
  server.off('newListener', note);
  for (const listener of added) server.off('close', listener);
}
