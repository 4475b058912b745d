/** TLS clients that keep the tickets they are given. */
import { connect, type ConnectionOptions } from 'node:tls';

export interface Visit {
  readonly reused: boolean;
  /** The last one that the server gave. */
  readonly ticket: Buffer | undefined;
}

/** One request a connection; resolves when the server has closed it. */
export function visitor(ca: string, headers: Readonly<Record<string, string>> = {}) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return (port: number, path: string, options: ConnectionOptions = {}): Promise<Visit> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...options });
      let ticket: Buffer | undefined;
      let reused = false;
      socket.on('session', (session: Buffer) => (ticket = session));
      socket.on('secureConnect', () => {
        reused = socket.isSessionReused();
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}Connection: close\r\n\r\n`);
      });
      socket.on('error', reject).resume();
      socket.on('close', () => resolve({ reused, ticket }));
    });
}
