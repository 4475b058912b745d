/** Selects ports on the loopback address: the usual port if it is free, else any free port. */
import { createServer, type AddressInfo, type Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Listens on the loopback address. Port 0 selects any free port. Resolves to the port. */
export function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The preferred port if it is free, else any free port. */
export async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const port = await listenOn(probe, preferred).catch(() => listenOn(probe, 0));
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
