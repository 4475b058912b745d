/** Free loopback ports for files that need port numbers. */
import { createServer } from 'node:net';

/**
 * Below the ports that the system gives to outgoing connections (from 32768 on Linux). A port of that range may be taken
 * between the check and its use. Each Jest worker has a range of its own. Redis Cluster also takes the port 10,000 above,
 * which lies above all ranges.
 */
const FIRST = 12_000;
const RANGE = 2_000;
const RANGES = 4;
const worker = Number(process.env['JEST_WORKER_ID'] ?? 1);
const base = FIRST + (worker % RANGES) * RANGE;
let next = Math.floor(Math.random() * RANGE);

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = base + (next++ % RANGE);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/** Listeners of tests bind one address or all addresses, so both must be free. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port));
}

function canListen(port: number, host?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, ...(host !== undefined && { host }) }, () => server.close(() => resolve(true)));
  });
}
