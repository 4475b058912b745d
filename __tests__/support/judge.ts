/** Real requests for tests: raw bytes over a socket, checked as the IncomingMessage that Node makes of them. */
import { createServer, type IncomingMessage, type RequestListener, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CertificateOffice } from './certificates.js';
import { closed, listening } from './recording-upstream.js';

type Judgement = (req: IncomingMessage) => unknown;

export interface Judge {
  /** The result of `judge` for the request in `bytes` (latin1). Rejects if Node's own parser refuses it. */
  ask<T>(bytes: string, judge: (req: IncomingMessage) => T | Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** The certificate of a server, which no client verifies. */
export async function anyCertificate(): Promise<Tls> {
  const office = await CertificateOffice.open();
  const { cert, key } = await office.issue('server', { subject: '/CN=localhost' });
  const pair = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  await rm(office.dir, { recursive: true });
  return pair;
}

interface Waiting {
  readonly judge: Judgement;
  readonly done: (answer: unknown) => void;
  readonly failed: (error: Error) => void;
}

/** A server that passes each request to the function of its sender, found by the port of its socket. */
export async function judging(options: ServerOptions & { readonly tls?: Tls } = {}): Promise<Judge> {
  const { tls, ...plain } = options;
  const waiting = new Map<number | undefined, Waiting>();
  const listener: RequestListener = (req, res) => {
    const from = waiting.get(req.socket.remotePort);
    void Promise.resolve(req)
      .then(from?.judge)
      .then(from?.done, from?.failed)
      .finally(() => res.end());
  };
  const server = tls ? createTlsServer({ ...plain, ...tls }, listener) : createServer(plain, listener);
  server.on('clientError', (error: Error, socket: Socket) => {
    waiting.get(socket.remotePort)?.failed(error);
    socket.destroy();
  });
  const port = await listening(server);
  const ask = <T>(bytes: string, judge: (req: IncomingMessage) => T | Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      const to = { port, host: '127.0.0.1', rejectUnauthorized: false };
      const connected = () => {
        waiting.set(socket.localPort, {
          judge,
          done: (answer) => (socket.destroy(), resolve(answer as T)),
          failed: (error) => (socket.destroy(), reject(error)),
        });
        socket.write(Buffer.from(bytes, 'latin1'));
      };
      const socket: Socket = tls ? connectTls(to, connected) : connect(to, connected);
      socket.on('error', reject);
    });
  return { ask, close: () => (server.closeAllConnections(), closed(server)) };
}

/** The bytes of a GET with these field lines, after a Host line. */
export function getWith(...lines: readonly string[]): string {
  return ['GET / HTTP/1.1', 'Host: gw', ...lines, '', ''].join('\r\n');
}

/** The bytes of a POST of one chunk, with field lines in its head and in its trailer section. */
export function chunkedPost(lines: readonly string[], trailers: readonly string[]): string {
  const head = ['POST / HTTP/1.1', 'Host: gw', 'Transfer-Encoding: chunked', ...lines, '', ''].join('\r\n');
  return `${head}3\r\nabc\r\n0\r\n${[...trailers, '', ''].join('\r\n')}`;
}

/** Reads a request to its end, when its trailers are known. */
export async function drained(req: IncomingMessage): Promise<IncomingMessage> {
  for await (const chunk of req) void chunk;
  return req;
}
