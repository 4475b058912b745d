/** A connection to a Redis that can be cut, delayed, or made to send invalid answers. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { listening } from './recording-upstream.js';

export const REDIS_FAULTS = ['refused', 'hung', 'slow', 'reset', 'garbage', 'huge', 'TLS error', 'errors'] as const;
export type RedisFault = (typeof REDIS_FAULTS)[number];

const SLOW_MS = 400;
const PIECE = Buffer.alloc(65_536, 0x61);
/** What is sent instead of an answer. */
const WORDS: Partial<Record<RedisFault, Buffer>> = {
  garbage: Buffer.from('HTTP/1.1 200 OK\r\n\r\nbanana\r\n'),
  huge: Buffer.from('$500000000\r\n'),
  // A fatal alert, as a TLS server sends it.
  'TLS error': Buffer.from([0x15, 3, 3, 0, 2, 2, 40]),
  errors: Buffer.from('-ERR nothing works here\r\n'),
};

export class FaultyRedis {
  #fault: RedisFault | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  port = 0;

  constructor(private readonly redis: number) {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async start(): Promise<this> {
    this.port = await listening(this.#server);
    return this;
  }

  fail(fault: RedisFault): void {
    this.#fault = fault;
    this.#cut();
  }

  heal(): void {
    this.#fault = undefined;
    this.#cut();
  }

  async close(): Promise<void> {
    this.#cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#keep(socket);
    const fault = this.#fault;
    if (fault === 'refused') return void socket.destroy();
    if (fault === 'hung') return void socket.resume();
    if (fault === 'reset') return void socket.on('data', () => socket.resetAndDestroy());
    const words = fault && WORDS[fault];
    if (words) return void socket.on('data', () => this.#say(socket, words, fault));
    const redis = connect(this.redis, '127.0.0.1');
    this.#keep(redis);
    socket.pipe(redis);
    redis.on('data', (piece) => setTimeout(() => socket.write(piece), fault === 'slow' ? SLOW_MS : 0));
    socket.on('close', () => redis.destroy());
    redis.on('close', () => socket.destroy());
  }

  #say(socket: Socket, words: Buffer, fault: RedisFault): void {
    socket.write(words);
    if (fault !== 'huge') return;
    // Some megabytes of the announced half gigabyte.
    for (let piece = 0; piece < 100; piece++) socket.write(PIECE);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}
