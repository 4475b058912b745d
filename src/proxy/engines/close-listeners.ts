/** Prevents proxies from adding `close` listeners that keep old upstreams in memory. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** A request handler of the proxy package. */
type Handler = (req: IncomingMessage, res: ServerResponse, next: () => void) => Promise<void>;

/** A request that exists only to make the proxy add its listener. */
interface Probe {
  readonly url: string;
  readonly socket: { readonly server: Server };
}

/** The proxy's path filter excludes a `Probe`. */
const probes = new WeakSet<object>();
const cleared = new WeakMap<Handler, WeakSet<Server>>();

export function isProbe(req: object): boolean {
  return probes.has(req);
}

/**
 * Call this function before each request. A proxy adds a `close` listener to each server that it serves, and never
 * removes the listener. The server would keep every upstream that a reload replaces. A probe makes the proxy add its
 * listener in this turn, so that this function can remove it.
 */
export function removeCloseListener(proxy: Handler, { socket }: IncomingMessage): void {
  const { server } = socket as { readonly server?: Server };
  if (!server) return;
  const servers = cleared.get(proxy) ?? new WeakSet();
  if (servers.has(server)) return;
  cleared.set(proxy, servers.add(server));
  const added: (() => void)[] = [];
  const collect = (event: string | symbol, listener: () => void): void => {
    if (event === 'close') added.push(listener);
  };
  server.prependListener('newListener', collect);
  const probe: Probe = { url: '/', socket: { server } };
  probes.add(probe);
  proxy(probe as unknown as IncomingMessage, {} as ServerResponse, () => undefined).catch(() => undefined);
  server.off('newListener', collect);
  for (const listener of added) server.off('close', listener);
}
