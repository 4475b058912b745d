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
import type { Evaluation } from './evaluation.js';

/** A method that asks a server has a shorter deadline of its own. */
const DEADLINE_MS = 60_000;

export class OfflineServer {
  /** By the greatest size of a head. The servers listen nowhere. */
  readonly #servers = new Map<number | undefined, Server>();
  #evaluation: Evaluation | undefined;

  constructor(
    private readonly snapshot: Snapshot,
    private readonly standalone: boolean,
  ) {}

  async run(
    evaluation: Evaluation,
    { description, endpoint }: { description: DescribedRequest; endpoint: Endpoint },
  ): Promise<void> {
    const server = this.#serverOf(endpoint.listener?.maxHeaderBytes);
    const connection = describeConnection(endpoint.connection);
    connection.on('error', () => undefined);
    this.#evaluation = evaluation;
    const deadline = setTimeout(() => evaluation.end('answered'), DEADLINE_MS);
    try {
      server.emit('connection', connection);
      connection.push(description.head);
      await evaluation.ended;
    } finally {
      clearTimeout(deadline);
      this.#evaluation = undefined;
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
    server.on('connect', () => this.#evaluation?.end({ unreadable: 'CONNECT' }));
    server.on('clientError', ({ code }: NodeJS.ErrnoException) => this.#evaluation?.end({ unreadable: code }));
    return server;
  }

  #request(req: IncomingMessage, res: ServerResponse): void {
    const evaluation = this.#evaluation;
    if (!evaluation) return;
    if (this.standalone && isHealthCheck(req, this.snapshot.plan.health)) return evaluation.end('health');
    res.once('finish', () => evaluation.end('answered'));
    this.snapshot.request(req, res, () => evaluation.end('handed_over'));
    evaluation.context ??= contextOf(req);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const evaluation = this.#evaluation;
    if (!evaluation) return;
    const handOver = (): void => evaluation.end('handed_over');
    this.snapshot.upgrade(req, socket, this.standalone ? { head } : { head, handOver });
    evaluation.context ??= contextOf(req);
  }
}
