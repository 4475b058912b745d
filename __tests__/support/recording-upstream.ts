/** Upstreams for tests: one records every byte of every connection, one echoes each request. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Recording {
  readonly port: number;
  readonly url: string;
  /** Every byte received, one string (latin1) per connection, in the order of connecting. */
  readonly received: string[];
  readonly sockets: Socket[];
  close(): Promise<void>;
}

export type Answer = (received: string, socket: Socket, chunk: Buffer) => string | Buffer | undefined | void;

/** A raw server. After each chunk, `answer` gets all bytes of the connection. Its result is written back. */
export async function recordingUpstream(answer: Answer = () => undefined): Promise<Recording> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const at = received.push('') - 1;
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      received[at] += chunk.toString('latin1');
      const reply = answer(received[at] as string, socket, chunk);
      if (reply !== undefined && socket.writable) socket.write(reply);
    });
  });
  const port = await listening(server);
  return { port, url: `http://127.0.0.1:${port}`, received, sockets, close: () => closed(server, sockets) };
}

/** Answers each complete head with the given raw response. */
export function answerEachHead(response: string): Answer {
  return (_received, _socket, chunk) => {
    const heads = chunk.toString('latin1').split('\r\n\r\n').length - 1;
    return heads > 0 ? response.repeat(heads) : undefined;
  };
}

export interface Echoed {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly headers: Record<string, string>;
  readonly length: number;
}

export interface Echo {
  readonly port: number;
  readonly url: string;
  readonly requests: Echoed[];
  close(): Promise<void>;
}

/** An HTTP server that answers `{method, url, rawHeaders, headers, length}` of each request, or uses `handler`. */
export async function echoUpstream(handler?: (req: IncomingMessage, res: ServerResponse) => boolean): Promise<Echo> {
  const requests: Echoed[] = [];
  const sockets: Socket[] = [];
  const server = createHttpServer((req, res) => {
    if (handler?.(req, res) === true) return;
    let length = 0;
    req.on('data', (chunk: Buffer) => (length += chunk.length));
    req.on('error', () => undefined);
    req.on('end', () => {
      const { method = '', url = '', rawHeaders } = req;
      const seen = { method, url, rawHeaders, headers: req.headers as Record<string, string>, length };
      requests.push(seen);
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify(seen));
    });
  });
  server.on('connection', (socket) => sockets.push(socket));
  const port = await listening(server);
  return { port, url: `http://127.0.0.1:${port}`, requests, close: () => closed(server, sockets) };
}

/** Listens on a free loopback port. */
export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export async function closed(server: Server, sockets: readonly Socket[] = []): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await done;
}
