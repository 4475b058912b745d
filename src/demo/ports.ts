/** Ports on the loopback address: the usual one where it is free, any free one where it is not. */
import { createServer, type AddressInfo, type Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Listens on the loopback address; 0 takes any free port. Resolves to the port. */
export function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The preferred port if nobody has it, else a free one. */
export async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const port = await listenOn(probe, preferred).catch(() => listenOn(probe, 0));
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
