/** A server over TLS that answers correctly until it is switched to one of many faults. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export const FAULTS = ['refused', 'hung', 'slow', 'reset', 'garbage', 'huge', 'TLS error', '5xx'] as const;
export type Fault = (typeof FAULTS)[number];

interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface FaultyServerOptions {
  readonly trusted: Identity;
  /** What it sends instead of `trusted` for a TLS error. */
  readonly untrusted: Identity;
  /** The place of garbage and endless bytes: in the body of a response, or on the connection instead of one. */
  readonly where: 'body' | 'wire';
  answer(request: IncomingMessage, body: string, response: ServerResponse): void;
}

const JSON_TYPE = { 'content-type': 'application/json' };

export class FaultyServer {
  readonly #honest: HttpsServer;
  readonly #untrusted: HttpsServer;
  readonly #sockets = new Set<Socket>();
  #listener: Server | undefined;
  #port = 0;
  #fault: Fault | undefined;

  private constructor(private readonly options: FaultyServerOptions) {
    this.#honest = createHttpsServer(options.trusted, (request, response) => this.#answer(request, response));
    this.#untrusted = createHttpsServer(options.untrusted, (_request, response) => void response.end('{}'));
    for (const server of [this.#honest, this.#untrusted]) server.on('tlsClientError', () => undefined);
  }

  static async start(options: FaultyServerOptions): Promise<FaultyServer> {
    const server = new FaultyServer(options);
    await server.#listen();
    return server;
  }

  get origin(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** From now on. Open connections stay, unless the fault concerns connecting. */
  async fail(fault: Fault): Promise<void> {
    this.#fault = fault;
    if (fault === 'refused') await this.#unlisten();
    if (fault === 'refused' || fault === 'TLS error') this.#drop();
  }

  async heal(): Promise<void> {
    this.#fault = undefined;
    // A waiting client stays waiting. Recovery is the client's task.
    if (!this.#listener) await this.#listen();
  }

  async close(): Promise<void> {
    await this.#unlisten();
    this.#drop();
  }

  #drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(): Promise<void> {
    const listener = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      (this.#fault === 'TLS error' ? this.#untrusted : this.#honest).emit('connection', socket);
    });
    await new Promise<void>((resolve) => listener.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (listener.address() as AddressInfo).port;
    this.#listener = listener;
  }

  async #unlisten(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    if (!listener) return;
    const closed = new Promise((resolve) => listener.close(resolve));
    this.#drop();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { socket } = request;
      socket.on('error', () => undefined);
      if (this.#fault === undefined) this.options.answer(request, Buffer.concat(chunks).toString('latin1'), response);
      else this.#fail(this.#fault, socket, response);
    });
  }

  #fail(fault: Fault, socket: Socket, response: ServerResponse): void {
    const { where } = this.options;
    switch (fault) {
      case 'slow':
        return drip(socket);
      case 'reset':
        return void socket.destroy();
      case 'garbage':
        if (where === 'body') response.writeHead(200, JSON_TYPE).end(Buffer.from([0x7b, 0xff, 0x00, 0x22, 0x7d]));
        else socket.end('SSH-2.0-OpenSSH_9.2\r\n\x00\xff\r\n\r\n');
        return;
      case 'huge':
        return where === 'body' ? endless(response) : pour(socket);
      case '5xx':
        return void response.writeHead(503, JSON_TYPE).end('{"active":true,"keys":[]}');
      default:
        // Hung. A client that is refused or fails in the handshake does not come here.
        return;
    }
  }
}

/** A head that never ends, one byte now and then. */
function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
  const timer = setInterval(() => socket.write('x'), 100);
  socket.once('close', () => clearInterval(timer));
}

/** A body that never ends, at full speed. */
function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(65_536, ' ');
  response.writeHead(200, JSON_TYPE);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}

/** A head of a megabyte. */
function pour(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\nX-Huge: ${'x'.repeat(1_048_576)}\r\nContent-Length: 2\r\n\r\n{}`);
}
