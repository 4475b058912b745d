/**
 * A Redis for one test: started, stopped, frozen and restarted on one port.
 *
 * @needs redis-server
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.js';

const QUIET = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning', '--enable-debug-command', 'yes'];

export class RedisServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'loom-redis-'));
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  static async start(...options: readonly string[]): Promise<RedisServer> {
    const [port = 0] = await freePorts(1);
    return RedisServer.startAt(port, ...options);
  }

  static async startAt(port: number, ...options: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(port, options);
    await server.start();
    return server;
  }

  /** Restarts on the same port, with its saved data. */
  async start(...more: readonly string[]): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const child = spawn('redis-server', [...place, ...QUIET, ...this.options, ...more], { stdio: 'ignore' });
    this.#child = child;
    let ended = false;
    child.once('close', () => (ended = true));
    for (;;) {
      if (ended) throw new Error('redis-server ended at once');
      if (await this.ask('PING').then(Boolean, () => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Sends one inline command. Returns the raw answer, errors included. */
  ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(this.port, '127.0.0.1', () => socket.write(`${command}\r\nQUIT\r\n`));
      let answer = '';
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
      socket.on('error', reject).on('close', () => resolve(answer.replace(/\+OK\r\n$/, '')));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A connection between a client and a server that can be made slow, cut, or silent. */
export interface Wire {
  readonly port: number;
  /** Milliseconds before each piece of an answer is passed on. Infinity: never. */
  delayMs: number;
  close(): Promise<void>;
}

export async function wireTo(port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const behind = keep(createConnection(port, '127.0.0.1'));
    keep(client).pipe(behind);
    behind.on('data', (piece: Buffer) => {
      if (wire.delayMs === 0) client.write(piece);
      else if (wire.delayMs !== Infinity) setTimeout(() => client.writable && client.write(piece), wire.delayMs);
    });
    behind.once('close', () => client.destroy());
    client.once('close', () => behind.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const wire = {
    port: (server.address() as { port: number }).port,
    delayMs: 0,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((done) => server.close(() => done()));
    },
  };
  return wire;
}
