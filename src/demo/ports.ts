/** Selects ports on the loopback address: the usual port if it is free, else any free port. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Listens on the loopback address. Port 0 selects any free port. Resolves to the port. */
export async function listenOn(server: Server, port: number): Promise<number> {
  const listening = once(server, 'listening');
  server.listen(port, LOOPBACK);
  await listening;
  return (server.address() as AddressInfo).port;
}

/** The preferred port if it is free, else any free port. */
export async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const port = await listenOn(probe, preferred).catch(() => listenOn(probe, 0));
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
