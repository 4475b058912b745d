/** A backend that returns the request it received, to show which headers the gateway set and removed. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer } from './issuer.js';
import { listenOn } from './ports.js';

export interface DemoUpstream {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Listens on a free loopback port. */
export async function startUpstream(name: string): Promise<DemoUpstream> {
  const server = createServer((req, res) => echo(name, req, res));
  const port = await listenOn(server, 0);
  return { endpoint: `127.0.0.1:${port}`, close: () => closeServer(server) };
}

/** The response omits tokens, because terminals are shared and keep their output. */
const HIDDEN = new Set(['authorization', 'cookie', 'x-api-key']);

function echo(name: string, req: IncomingMessage, res: ServerResponse): void {
  req.resume();
  const headers = Object.fromEntries(
    Object.entries(req.headers).map(([key, value]) => [key, HIDDEN.has(key) ? '(sent)' : value]),
  );
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify({ upstream: name, method: req.method, path: req.url, headers }, null, 2)}\n`);
}
