/** Lets Node's parser read a described request, as the server of a gateway does, and runs it through a snapshot. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { contextOf } from '../../context/request-context.js';
import { isHealthCheck } from '../../http/health-check.js';
import { onEachRequest, READING_OPTIONS } from '../../http/request-server.js';
import type { Snapshot } from '../snapshot.js';
import { describeConnection } from './described-connection.js';
import type { DescribedRequest } from './described-request.js';
import type { Endpoint } from './endpoint.js';
import type { Trial } from './trial.js';

/** A method that asks a server has a shorter deadline of its own. */
const DEADLINE_MS = 60_000;

export class Rehearsal {
  /** By the greatest size of a head. The servers listen nowhere. */
  readonly #servers = new Map<number | undefined, Server>();
  #trial: Trial | undefined;

  constructor(
    private readonly snapshot: Snapshot,
    private readonly standalone: boolean,
  ) {}

  async run(
    trial: Trial,
    { description, endpoint }: { description: DescribedRequest; endpoint: Endpoint },
  ): Promise<void> {
    const server = this.#serverOf(endpoint.listener?.maxHeaderBytes);
    const connection = describeConnection(endpoint.connection);
    connection.on('error', () => undefined);
    this.#trial = trial;
    const deadline = setTimeout(() => trial.end('answered'), DEADLINE_MS);
    try {
      server.emit('connection', connection);
      connection.push(description.head);
      await trial.ended;
    } finally {
      clearTimeout(deadline);
      this.#trial = undefined;
      connection.destroy();
    }
  }

  #serverOf(maxHeaderSize: number | undefined): Server {
    let server = this.#servers.get(maxHeaderSize);
    if (!server) this.#servers.set(maxHeaderSize, (server = this.#create(maxHeaderSize)));
    return server;
  }

  #create(maxHeaderSize: number | undefined): Server {
    const server = createServer({ ...READING_OPTIONS, ...(maxHeaderSize !== undefined && { maxHeaderSize }) });
    onEachRequest(server, (req, res) => this.#request(req, res));
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(req, socket, head));
    server.on('connect', () => this.#trial?.end({ unreadable: 'CONNECT' }));
    server.on('clientError', ({ code }: NodeJS.ErrnoException) => this.#trial?.end({ unreadable: code }));
    return server;
  }

  #request(req: IncomingMessage, res: ServerResponse): void {
    const trial = this.#trial;
    if (!trial) return;
    if (this.standalone && isHealthCheck(req, this.snapshot.plan.health)) return trial.end('health');
    res.once('finish', () => trial.end('answered'));
    this.snapshot.request(req, res, () => trial.end('handed_over'));
    trial.context ??= contextOf(req);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const trial = this.#trial;
    if (!trial) return;
    const handOver = (): void => trial.end('handed_over');
    this.snapshot.upgrade(req, socket, this.standalone ? { head } : { head, handOver });
    trial.context ??= contextOf(req);
  }
}
