/** Free loopback ports for files that need port numbers. */
import { createServer } from 'node:net';

/** Below the ports that the system gives to outgoing connections: a port of that range may be taken before its use. */
const FIRST = 10_000;
const RANGE = 2_000;
let next = Math.floor(Math.random() * RANGE);

export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = FIRST + (next++ % RANGE);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port }, () => server.close(() => resolve(true)));
  });
}
